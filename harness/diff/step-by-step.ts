/**
 * First comparison of implementations: without faults and with one client, every result and every canonical state
 * after an operation are equal. The first run is the reference.
 *
 * A run's comparison ends with its first divergence: from there on the states differ for that reason.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { comparisonOf } from "./divergence.ts";
import type { Comparison, Divergence } from "./divergence.ts";
import { describeDifference, firstDifference, shorten } from "./canonical-diff.ts";

/** One operation, how it ended, and the canonical state after it; undefined: no node could tell its state. */
export interface Step {
  readonly operation: unknown;
  readonly outcome: unknown;
  readonly state: unknown;
}

export interface SteppedRun {
  readonly implementation: string;
  readonly steps: Iterable<Step>;
}

/**
 * Compares runs of the same operations.
 *
 * @param runs at least one; steps are taken from all of them in turn, so lazily made ones need not be kept.
 * @returns `compared` counts steps of every run but the first. A step without a state leaves the verdict unknown.
 * @throws AssertionError when the runs were not given the same operations.
 */
export function compareSteps(runs: readonly SteppedRun[]): Comparison {
  const [reference, ...others] = runs;
  assert(reference !== undefined, "there is a run to compare");
  const divergences: Divergence[] = [];
  const followed = others.map(({ implementation, steps }) => ({ implementation, steps: steps[Symbol.iterator]() }));
  let compared = 0;
  let missing: string | undefined;
  let number = 0;
  for (const expected of reference.steps) {
    number++;
    for (const run of followed) {
      if (divergences.some(({ implementation }) => implementation === run.implementation)) continue;
      const next = run.steps.next();
      compared++;
      const step = next.done === true ? undefined : next.value;
      const names = [reference.implementation, run.implementation] as const;
      const divergence =
        step === undefined ? ended(names, number, expected) : compareStep(names, number, expected, step);
      if (divergence !== undefined) divergences.push(divergence);
      else if (step?.state === undefined || expected.state === undefined) {
        missing ??= `no state after step ${number} of ${step?.state === undefined ? names[1] : names[0]}`;
      }
    }
  }
  return comparisonOf("step-by-step", compared, "steps", divergences, missing);
}

type Names = readonly [reference: string, implementation: string];

function compareStep(names: Names, number: number, expected: Step, step: Step): Divergence | undefined {
  const operations = firstDifference(expected.operation, step.operation);
  assert(operations === undefined, `all implementations get the same operation ${number}`);
  const outcome = firstDifference(expected.outcome, step.outcome);
  if (outcome !== undefined) return diverged(names, "result of", number, expected, step, outcome);
  if (expected.state === undefined || step.state === undefined) return undefined;
  const state = firstDifference(expected.state, step.state);
  return state === undefined ? undefined : diverged(names, "state after", number, expected, step, state);
}

function diverged(
  [reference, implementation]: Names,
  what: string,
  number: number,
  expected: Step,
  step: Step,
  difference: NonNullable<ReturnType<typeof firstDifference>>,
): Divergence {
  const description = [
    describeDifference(difference, reference, implementation),
    `the operation: ${shorten(expected.operation)}`,
    `${reference}: result ${shorten(expected.outcome)}, state ${shorten(expected.state)}`,
    `${implementation}: result ${shorten(step.outcome)}, state ${shorten(step.state)}`,
  ].join("\n");
  return { implementation, reference, where: `${what} step ${number}`, description };
}

function ended([reference, implementation]: Names, number: number, { operation }: Step): Divergence {
  const description = `${implementation} has no step ${number}; ${reference}'s is ${shorten(operation)}`;
  return { implementation, reference, where: `step ${number}`, description };
}
