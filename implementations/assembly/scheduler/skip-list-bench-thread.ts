/** A thread of the queue benchmark (skip-list-bench.ts): half insertions, half removals of the least, at random. */

import { parentPort, workerData } from "node:worker_threads";

import { assert } from "../../foundation/assert.ts";
import { SkipLists } from "../../scheduler/production/skip-list.ts";
import { LockedHeap } from "./locked-heap.ts";
import { stoppedAt } from "./skip-list-bench.ts";
import type { BenchThreadData } from "./skip-list-bench.ts";

const { structure, shared, layout, thread, operations, prefill, turns, start } = workerData as BenchThreadData;
/** Operations between two looks at whether the others are still at work. */
const chunk = 512;
const slotsEach = Math.floor(layout.slots / layout.threads);
const started = new Int32Array(start);
const firstSlot = thread * slotsEach;

/** A queue that takes and gives slots, so that both structures are driven by the same loop. */
interface Queue {
  isReclaimable(slot: number): boolean;
  insert(slot: number, rank: number, order: number): void;
  popMin(): number;
}

function queue(): Queue {
  if (structure === "locked-heap") {
    const heap = new LockedHeap(shared, layout.slots);
    return {
      isReclaimable: () => true,
      insert: (slot, rank, order) => heap.insert(slot, rank, order),
      popMin: () => heap.popMin(),
    };
  }
  const lists = new SkipLists(shared, 0, layout, thread);
  return {
    isReclaimable: (slot) => lists.isReclaimable(slot),
    insert: (slot, rank, order) => lists.insert(0, slot, rank, order),
    popMin: () => lists.popMin(0),
  };
}

/** Slots this thread may insert: a ring; whoever removes a slot inserts it again, the longest unused first. */
const free = new Int32Array(layout.slots + 1);
let [head, tail] = [0, 0];

function give(slot: number): void {
  free[tail] = slot;
  tail = tail + 1 === free.length ? 0 : tail + 1;
}

let random = Math.imul(thread + 1, 0x9e3779b9) | 1;

/** xorshift32: of the generators that cost nothing beside an operation. */
function draw(): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random >>> 0;
}

function work(on: Queue, count: number): void {
  for (let done = 0; done < count; done++) {
    for (let turn = 0; turn < turns; turn++) draw();
    const isInsertion = draw() < 2 ** 31 && head !== tail && on.isReclaimable(free[head]!);
    if (isInsertion) insert(on, done);
    else {
      const slot = on.popMin();
      if (slot >= 0) give(slot);
    }
  }
}

function insert(on: Queue, order: number): void {
  const slot = free[head]!;
  head = head + 1 === free.length ? 0 : head + 1;
  on.insert(slot, draw(), order);
}

/** Whoever is the first to have done its share ends it for all: what is measured is all threads at work. */
function workTogether(on: Queue): number {
  let done = 0;
  while (done < operations && Atomics.load(started, stoppedAt) === 0) {
    work(on, Math.min(operations - done, chunk));
    done += chunk;
  }
  Atomics.store(started, stoppedAt, 1);
  return Math.min(done, operations);
}

const own = queue();
for (let slot = firstSlot; slot < firstSlot + slotsEach; slot++) give(slot);
assert(prefill < slotsEach, "there are slots left to insert");
for (let count = 0; count < prefill; count++) insert(own, count);
// Compiled before it is timed; all threads warm up together.
work(own, Math.min(operations, 50_000));
Atomics.add(started, 1, 1);
parentPort?.postMessage("ready", []);
Atomics.wait(started, 0, 0);
parentPort?.postMessage(workTogether(own), []);
