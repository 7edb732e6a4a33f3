/** When a scheduler has come to rest: nobody is merely down, and every task that anybody knows has ended. */

import type { States } from "../room.ts";
import type { SchedulerTypes } from "./room.ts";

export function agree(states: States<SchedulerTypes>): boolean {
  let held = 0;
  for (const state of states.values()) {
    if (state.kind === "state") {
      held++;
      if (state.state.tasks.some(([, , end]) => end === null)) return false;
    } else if (state.reason.endsWith("is down")) return false;
  }
  return held > 0;
}
