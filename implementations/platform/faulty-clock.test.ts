/**
 * Goal: a node's timers follow its own clock through jumps, skews and strobes, and without faults nothing changes.
 * Method: on virtual time, compare when timers fire in true time with what the clock's definition says.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FaultyClock } from "./faulty-clock.ts";
import { VirtualTime } from "./simulated/clock.ts";

function setUp(): {
  time: VirtualTime;
  clock: FaultyClock;
  fired: string[];
  note: (name: string) => () => void;
  run: () => void;
} {
  const time = new VirtualTime();
  const fired: string[] = [];
  return {
    time,
    clock: new FaultyClock(time),
    fired,
    note: (name) => () => fired.push(`${name}@${Math.round(time.nowMs() * 1000) / 1000}`),
    run: () => {
      while (time.step());
    },
  };
}

test("a clock without faults is its base, timers included", () => {
  const { time, clock, fired, note, run } = setUp();
  clock.after(5, note("later"));
  clock.after(1, note("first"));
  clock.after(5, note("after later"));
  clock.after(3, note("cancelled")).cancel();
  run();
  assert.deepEqual(fired, ["first@1", "later@5", "after later@5"]);
  assert.equal(clock.nowMs(), time.nowMs());
});

test("a jump forward fires at once, and in order, what became due; the rest comes earlier", () => {
  const { clock, fired, note, run } = setUp();
  clock.after(400, note("c"));
  clock.after(20, note("b"));
  clock.after(10, note("a"));
  const jump = clock.inject({ kind: "jump", byMs: 100 });
  assert.deepEqual(fired, [], "never inside inject: a node is not re-entered");
  run();
  assert.deepEqual(fired, ["a@0", "b@0", "c@300"]);
  assert.deepEqual(jump.efficacy(), { count: 100, unit: "ms of clock error" });
  const beforeMs = clock.nowMs();
  jump.heal();
  assert.equal(clock.nowMs(), beforeMs, "healing is not a second jump");
});

test("a jump backward makes timers wait for the time to come round again", () => {
  const { clock, fired, note, run } = setUp();
  clock.after(10, note("a"));
  clock.inject({ kind: "jump", byMs: -50 });
  assert.equal(clock.nowMs(), -50);
  run();
  assert.deepEqual(fired, ["a@60"]);
});

test("a skewed clock fires in its own time, for timers set before, during and after", () => {
  const { time, clock, fired, note, run } = setUp();
  clock.after(100, note("before"));
  const skew = clock.inject({ kind: "skew", rate: 2 });
  clock.after(100, note("during"));
  time.after(20, () => {
    skew.heal();
    assert.equal(clock.nowMs(), 40);
    clock.after(100, note("after"));
  });
  run();
  assert.deepEqual(fired, ["before@80", "during@80", "after@120"]);
  assert.deepEqual(skew.efficacy(), { count: 20, unit: "ms of clock error" });
});

test("a strobe jumps forth and back, and ends where it began", () => {
  const { time, clock, run } = setUp();
  const strobe = clock.inject({ kind: "strobe", byMs: 30, periodMs: 10 });
  const seen: number[] = [];
  for (const atMs of [5, 15, 25]) time.after(atMs, () => seen.push(clock.nowMs()));
  time.after(25, () => strobe.heal());
  run();
  assert.deepEqual(seen, [35, 15, 55]);
  assert.equal(clock.nowMs(), time.nowMs());
  assert.deepEqual(strobe.efficacy(), { count: 4, unit: "jumps" });
});

test("a crashed node's timers die; the fault of its clock goes on", () => {
  const { time, clock, fired, note } = setUp();
  clock.after(5, note("dead"));
  clock.inject({ kind: "strobe", byMs: 1000, periodMs: 10 });
  clock.cancelAll();
  clock.after(2000, note("next life"));
  for (let count = 0; count < 300; count++) time.step();
  assert.equal(fired.length, 1);
  assert.match(fired[0] ?? "", /^next life@/);
});

test("whatever the rate, a timer fires when the clock has reached its due time, and only then", () => {
  const property = fc.property(
    fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { minLength: 1, maxLength: 5 }),
    fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 20 }),
    (rates, delays) => {
      const { time, clock, run } = setUp();
      let waiting = delays.length;
      for (const delayMs of delays) {
        const dueMs = clock.nowMs() + delayMs;
        clock.after(delayMs, () => {
          waiting--;
          assert.ok(clock.nowMs() >= dueMs, "not early");
          assert.ok(clock.nowMs() - dueMs < 1e-3, "not late");
        });
      }
      rates.forEach((rate, index) => time.after(index * 3, () => clock.inject({ kind: "skew", rate })));
      run();
      assert.equal(waiting, 0);
    },
  );
  fc.assert(property, { seed: 5, numRuns: 200 }); // A failure prints the path that replays it with this seed.
});
