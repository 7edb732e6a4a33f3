/**
 * Goal: no end is left unread because the main thread fell asleep at that moment.
 * Method: the two sides on one thread, with the worker's part at each point of the main thread's.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MainThreadSleep } from "./thread-control.ts";

test("what is published before the last look is seen, what is published from then on wakes", () => {
  const mainThread = new MainThreadSleep();
  const worker = new MainThreadSleep(mainThread.shared);
  assert.equal(worker.claimWake(), false, "nobody sleeps");

  // Published before: the last look finds it.
  assert.equal(
    mainThread.fallAsleep(() => true),
    false,
  );
  assert.equal(worker.claimWake(), false, "it did not fall asleep");

  // Published right after the look: the word stood already while it looked.
  let wakes = 0;
  const slept = mainThread.fallAsleep(() => {
    if (worker.claimWake()) wakes++;
    return false;
  });
  assert.deepEqual([slept, wakes], [true, 1]);

  // One waker for one sleep.
  assert.equal(
    mainThread.fallAsleep(() => false),
    true,
  );
  assert.equal(worker.claimWake(), true);
  assert.equal(worker.claimWake(), false);
});
