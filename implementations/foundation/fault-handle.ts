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
