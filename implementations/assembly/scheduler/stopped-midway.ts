/**
 * What is left to the others while a thread stands still in the middle of an operation: the definition of lock-freedom,
 * tried out at every place.
 *
 * One view of a queue begins an insertion or a removal and stops for good before its n-th atomic access, for every n.
 * Another view then inserts and removes. It is blocked if it would have to sleep, or has done nothing after many more
 * accesses than it ever needs. Exact: one thread plays both parts, and no clock is read.
 *
 * @see Herlihy & Shavit 2008, "The Art of Multiprocessor Programming", section 3.7 (progress conditions).
 */

import { assert } from "../../foundation/assert.ts";
import { skipListBytes } from "../../scheduler/production/skip-list-memory.ts";
import { SkipLists } from "../../scheduler/production/skip-list.ts";
import { atAtomicStep } from "./at-atomic-step.ts";
import { LockedHeap, lockedHeapBytes } from "./locked-heap.ts";

export type QueueStructure = "skip-list" | "locked-heap";

export interface StoppedMidway {
  /** Places in the middle of an operation. */
  readonly places: number;
  /** Those at which whoever stops there keeps the others from doing anything. */
  readonly blocking: number;
}

interface Queue {
  insert(slot: number, rank: number): void;
  popMin(): number;
}

const slots = 64;
const filled = 20;
/** An operation on so few elements needs some dozens. */
const mostAccesses = 10_000;

class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Tries every place of an insertion and of a removal. */
export function stoppedMidway(structure: QueueStructure): StoppedMidway {
  const operations: readonly ((queue: Queue) => void)[] = [
    (queue) => queue.insert(filled, filled / 2),
    (queue) => void queue.popMin(),
  ];
  let [places, blocking] = [0, 0];
  for (const operation of operations) {
    for (let step = 0; ; step++) {
      const [stopping, going] = viewsOf(structure);
      for (let slot = 0; slot < filled; slot++) stopping.insert(slot, slot);
      if (!stops(() => atAtomicStep(step, () => operation(stopping), stop))) break;
      places++;
      if (isBlocked(going)) blocking++;
    }
  }
  assert(places > 0, "operations on shared memory have atomic accesses");
  return { places, blocking };
}

function isBlocked(queue: Queue): boolean {
  const { wait } = Atomics;
  Object.assign(Atomics, { wait: stop });
  try {
    const work = (): void => {
      queue.insert(filled + 1, 0);
      assert(queue.popMin() >= 0, "there is something to remove");
    };
    return stops(() => atAtomicStep(mostAccesses, work, stop));
  } finally {
    Object.assign(Atomics, { wait });
  }
}

function viewsOf(structure: QueueStructure): readonly [Queue, Queue] {
  if (structure === "locked-heap") {
    const shared = new SharedArrayBuffer(lockedHeapBytes(slots));
    const view = (): Queue => {
      const heap = new LockedHeap(shared, slots);
      return { insert: (slot, rank) => heap.insert(slot, rank, slot), popMin: () => heap.popMin() };
    };
    return [view(), view()];
  }
  const layout = { slots, lists: 1, threads: 2 };
  const shared = new SharedArrayBuffer(skipListBytes(layout));
  const view = (thread: number): Queue => {
    const lists = new SkipLists(shared, 0, layout, thread);
    return { insert: (slot, rank) => lists.insert(0, slot, rank, slot), popMin: () => lists.popMin(0) };
  };
  return [view(0), view(1)];
}

function stop(): never {
  throw new Stopped("it stands still here");
}

/** Whether `work` is stopped before it is done. */
function stops(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof Stopped) return true;
    throw error;
  }
}
