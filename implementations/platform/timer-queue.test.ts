/**
 * Goal: timers leave in order of due time, then of insertion, whatever was cancelled between.
 * Method: random programs of adding, cancelling and taking, against a sorted list.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TimerQueue } from "./timer-queue.ts";

type Step =
  | { readonly kind: "add"; readonly dueMs: number }
  | { readonly kind: "cancel"; readonly which: number }
  | { readonly kind: "take" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), dueMs: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
);

test("behaves as a sorted list does", () => {
  const property = fc.property(fc.array(step, { maxLength: 600, size: "max" }), (steps) => {
    const queue = new TimerQueue();
    const model: { dueMs: number; name: number }[] = [];
    const timers: { cancel(): void }[] = [];
    let taken: number | undefined;
    for (const act of steps) {
      if (act.kind === "add") {
        const name = timers.length;
        timers.push(queue.add(act.dueMs, () => (taken = name)));
        model.push({ dueMs: act.dueMs, name });
      } else if (act.kind === "cancel" && timers.length > 0) {
        const name = act.which % timers.length;
        timers[name]?.cancel(); // Also of one that has fired or was cancelled before.
        const at = model.findIndex((timer) => timer.name === name);
        if (at >= 0) model.splice(at, 1);
      } else if (act.kind === "take") {
        const next = model.toSorted((a, b) => a.dueMs - b.dueMs || a.name - b.name)[0];
        assert.equal(queue.nextDueMs(), next?.dueMs ?? Infinity);
        taken = undefined;
        queue.take()?.();
        assert.equal(taken, next?.name);
        if (next !== undefined) model.splice(model.indexOf(next), 1);
      }
      assert.equal(queue.size, model.length);
    }
  });
  fc.assert(property, { seed: 4, numRuns: 200 }); // A failure prints the path that replays it with this seed.
});

test("a queue that is mostly cancelled is rebuilt in order", () => {
  const queue = new TimerQueue();
  const fired: number[] = [];
  const timers = Array.from({ length: 10_000 }, (_, index) =>
    queue.add((index * 7919) % 10_007, () => fired.push(index)),
  );
  timers.forEach((timer, index) => {
    if (index % 100 !== 0) timer.cancel();
  });
  assert.equal(queue.size, 100);
  for (let fire = queue.take(); fire !== undefined; fire = queue.take()) fire();
  const dueMs = fired.map((index) => (index * 7919) % 10_007);
  assert.deepEqual(
    dueMs,
    dueMs.toSorted((a, b) => a - b),
  );
  assert.equal(fired.length, 100);
});

test("a due time that is not a time is a bug of the caller", () => {
  assert.throws(() => new TimerQueue().add(NaN, () => undefined), /finite/);
  assert.throws(() => new TimerQueue().add(Infinity, () => undefined), /finite/);
});
