/**
 * Goal: what real threads do to the skip list at the same time is a linearizable priority queue, though threads are
 * terminated in the middle and every slot is reused many times; and a thread that reads too late is found out.
 *
 * Method: seeded rounds with 2 and 3 threads (their interleaving is the machine's), judged after each. Interleavings
 * chosen exactly are in implementations/scheduler/production/skip-list-interleavings.test.ts.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { stressSkipList } from "./stress-skip-list.ts";

for (const threads of [2, 3]) {
  test(`${threads} threads share lists`, async () => {
    const verdict = await stressSkipList({ seed: 11, rounds: 4, threads, deaths: 0 });
    assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
  });
}

test("threads are terminated in the middle, and nothing is lost or done twice", async () => {
  const verdict = await stressSkipList({ seed: 12, rounds: 3, threads: 3, deaths: 6, operations: 6000 });
  assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
});

test("slots are reused a thousand times", async () => {
  const verdict = await stressSkipList({ seed: 13, rounds: 1, threads: 2, deaths: 0, operations: 100_000 });
  assert.equal(verdict.validity, "valid", `${verdict.summary}\n${verdict.counterexample}`);
});

test("a thread that reads what it took when it may be reused is found out", async () => {
  const verdict = await stressSkipList({ seed: 14, rounds: 40, threads: 3, deaths: 0, readsLate: true });
  assert.equal(verdict.validity, "invalid", verdict.summary);
});
