/**
 * The removed nodes at the beginning of a skip list, which stay linked for a while: Linden and Jonsson's deleted
 * prefix.
 *
 * The flag in a node's lowest link says that the node *after* it has left the queue: flagged links form the prefix,
 * nothing is inserted behind one, and the first unflagged link leads to the least element or to the end. Only when the
 * prefix has grown long does somebody unlink it, with one write to the head: the head is what all threads read, so it
 * is seldom written.
 *
 * A thread keeps for each list where the prefix ended when it last looked; that is taken up again only while the head's
 * link (ten bits of it count its changes) and the epoch are the same as then. It keeps which nodes the prefix consists
 * of, too: who unlinks them need not follow links that others have just written.
 *
 * @see Linden & Jonsson 2013, "A skiplist-based concurrent priority queue with minimal memory contention", figures 3
 *   and 4.
 */

import type { Epochs } from "./epochs.ts";
import { linkTo, nodeLayout } from "./skip-list-memory.ts";
import type { SkipListMemory } from "./skip-list-memory.ts";

const { end, flag, insertingUnit, levels, linksAt, nodeMask, nodeWords, placeAt } = nodeLayout;

/**
 * How long the prefix gets before it is unlinked. Rarer unlinking writes the head less often and leaves insertions near
 * the least element a longer way.
 */
const prefixBound = 32;
/** Of the prefix's nodes a thread remembers so many, and unlinks no more at once. */
const seenBound = 2 * prefixBound;

/** One thread's view of the prefixes of all lists; to be used only while it is pinned. */
export class RemovedPrefix {
  readonly #memory: SkipListMemory;
  readonly #epochs: Epochs;
  readonly #thread: number;
  /** By list, as this thread last saw it: the head's link and the epoch then, the prefix's end, length, and nodes. */
  readonly #headSeen: Int32Array;
  readonly #epochSeen: Int32Array;
  readonly #endSeen: Int32Array;
  readonly #lengthSeen: Int32Array;
  readonly #nodesSeen: Int32Array;
  /** Where the last `find` ended: the word of the unflagged link, and what it held. */
  #at = 0;
  #link = 0;

  constructor(memory: SkipListMemory, epochs: Epochs, thread: number) {
    const { lists } = memory;
    this.#memory = memory;
    this.#epochs = epochs;
    this.#thread = thread;
    this.#headSeen = new Int32Array(lists);
    this.#epochSeen = new Int32Array(lists);
    this.#endSeen = new Int32Array(lists);
    this.#lengthSeen = new Int32Array(lists);
    this.#nodesSeen = new Int32Array(lists * seenBound);
  }

  /** The word of the unflagged link at which the last `find` ended. */
  get at(): number {
    return this.#at;
  }

  /**
   * The node that the first unflagged link leads to: unclaimed when it was read after that, or hereby claimed; or `end`
   */
  find(list: number, claims = false): number {
    const words = this.#memory.words;
    const head = this.#memory.start(list) * nodeWords + linksAt;
    let headLink = Atomics.load(words, head);
    const epoch = this.#epochs.now();
    const isAsSeen = this.#headSeen[list] === headLink && this.#epochSeen[list] === epoch && headLink !== 0;
    let at = isAsSeen ? this.#endSeen[list]! : head;
    let length = isAsSeen ? this.#lengthSeen[list]! : 0;
    let link = Atomics.load(words, at);
    let next = (link >>> 1) & nodeMask;
    for (;;) {
      if ((link & flag) !== 0) {
        if (at === head) headLink = link;
        if (length < seenBound) this.#nodesSeen[list * seenBound + length] = next;
        at = next * nodeWords + linksAt;
        length++;
      } else {
        if (next === end || (claims ? this.#memory.claim(next, this.#thread) : !this.#memory.isClaimed(next))) break;
        Atomics.compareExchange(words, at, link, link | flag);
      }
      link = Atomics.load(words, at);
      next = (link >>> 1) & nodeMask;
    }
    this.#headSeen[list] = headLink;
    this.#epochSeen[list] = epoch;
    this.#endSeen[list] = at;
    this.#lengthSeen[list] = length;
    this.#at = at;
    this.#link = link;
    return next;
  }

  /** After the node behind the prefix, as `find` found it, was claimed. */
  extend(list: number): void {
    const link = this.#link;
    // If it fails, something was inserted in between or somebody has done it; the next who comes by will do it.
    if (Atomics.compareExchange(this.#memory.words, this.#at, link, link | flag) !== link) return;
    if (this.#at === this.#memory.start(list) * nodeWords + linksAt) this.#headSeen[list] = link | flag;
    const node = (link >>> 1) & nodeMask;
    const length = this.#lengthSeen[list]!;
    if (length < seenBound) this.#nodesSeen[list * seenBound + length] = node;
    this.#endSeen[list] = node * nodeWords + linksAt;
    this.#lengthSeen[list] = length + 1;
    if (length >= prefixBound) this.unlink(list);
  }

  /**
   * Unlinks the prefix, as this thread just saw it, up to its last node, which links on, or up to one that is still
   * being inserted.
   */
  unlink(list: number): void {
    const words = this.#memory.words;
    const link = this.#headSeen[list]!;
    if ((link & flag) === 0) return;
    const seen = list * seenBound;
    const length = Math.min(this.#lengthSeen[list]!, seenBound);
    let unlinked = 0;
    while (
      unlinked < length - 1 &&
      Atomics.load(words, this.#nodesSeen[seen + unlinked]! * nodeWords + placeAt) < insertingUnit
    ) {
      unlinked++;
    }
    if (unlinked === 0) return;
    const head = this.#memory.start(list) * nodeWords + linksAt;
    if (Atomics.compareExchange(words, head, link, linkTo(this.#nodesSeen[seen + unlinked]!, link) | flag) !== link)
      return;
    this.raiseHead(list);
    const place = ~this.#epochs.now();
    // Plain writes, so that the lines are fetched at the same time; they are seen before this thread is unpinned, and
    // until then nobody reuses a node, though `forgetThread` should have found it unlinked.
    for (let position = 0; position < unlinked; position++) {
      words[this.#nodesSeen[seen + position]! * nodeWords + placeAt] = place;
    }
  }

  /** Makes the head's upper links skip the prefix; afterwards no list leads to a node unlinked at the bottom. */
  raiseHead(list: number): void {
    const words = this.#memory.words;
    const head = this.#memory.head(list) * nodeWords + linksAt;
    let at = head;
    for (let level = levels - 1; level > 0;) {
      const held = Atomics.load(words, head + level);
      if (!this.#memory.isFlagged((held >>> 1) & nodeMask)) {
        level--;
        continue;
      }
      let next = (Atomics.load(words, at + level) >>> 1) & nodeMask;
      while (this.#memory.isFlagged(next)) {
        at = next * nodeWords + linksAt;
        next = (Atomics.load(words, at + level) >>> 1) & nodeMask;
      }
      if (Atomics.compareExchange(words, head + level, held, linkTo(next, held)) === held) level--;
    }
  }
}
