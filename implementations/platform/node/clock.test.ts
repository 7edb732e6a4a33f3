/**
 * Goal: the real clock keeps the promises that Node's own timers do not: never early, ordered by due time.
 * Method: many timers of random delays; the clock is read in each callback. Only lower bounds on time are checked.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { nodeClock } from "./clock.ts";
import { waitUntil } from "./wait-until.ts";

test("timers are never early and fire in the order in which they are due", async () => {
  const random = seededRandom("node clock");
  /** The due time as the caller can know it: the clock was read somewhere between. */
  const fired: { readonly soonestMs: number; readonly latestMs: number }[] = [];
  for (let count = 0; count < 500; count++) {
    const delayMs = random.below(3) === 0 ? random.below(4) : random.float() * 40;
    const due = { soonestMs: nodeClock.nowMs() + delayMs, latestMs: 0 };
    nodeClock.after(delayMs, () => {
      assert.ok(nodeClock.nowMs() >= due.soonestMs, `due at ${due.soonestMs}, fired at ${nodeClock.nowMs()}`);
      fired.push(due);
    });
    due.latestMs = nodeClock.nowMs() + delayMs;
  }
  await waitUntil("all have fired", () => fired.length === 500);
  const inversions = fired.filter(({ latestMs }, index) => latestMs < (fired[index - 1]?.soonestMs ?? 0));
  assert.deepEqual(inversions, []);
});

test("a timer without delay comes after what is running, and before any that waits", async () => {
  const order: string[] = [];
  const waiting = nodeClock.after(1e6, () => order.push("waited"));
  nodeClock.after(0, () => order.push("first"));
  nodeClock.after(0, () => order.push("second"));
  order.push("running");
  await waitUntil("both have fired", () => order.length === 3);
  waiting.cancel();
  assert.deepEqual(order, ["running", "first", "second"]);
});

test("a cancelled timer neither fires nor disturbs the others", async () => {
  const fired: string[] = [];
  // Each is set after those that are due before it: that order holds however long the process is held up in between.
  nodeClock.after(1, () => fired.push("early")).cancel();
  nodeClock.after(2, () => late.cancel());
  const late = nodeClock.after(3, () => fired.push("late"));
  nodeClock.after(4, () => fired.push("last"));
  await waitUntil("the last has fired", () => fired.includes("last"));
  assert.deepEqual(fired, ["last"]);
});
