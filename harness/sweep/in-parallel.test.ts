/**
 * Goal: all work is done, in bounded parallel, its events come as they are told and its results in order; a failure
 * ends it without leaving work behind. Method: work that the test lets end when it wants.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inParallel } from "./in-parallel.ts";

async function drain<Event, Result>(
  run: AsyncGenerator<Event, Result>,
): Promise<{ readonly events: readonly Event[]; readonly result: Result }> {
  const events: Event[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { events, result: next.value };
    events.push(next.value);
  }
}

test("no more at a time than allowed; results in order, whatever ends first", async () => {
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const underWay = new Set<number>();
  let most = 0;
  const run = inParallel<string, number>(5, 2, async (index, tell) => {
    underWay.add(index);
    most = Math.max(most, underWay.size);
    tell(`begin ${index}`);
    await Promise.resolve();
    // The second one waits until all others are done.
    if (index === 1) await gates[4]!.promise;
    gates[index]!.resolve();
    underWay.delete(index);
    return index * 10;
  });
  const { events, result } = await drain(run);
  assert.deepEqual(result, [0, 10, 20, 30, 40]);
  assert.equal(most, 2);
  assert.deepEqual(events.toSorted(), ["begin 0", "begin 1", "begin 2", "begin 3", "begin 4"]);
});

test("an event is yielded while the work goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const run = inParallel<string, void>(1, 4, async (_index, tell) => {
    tell("early");
    await gate.promise;
  });
  assert.deepEqual(await run.next(), { done: false, value: "early" });
  gate.resolve();
  assert.equal((await run.next()).done, true);
});

test("after a failure nothing new begins, what is under way ends, and the failure is thrown", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const failed = Promise.withResolvers<void>();
  const run = inParallel<never, void>(6, 2, async (index) => {
    begun.push(index);
    if (index === 0) {
      failed.resolve();
      throw new Error("no");
    }
    await failed.promise;
    ended.push(index);
  });
  await assert.rejects(drain(run), /^Error: no$/);
  assert.deepEqual([begun, ended], [[0, 1], [1]]);
});

test("nothing to do is done at once", async () => {
  const { events, result } = await drain(inParallel<never, void>(0, 2, () => assert.fail("there is no work")));
  assert.deepEqual([events, result], [[], []]);
});
