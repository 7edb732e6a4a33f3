/**
 * Where what stands in the memory of the skip lists: nodes, links, and what threads count of each list.
 *
 *     nodes      the end of all lists | one node per slot | per list two that hold the head's links
 *     counts     per thread, per list: how many more it has inserted than removed
 *     epochs     epochs.ts
 *
 * A node's line: its key (rank, order), claim, place, links by level. A link is a node's number with the flag below it
 * and ten bits above that count how often the link has changed, so that no link looks as it did before.
 */

import { assert } from "../../foundation/assert.ts";
import { epochWords } from "./epochs.ts";

export interface SkipListLayout {
  /** Nodes; at most `maxSlots`. A list keeps hold of one node that was removed last: have as many more as lists. */
  readonly slots: number;
  readonly lists: number;
  /** How many threads have a view, numbered from 0. */
  readonly threads: number;
}

export const maxSlots = 2 ** 20;

/**
 * The numbers that describe nodes and links. Files that use them at every step take them into constants of their own:
 * those the compiler knows, while an imported one is read from its module each time (an operation takes 14 % longer).
 */
export const nodeLayout = {
  /** A node's words: its key first, so that a search that passes it by reads one cache line. */
  nodeWords: 16,
  rankAt: 0,
  orderAt: 2,
  claimAt: 3,
  /**
   * 0: in no list. n > 0: in list n - 1, queued or removed but still linked; with `insertingUnit` and a thread's number
   * times `inserterUnit` while that thread is inserting it, and it must not be unlinked. n < 0: unlinked in epoch ~n.
   */
  placeAt: 4,
  linksAt: 5,
  inserterUnit: 2 ** 20,
  insertingUnit: 2 ** 30,
  /** With a quarter of each level in the next: enough for 4^10 nodes. */
  levels: 10,
  /** A link: bit 0 the flag, then 21 bits of node, then 10 that count the changes of this link. */
  flag: 1,
  nodeMask: 2 ** 21 - 1,
  tagUnit: 2 ** 22,
  /** Stands behind the last node of every list. Nodes 1 to `slots` are the slots, then come the lists' heads. */
  end: 0,
} as const;
const { nodeWords, claimAt, linksAt, inserterUnit, insertingUnit, flag, nodeMask, tagUnit } = nodeLayout;

/** Bytes that the lists take; a multiple of 64. */
export function skipListBytes({ slots, lists, threads }: SkipListLayout): number {
  const countWords = threads * countStride(lists);
  return 4 * (nodeWords * (1 + slots + 2 * lists) + countWords + epochWords(threads));
}

/** Words of one thread's counts; those of two threads share no line. */
export function countStride(lists: number): number {
  return nodeWords * Math.ceil(lists / nodeWords);
}

/** The words that all threads share; each thread has such a view of its own. */
export class SkipListMemory {
  readonly words: Int32Array;
  readonly ranks: Float64Array;
  readonly slots: number;
  readonly lists: number;
  readonly threads: number;
  /** First word of the counts. */
  readonly countsAt: number;
  readonly epochsAt: number;

  /** @param byteOffset a multiple of 8, of 64 for speed. */
  constructor(shared: SharedArrayBuffer, byteOffset: number, layout: SkipListLayout) {
    const { slots, lists, threads } = layout;
    assert(slots >= 1 && slots <= maxSlots && lists >= 1, "there are slots and lists");
    assert(slots + 2 * lists <= nodeMask, "a link has room for a node's number");
    assert(lists < inserterUnit && threads <= insertingUnit / inserterUnit, "a place has room for list and thread");
    assert(byteOffset % 8 === 0, "ranks are aligned");
    const bytes = skipListBytes(layout);
    this.words = new Int32Array(shared, byteOffset, bytes / 4);
    this.ranks = new Float64Array(shared, byteOffset, bytes / 8);
    this.slots = slots;
    this.lists = lists;
    this.threads = threads;
    this.countsAt = nodeWords * (1 + slots + 2 * lists);
    this.epochsAt = this.countsAt + threads * countStride(lists);
  }

  /** The node that holds the head's upper links. */
  head(list: number): number {
    return 1 + this.slots + 2 * list;
  }

  /** The node that holds the head's lowest link, in a line of its own: a removal reads no other. */
  start(list: number): number {
    return this.head(list) + 1;
  }

  next(node: number): number {
    return (Atomics.load(this.words, node * nodeWords + linksAt) >>> 1) & nodeMask;
  }

  isClaimed(node: number): boolean {
    return Atomics.load(this.words, node * nodeWords + claimAt) !== 0;
  }

  claim(node: number, thread: number): boolean {
    return Atomics.compareExchange(this.words, node * nodeWords + claimAt, 0, thread + 1) === 0;
  }

  /** Whether the node behind `node` has left the queue; then so has `node`, and nothing may be inserted behind it. */
  isFlagged(node: number): boolean {
    return (Atomics.load(this.words, node * nodeWords + linksAt) & flag) !== 0;
  }
}

/** The link to `node` that replaces `held`; unflagged. */
export function linkTo(node: number, held: number): number {
  return ((held & -tagUnit) + tagUnit) | (node << 1);
}

/** The list of a positive `place`. */
export function listAt(place: number): number {
  return (place & (inserterUnit - 1)) - 1;
}

/** The thread that is inserting a node of such a `place`. */
export function inserterAt(place: number): number {
  return Math.floor((place - insertingUnit) / inserterUnit);
}
