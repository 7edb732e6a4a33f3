/**
 * Goal: real threads that take tasks from one run queue take each once, in order and within their limits, whoever is
 * terminated in the middle. Method: seeded rounds (what is offered; how threads interleave is the machine's), judged
 * after each. That the judge finds what it looks for: the mutants of the scheduler.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { stressRunQueue } from "./stress-run-queue.ts";

for (const threads of [2, 3]) {
  test(`${threads} threads`, async () => {
    const verdict = await stressRunQueue({ seed: `test with ${threads}`, rounds: 6, threads, tasks: 1500 });
    assert.equal(verdict.validity, "valid", verdict.counterexample);
  });
}
