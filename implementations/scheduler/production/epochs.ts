/**
 * Reclamation by epochs in shared memory: when nobody can be looking at a removed node any more.
 *
 * A thread that follows links is pinned: its word holds the epoch it saw when it began. The epoch moves on only when
 * every pinned thread has seen the current one. What is unlinked in epoch e may be reused from e + 2 on: whoever could
 * have found it was pinned before it was unlinked, and while such a thread stays pinned the epoch moves at most once
 * more (by somebody who had looked at its word before it was pinned).
 *
 * A thread that dies pinned holds back reclamation, nothing else, until `forget`. What this does not do: bound what one
 * slow thread holds back, as hazard pointers would, for two shared stores per link followed.
 *
 * @see Fraser 2004, "Practical lock-freedom", section 5.2.3.
 */

import { assert } from "../../foundation/assert.ts";

/** Int32 words of a cache line; a word that one thread writes often has a line for itself. */
const lineWords = 16;
/** Epochs count modulo this: they are kept shifted by one, and complemented, in Int32 words. */
const epochs = 0x4000_0000;
const notPinned = 0;

/** Int32 words that the epochs of `threads` threads take. */
export function epochWords(threads: number): number {
  return lineWords * (1 + threads);
}

export class Epochs {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #threads: number;
  readonly #own: number;
  #depth = 0;

  /** @param at the first of `epochWords(threads)` words, all 0 in the beginning. */
  constructor(words: Int32Array, at: number, threads: number, thread: number) {
    assert(thread >= 0 && thread < threads, "a thread has a word of its own");
    this.#words = words;
    this.#at = at;
    this.#threads = threads;
    this.#own = at + lineWords * (1 + thread);
  }

  /** From here until `unpin` nothing that this thread finds is reused. Nests. */
  pin(): void {
    if (this.#depth++ > 0) return;
    // Sequentially consistent, so that no link is read before the others can see that this thread reads links.
    Atomics.store(this.#words, this.#own, (Atomics.load(this.#words, this.#at) << 1) | 1);
  }

  unpin(): void {
    assert(this.#depth > 0, "only a pinned thread is unpinned");
    if (--this.#depth === 0) Atomics.store(this.#words, this.#own, notPinned);
  }

  /** The epoch in which something was unlinked, if that is asked after it was unlinked. */
  now(): number {
    return Atomics.load(this.#words, this.#at);
  }

  /** Whether what was unlinked in `epoch` can be reused; moves the epoch on if it can. */
  isPast(epoch: number): boolean {
    for (let attempt = 0; attempt < 2; attempt++) {
      if (this.#age(epoch) >= 2) return true;
      if (!this.#advance()) return false;
    }
    return this.#age(epoch) >= 2;
  }

  /** `thread` has ended, wherever it was. */
  forget(thread: number): void {
    Atomics.store(this.#words, this.#at + lineWords * (1 + thread), notPinned);
  }

  #age(epoch: number): number {
    return (this.now() - epoch) & (epochs - 1);
  }

  /** False when a pinned thread has not seen the current epoch. */
  #advance(): boolean {
    const current = this.now();
    for (let thread = 0; thread < this.#threads; thread++) {
      const seen = Atomics.load(this.#words, this.#at + lineWords * (1 + thread));
      if (seen !== notPinned && seen !== ((current << 1) | 1)) return false;
    }
    // If it fails, somebody else has moved it on.
    Atomics.compareExchange(this.#words, this.#at, current, (current + 1) & (epochs - 1));
    return true;
  }
}
