/** What executes the attempts of a minimal scheduler: in virtual time, or on the thread that asks. */

import type { TaskBody } from "../../scheduler/contract.ts";
import type { Assignment, AttemptOutcome } from "../../scheduler/minimal.ts";

export interface AttemptExecutor {
  /** Begins an attempt; `ended` is called once, after this call returned. Nobody may want to know by then. */
  execute(assignment: Assignment, ended: (outcome: AttemptOutcome) => void): void;
  /** Finds out whether there is such a function; `found` may be called before this call returns. */
  resolve(call: CallBody, found: (exists: boolean) => void): void;
}

export type CallBody = Extract<TaskBody, { readonly kind: "call" }>;

/** How a built-in task ends once its time is over. A call is none. */
export function outcomeOf(body: Exclude<TaskBody, CallBody>, attempt: number): AttemptOutcome {
  switch (body.kind) {
    case "spin":
    case "sleep":
      return { kind: "completed", result: body.returns ?? null };
    case "fail":
      if (attempt > (body.times ?? Infinity)) return { kind: "completed", result: null };
      return { kind: "threw", message: body.message };
    case "crash":
      return { kind: attempt > (body.times ?? Infinity) ? "completed" : "crashed", result: null };
  }
}
