/**
 * Goal: virtual time has one order, repeats exactly, and waits for nothing.
 * Method: small programs of timers; the same seeded program twice, by rolling hash.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../foundation/crc32c.ts";
import { simulatedRandom } from "./random.ts";
import { VirtualTime } from "./clock.ts";

test("time stands still within an event and jumps to the next", () => {
  const time = new VirtualTime();
  const seen: [string, number][] = [];
  time.after(1e9, () => seen.push(["late", time.nowMs()]));
  time.after(5, () => {
    time.after(0, () => seen.push(["inner", time.nowMs()]));
    seen.push(["outer", time.nowMs()]);
  });
  assert.deepEqual([time.step(), time.step(), time.step(), time.step()], [true, true, true, false]);
  assert.deepEqual(seen, [
    ["outer", 5],
    ["inner", 5],
    ["late", 1e9],
  ]);
  assert.equal(time.steps, 3);
});

test("a cancelled timer is not an event, and cancelling late is harmless", () => {
  const time = new VirtualTime();
  const timer = time.after(1, () => undefined);
  time.after(2, () => assert.fail("cancelled")).cancel();
  assert.equal(time.step(), true);
  timer.cancel();
  assert.equal(time.step(), false);
  assert.equal(time.nowMs(), 1);
});

test("the past cannot be scheduled", () => {
  const time = new VirtualTime();
  time.after(10, () => undefined);
  time.step();
  assert.throws(() => time.after(-1, () => undefined), /at least 0 ms/);
  assert.throws(() => time.at(9, () => undefined), /not before now/);
  assert.throws(() => time.after(NaN, () => undefined), /at least 0 ms/);
});

test("the same seed gives the same order, another seed another", () => {
  assert.equal(hashOfRun("a"), hashOfRun("a"));
  assert.notEqual(hashOfRun("a"), hashOfRun("b"));
});

function hashOfRun(seed: string): number {
  const time = new VirtualTime();
  const random = simulatedRandom(seed);
  let hash = 0;
  const spawn = (name: number): void => {
    time.after(random.below(5), () => {
      hash = crc32c(new TextEncoder().encode(`${name}@${time.nowMs()}`), hash);
      if (time.steps < 5000) spawn(name);
    });
  };
  for (let name = 0; name < 50; name++) spawn(name);
  while (time.step());
  return hash;
}
