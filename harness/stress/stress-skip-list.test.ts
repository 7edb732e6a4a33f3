/**
 * Goal: what real threads do to the skip list at the same time is a linearizable priority queue, though threads are
 * terminated in the middle and every slot is reused many times. That a thread which reads too late is found out is left
 * to `npm run stress`: how many rounds that takes is chance.
 *
 * Method: seeded rounds with 2 or 3 threads (their interleaving is the machine's), judged after each; more and longer
 * ones: `npm run stress`. Interleavings chosen exactly are in
 * implementations/scheduler/production/skip-list-interleavings.test.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { stressSkipList } from "./stress-skip-list.ts";

test("three threads share lists", async () => {
  const verdict = await stressSkipList({ seed: 11, rounds: 2, threads: 3, deaths: 0, operations: 1000 });
  assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
});

test("threads are terminated in the middle, and nothing is lost or done twice", async () => {
  const verdict = await stressSkipList({ seed: 12, rounds: 1, threads: 3, deaths: 6, operations: 2500 });
  assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
});

test("slots are reused hundreds of times", async () => {
  const verdict = await stressSkipList({ seed: 13, rounds: 1, threads: 2, deaths: 0, operations: 10_000 });
  assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
});
