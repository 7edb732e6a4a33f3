/**
 * What racing threads did to skip lists, in shared memory, so that it outlives a thread that is terminated.
 *
 * Each thread has room for a fixed number of entries, one per operation, each with the stamps that one shared counter
 * gave before and after it. An entry whose second stamp is missing is of an operation in flight.
 */

import { assert } from "../../foundation/assert.ts";
import type { SkipLists } from "../../scheduler/production/skip-list.ts";

export const operationKinds = ["insert", "popMin", "remove"] as const;
export type OperationKind = (typeof operationKinds)[number];

export interface LogEntry {
  readonly thread: number;
  readonly kind: OperationKind;
  readonly list: number;
  readonly slot: number;
  /** insert, remove: which element. popMin: -1. */
  readonly element: number;
  readonly call: number;
  /** 0: in flight. */
  readonly return: number;
  /** popMin: the element, or -1 for none. remove: the element, or -1 when somebody else had it. */
  readonly result: number;
}

export interface LogLayout {
  readonly threads: number;
  /** Entries per thread. */
  readonly operations: number;
}

/** An element's number: its rank, then a number used once, so that numbers are ordered as the elements are. */
export const elementIds = 2 ** 20;

/** Returns the element in `slot`; the caller knows that nobody reuses it meanwhile. */
export function elementIn(lists: SkipLists, slot: number): number {
  return lists.rankOf(slot) * elementIds + lists.orderOf(slot);
}

const entryWords = 8;
const [kindAt, listAt, slotAt, elementAt, callAt, returnAt, resultAt] = [0, 1, 2, 3, 4, 5, 6];
/** The stamp counter has a cache line to itself. */
const headerWords = 16;

export class SkipListLog {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #layout: LogLayout;

  /** @param shared from the log of another thread; absent: a new log. */
  constructor(layout: LogLayout, shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(4 * (headerWords + layout.threads * layout.operations * entryWords));
    this.#words = new Int32Array(this.shared);
    this.#layout = layout;
  }

  /** How many stamps have been given. */
  get stamps(): number {
    return Atomics.load(this.#words, 0);
  }

  /** How many operations `thread` has begun. */
  begun(thread: number): number {
    let [low, high] = [0, this.#layout.operations];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#words[this.#at(thread, middle) + callAt] === 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  call(thread: number, position: number, kind: OperationKind, list: number, slot: number, element: number): void {
    const at = this.#at(thread, position);
    this.#words[at + kindAt] = operationKinds.indexOf(kind);
    this.#words[at + listAt] = list;
    this.#words[at + slotAt] = slot;
    this.#words[at + elementAt] = element;
    this.#words[at + callAt] = this.#stamp();
  }

  /** Before what this thread looked at may change: what came of the operation. */
  note(thread: number, position: number, result: number): void {
    this.#words[this.#at(thread, position) + resultAt] = result;
  }

  return(thread: number, position: number): void {
    this.#words[this.#at(thread, position) + returnAt] = this.#stamp();
  }

  /** The operation did not take place, or nothing is known of it: as if it had not been called. */
  drop(thread: number, position: number): void {
    this.#words[this.#at(thread, position) + returnAt] = -1;
  }

  entry(thread: number, position: number): LogEntry {
    const at = this.#at(thread, position);
    const word = (offset: number): number => this.#words[at + offset]!;
    return {
      thread,
      kind: operationKinds[word(kindAt)]!,
      list: word(listAt),
      slot: word(slotAt),
      element: word(elementAt),
      call: word(callAt),
      return: word(returnAt),
      result: word(resultAt),
    };
  }

  /** All operations that took place, or may have. */
  *entries(): Generator<LogEntry> {
    for (let thread = 0; thread < this.#layout.threads; thread++) {
      const begun = this.begun(thread);
      for (let position = 0; position < begun; position++) {
        const entry = this.entry(thread, position);
        if (entry.return !== -1) yield entry;
      }
    }
  }

  #at(thread: number, position: number): number {
    assert(position <= this.#layout.operations, "a thread logs as many operations as it was given room for");
    return headerWords + (thread * this.#layout.operations + position) * entryWords;
  }

  /** From 1. */
  #stamp(): number {
    return Atomics.add(this.#words, 0, 1) + 1;
  }
}
