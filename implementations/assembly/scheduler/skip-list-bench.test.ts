/**
 * Goal: the benchmark runs, and the baseline is a priority queue.
 * Method: a short run of either structure; random programs on the heap against a sorted array.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { LockedHeap, lockedHeapBytes } from "./locked-heap.ts";
import { runSkipListBench } from "./skip-list-bench.ts";

for (const structure of ["skip-list", "locked-heap"] as const) {
  test(`two threads work on a ${structure}`, async () => {
    let ms = 0;
    const options = { structure, threads: 2, operations: 20_000, turns: 1, now: () => (ms += 10) };
    const { operationsPerS } = await runSkipListBench(options);
    // By this clock it took 10 ms; one thread has done its 10,000, the other what it could meanwhile.
    assert.ok(operationsPerS >= 1_000_000 && operationsPerS <= 2_000_000);
  });
}

test("the heap gives what a sorted array gives", () => {
  const slots = 50;
  const step = fc.record({
    isInsertion: fc.boolean(),
    rank: fc.integer({ min: 0, max: 5 }),
    order: fc.nat({ max: 3 }),
  });
  const property = fc.property(fc.array(step, { maxLength: slots, size: "max" }), (steps) => {
    const heap = new LockedHeap(new SharedArrayBuffer(lockedHeapBytes(slots)), slots);
    const queued: number[] = [];
    steps.forEach(({ isInsertion, rank, order }, slot) => {
      if (isInsertion) {
        heap.insert(slot, rank, order * slots + slot);
        queued.push(rank * 1000 + order * slots + slot);
        queued.sort((a, b) => a - b);
      } else {
        const least = queued.shift();
        assert.equal(heap.popMin(), least === undefined ? -1 : (least % 1000) % slots);
      }
    });
    for (const key of queued) assert.equal(heap.popMin(), (key % 1000) % slots);
    assert.equal(heap.popMin(), -1);
  });
  fc.assert(property, { seed: 5, numRuns: 300 }); // A failure prints the path that replays it with this seed.
});
