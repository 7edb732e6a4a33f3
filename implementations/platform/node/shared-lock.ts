/**
 * A mutual-exclusion lock in shared memory, between the thread that must never block and those that may.
 *
 * Three states, so that an uncontended lock costs one atomic operation and no system call: free, held, held with
 * somebody asleep. The protocol thread only ever tries; a thread of its own may wait.
 *
 * @see Drepper 2011, "Futexes are tricky", section 6 ("mutex2").
 */

import { assert } from "../../foundation/assert.ts";

const free = 0;
const held = 1;
const heldWithSleepers = 2;

/** Int32 cells that a lock takes: its state, and how often it was acquired and found taken. */
export const lockCells = 3;

export class SharedLock {
  readonly #cells: Int32Array;
  readonly #at: number;

  /** @param at the first of `lockCells` cells, all 0 in the beginning. */
  constructor(cells: Int32Array, at: number) {
    this.#cells = cells;
    this.#at = at;
  }

  /**
   * How often the lock was acquired, and how often an attempt found it taken, by all threads together; wraps at 2^32.
   */
  get counts(): { readonly acquisitions: number; readonly contentions: number } {
    return {
      acquisitions: Atomics.load(this.#cells, this.#at + 1) >>> 0,
      contentions: Atomics.load(this.#cells, this.#at + 2) >>> 0,
    };
  }

  /** Takes the lock if it is free; a few attempts, for its holder needs nanoseconds. Never sleeps. */
  tryLock(): boolean {
    for (let attempt = 0; attempt < 64; attempt++) {
      if (Atomics.compareExchange(this.#cells, this.#at, free, held) === free) {
        Atomics.add(this.#cells, this.#at + 1, 1);
        return true;
      }
      if (attempt === 0) Atomics.add(this.#cells, this.#at + 2, 1);
    }
    return false;
  }

  /** Takes the lock, asleep until it is free. Not for the protocol thread. */
  lock(): void {
    if (this.tryLock()) return;
    while (Atomics.exchange(this.#cells, this.#at, heldWithSleepers) !== free) {
      Atomics.wait(this.#cells, this.#at, heldWithSleepers);
    }
    Atomics.add(this.#cells, this.#at + 1, 1);
  }

  unlock(): void {
    const before = Atomics.exchange(this.#cells, this.#at, free);
    assert(before !== free, "only a taken lock is released");
    if (before === heldWithSleepers) Atomics.notify(this.#cells, this.#at, 1);
  }
}
