/**
 * The baseline of the skip list: a binary heap in shared memory under one lock. Same keys, same slots, one list.
 *
 * @see Cormen et al., "Introduction to Algorithms", chapter 6.
 */

import { assert } from "../../foundation/assert.ts";
import { lockCells, SharedLock } from "../../platform/node/shared-lock.ts";

/** Words before the heap: the lock, then how many are in it. */
const sizeAt = lockCells;
const headerWords = 16;

/** Bytes for `slots` slots. */
export function lockedHeapBytes(slots: number): number {
  return 4 * headerWords + slots * (8 + 4 + 4);
}

/** One thread's view. Not safe against the death of a thread that holds the lock. */
export class LockedHeap {
  readonly #header: Int32Array;
  readonly #ranks: Float64Array;
  readonly #orders: Uint32Array;
  readonly #heap: Int32Array;
  readonly #lock: SharedLock;

  /** @param shared all 0 in the beginning, of `lockedHeapBytes(slots)`. */
  constructor(shared: SharedArrayBuffer, slots: number) {
    this.#header = new Int32Array(shared, 0, headerWords);
    this.#ranks = new Float64Array(shared, 4 * headerWords, slots);
    this.#orders = new Uint32Array(shared, 4 * headerWords + 8 * slots, slots);
    this.#heap = new Int32Array(shared, 4 * headerWords + 12 * slots, slots);
    this.#lock = new SharedLock(this.#header, 0);
  }

  /** Adds `slot`, which is not in the heap. */
  insert(slot: number, rank: number, order: number): void {
    this.#lock.lock();
    this.#ranks[slot] = rank;
    this.#orders[slot] = order;
    let at = this.#header[sizeAt]!++;
    assert(at < this.#heap.length, "a slot is in the heap once");
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent]!;
      if (!this.#isBefore(slot, above)) break;
      this.#heap[at] = above;
      at = parent;
    }
    this.#heap[at] = slot;
    this.#lock.unlock();
  }

  /** Removes the least; -1 when empty. */
  popMin(): number {
    this.#lock.lock();
    const size = this.#header[sizeAt]! - 1;
    const least = size < 0 ? -1 : this.#heap[0]!;
    if (size >= 0) {
      this.#header[sizeAt] = size;
      if (size > 0) this.#sink(this.#heap[size]!, size);
    }
    this.#lock.unlock();
    return least;
  }

  #sink(slot: number, size: number): void {
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!this.#isBefore(this.#heap[child]!, slot)) break;
      this.#heap[at] = this.#heap[child]!;
      at = child;
    }
    this.#heap[at] = slot;
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#ranks[one]! - this.#ranks[other]!;
    return difference < 0 || (difference === 0 && this.#orders[one]! < this.#orders[other]!);
  }
}
