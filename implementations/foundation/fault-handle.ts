/** Small builders of fault handles, shared by everything that injects faults. */

import type { FaultHandle } from "./faults.ts";

/** A handle whose `heal` runs once; `count` is asked anew at every look at the efficacy. */
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

/** One handle for several: healed together, their efficacy added up; the first one's unit stands for all. */
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
