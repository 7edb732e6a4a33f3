/** Executes attempts in virtual time. Processors are not scarce there: what spins takes as long as what sleeps. */

import type { Clock } from "../../foundation/effects.ts";
import type { Assignment, AttemptOutcome } from "../../scheduler/minimal.ts";
import { outcomeOf } from "./attempt-executor.ts";
import type { AttemptExecutor } from "./attempt-executor.ts";
import { returned, thrown } from "./call-outcome.ts";
import { simulatedFunction } from "./simulated-modules.ts";

export function virtualExecutor(clock: Clock): AttemptExecutor {
  return {
    execute: (assignment, ended) => {
      const { body, attempt } = assignment;
      if (body.kind === "call") call(clock, assignment, ended);
      else clock.after(body.ms, () => ended(outcomeOf(body, attempt)));
    },
    resolve: (body, found) => found(simulatedFunction(body.module, body.export) !== undefined),
  };
}

function call(clock: Clock, { task, token, body }: Assignment, ended: (outcome: AttemptOutcome) => void): void {
  if (body.kind !== "call") return;
  // Nobody ever asks it to yield, so a checkpoint is a place that is passed.
  const context = { task, token, state: undefined, checkpoint: () => undefined };
  const running = simulatedFunction(body.module, body.export)?.(context, ...body.args);
  const goOn = (): void => {
    try {
      const step = running?.next();
      if (step === undefined || step.done === true) ended(returned(step?.value));
      else clock.after(step.value, goOn);
    } catch (error) {
      ended(thrown(error));
    }
  };
  clock.after(0, goOn);
}
