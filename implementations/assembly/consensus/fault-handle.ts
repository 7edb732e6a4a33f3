/** Small builders of fault handles, shared by the deployments. */

import type { FaultHandle } from "../../foundation/faults.ts";

/** A handle whose `heal` runs once. */
export function faultHandle(unit: string, count: () => number, heal: () => void): FaultHandle {
  let healed = false;
  return {
    heal: () => {
      if (healed) return;
      healed = true;
      heal();
    },
    efficacy: () => ({ count: count(), unit }),
  };
}

/** One handle for several: healed together, their efficacy added up. */
export function combinedHandle(handles: readonly FaultHandle[]): FaultHandle {
  return {
    heal: () => {
      for (const handle of handles) handle.heal();
    },
    efficacy: () => {
      const all = handles.map((handle) => handle.efficacy());
      return { count: all.reduce((sum, { count }) => sum + count, 0), unit: all[0]?.unit ?? "faults" };
    },
  };
}
