/**
 * Goal: real threads that take tasks from one run queue take each once, in order and within their limits, whoever is
 * terminated in the middle. Method: seeded rounds (what is offered; how threads interleave is the machine's), judged
 * after each; three, since every third is of another kind. More and longer ones: `npm run stress`. That the judge finds
 * what it looks for: the mutants of the scheduler.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { stressRunQueue } from "./stress-run-queue.ts";

test("three threads", async () => {
  const verdict = await stressRunQueue({ seed: "test", rounds: 3, threads: 3, tasks: 250 });
  assert.equal(verdict.validity, "valid", verdict.counterexample);
});
