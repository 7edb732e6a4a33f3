/**
 * Sections: what a worker does to the shared tables in one go, so that the owner can wait until nobody is at it.
 *
 * A worker's section word is odd while it is inside. The owner that wants everybody out sets `pause` and looks at the
 * words; a worker enters by making its word odd, and leaves again if `pause` is set. Of these two one sees the other
 * (sequentially consistent writes before reads), so with `pause` set and all words even nobody is inside and nobody
 * gets in. Sections are short and wait for nothing, except those of a dead thread, which count no more.
 *
 * For rare use, after the death of a thread: everything that it may have left half done can then be counted anew,
 * instead of being made recoverable step by step at the cost of every take.
 */

import { header, thread } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

/** A worker's. */
export class Section {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(memory: RunQueueMemory, worker: number) {
    this.#words = memory.words;
    this.#at = memory.threadAt(worker) + thread.section;
  }

  enter(): void {
    const words = this.#words;
    for (;;) {
      Atomics.store(words, this.#at, 1);
      if (Atomics.load(words, header.pause) === 0) return;
      Atomics.store(words, this.#at, 0);
      Atomics.wait(words, header.pause, 1);
    }
  }

  leave(): void {
    Atomics.store(this.#words, this.#at, 0);
  }
}

/** The owner's: keeps the workers out. */
export class Pause {
  readonly #words: Int32Array;
  readonly #memory: RunQueueMemory;

  constructor(memory: RunQueueMemory) {
    this.#words = memory.words;
    this.#memory = memory;
  }

  /** `worker` has died, wherever it was. */
  declareDead(worker: number): void {
    Atomics.store(this.#words, this.#memory.threadAt(worker) + thread.isDead, 1);
  }

  isDead(worker: number): boolean {
    return Atomics.load(this.#words, this.#memory.threadAt(worker) + thread.isDead) !== 0;
  }

  /** `worker`'s number may be taken by a new thread. */
  declareAlive(worker: number): void {
    Atomics.store(this.#words, this.#memory.threadAt(worker) + thread.section, 0);
    Atomics.store(this.#words, this.#memory.threadAt(worker) + thread.isDead, 0);
  }

  /** Keeps the workers out from now on; true once the last has left. */
  begin(): boolean {
    Atomics.store(this.#words, header.pause, 1);
    for (let worker = 0; worker < this.#memory.workers; worker++) {
      const isInside = Atomics.load(this.#words, this.#memory.threadAt(worker) + thread.section) !== 0;
      if (isInside && !this.isDead(worker)) return false;
    }
    return true;
  }

  end(): void {
    Atomics.store(this.#words, header.pause, 0);
    Atomics.notify(this.#words, header.pause);
  }
}
