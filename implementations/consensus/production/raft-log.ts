/**
 * A node's log in memory: the entries after a base, which stands for everything a snapshot replaced.
 *
 * Entries lie in one array behind a head index, so that dropping the front moves each entry at most once more, and no
 * operation costs time in the length of the log. Terms never fall along a log (log matching, section 5.3), so the place
 * where a term begins or ends is found by bisection.
 *
 * It knows nothing of durability, commitment or votes; its caller keeps committed entries from being cut.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.3 (log matching, conflict hints) and 7 (compaction).
 */

import { assert } from "../../foundation/assert.ts";
import type { Entry } from "./messages.ts";

/** The dead front is cut off once it is this long and makes up half of the array. */
const leastDeadEntries = 1024;

/** What an entry takes in memory besides its payload, about. */
export const entryOverheadBytes = 128;

export class RaftLog {
  #entries: (Entry | undefined)[];
  #bytes = 0;
  #head = 0;
  #baseIndex: number;
  #baseTerm: number;

  /**
   * @param base index and term of the last entry that is no longer held; 0 and 0 at the beginning.
   * @param entries contiguous, from `base.index + 1` on.
   */
  constructor(base: { readonly index: number; readonly term: number }, entries: readonly Entry[]) {
    this.#baseIndex = base.index;
    this.#baseTerm = base.term;
    this.#entries = [];
    this.append(entries);
  }

  /** The last index that is no longer held; its term is still known. */
  get baseIndex(): number {
    return this.#baseIndex;
  }

  get firstIndex(): number {
    return this.#baseIndex + 1;
  }

  get lastIndex(): number {
    return this.#baseIndex + this.length;
  }

  get lastTerm(): number {
    return this.#entries.length === this.#head ? this.#baseTerm : this.#at(this.lastIndex).term;
  }

  /** Entries held. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** About what the entries held take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the term of the entry at `index`; undefined before the base and past the end. */
  termAt(index: number): number | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    if (index < this.#baseIndex) return undefined;
    return this.#entries[this.#head + index - this.#baseIndex - 1]?.term;
  }

  /** Adds `entries` at the end. @throws AssertionError when they do not continue the log. */
  append(entries: readonly Entry[]): void {
    let index = this.lastIndex;
    let term = this.lastTerm;
    for (const entry of entries) {
      assert(entry.index === ++index, `entry ${entry.index} stands at index ${index}`);
      assert(entry.term >= term, `terms never fall along a log: ${entry.term} after ${term} at index ${index}`);
      term = entry.term;
      this.#entries.push(entry);
      this.#bytes += entryOverheadBytes + entry.payload.length;
    }
  }

  /** Removes every entry after `index`, which lies in [baseIndex, lastIndex]. */
  truncateAfter(index: number): void {
    assert(index >= this.#baseIndex, `the log is not cut at ${index}, before its base ${this.#baseIndex}`);
    const end = Math.min(this.#entries.length, this.#head + index - this.#baseIndex);
    this.#discount(end, this.#entries.length);
    this.#entries.length = end;
  }

  /** Forgets the entries up to `index`, which becomes the base; it lies in [baseIndex, lastIndex]. */
  dropThrough(index: number): void {
    const term = this.termAt(index);
    assert(term !== undefined, `the log holds its new base ${index}`);
    const head = this.#head + index - this.#baseIndex;
    this.#discount(this.#head, head);
    this.#entries.fill(undefined, this.#head, head);
    this.#head = head;
    this.#baseIndex = index;
    this.#baseTerm = term;
    if (head < leastDeadEntries || head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(head);
    this.#head = 0;
  }

  /** Forgets everything: the log continues after a snapshot. */
  restartAfter(base: { readonly index: number; readonly term: number }): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#head = 0;
    this.#baseIndex = base.index;
    this.#baseTerm = base.term;
  }

  /** Returns the entries from `first` to `last`, both included and held. */
  slice(first: number, last: number): readonly Entry[] {
    assert(first > this.#baseIndex && last <= this.lastIndex, `the log holds ${first} to ${last}`);
    const start = this.#head + first - this.#baseIndex - 1;
    return this.#entries.slice(start, start + last - first + 1) as Entry[];
  }

  /** Returns entries from `first` on, within both bounds; at least one, so that an entry of any size gets through. */
  batch(first: number, maxEntries: number, maxBytes: number): readonly Entry[] {
    const limit = Math.min(this.lastIndex, first + maxEntries - 1);
    let last = first;
    let bytes = this.#at(first).payload.length;
    while (last < limit) {
      bytes += this.#at(last + 1).payload.length;
      if (bytes > maxBytes) break;
      last++;
    }
    return this.slice(first, last);
  }

  /** Returns the lowest index after the base whose entry has `term` or a later one; one past the end without any. */
  firstIndexFrom(term: number): number {
    let low = this.firstIndex;
    let high = this.lastIndex + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#at(middle).term >= term) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Returns where to cut so that at most `maxEntries` entries of `maxBytes` in all remain up to `index`. */
  baseKeeping(index: number, maxEntries: number, maxBytes: number): number {
    const lowest = Math.max(this.#baseIndex, index - maxEntries);
    let base = index;
    let bytes = 0;
    while (base > lowest) {
      bytes += this.#at(base).payload.length;
      if (bytes > maxBytes) break;
      base--;
    }
    return base;
  }

  /** Places [from, to) of the array are given up. */
  #discount(from: number, to: number): void {
    for (let place = from; place < to; place++) {
      this.#bytes -= entryOverheadBytes + (this.#entries[place]?.payload.length ?? 0);
    }
  }

  #at(index: number): Entry {
    const entry = this.#entries[this.#head + index - this.#baseIndex - 1];
    assert(entry !== undefined && index > this.#baseIndex, `the log holds index ${index}`);
    return entry;
  }
}
