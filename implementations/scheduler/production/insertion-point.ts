/**
 * Where a node belongs in a skip list, and how it is linked there: Pugh's search with the vector of predecessors.
 *
 * The bottom level is the queue; the links above it only shorten searches. At the bottom the search ends at an
 * unflagged link, for nothing may be inserted into the prefix of removed nodes (removed-prefix.ts). Linking is one
 * compare-and-swap a level, upon exactly what the search has read.
 *
 * @see Pugh 1990, "Skip lists: a probabilistic alternative to balanced trees", figure 4; Linden & Jonsson 2013, figure
 *   2.
 */

import type { RemovedPrefix } from "./removed-prefix.ts";
import { linkTo, nodeLayout } from "./skip-list-memory.ts";
import type { SkipListMemory } from "./skip-list-memory.ts";

const { end, flag, levels, linksAt, nodeMask, nodeWords, orderAt, rankAt } = nodeLayout;

/** The place that one thread has found last; to be used only while it is pinned. */
export class InsertionPoint {
  readonly #memory: SkipListMemory;
  readonly #words: Int32Array;
  readonly #ranks: Float64Array;
  readonly #prefix: RemovedPrefix;
  /** By level: the word of the link before the key, what it held, the node behind the key. */
  readonly #before = new Int32Array(levels);
  readonly #held = new Int32Array(levels);
  readonly #after = new Int32Array(levels);

  constructor(memory: SkipListMemory, prefix: RemovedPrefix) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#ranks = memory.ranks;
    this.#prefix = prefix;
  }

  /**
   * Finds at each level the link that a node with the key of `node` belongs behind; at the bottom an unflagged one.
   *
   * @param top the level to begin with. @param from the word of the lowest link to begin at; of a lesser key.
   */
  find(list: number, node: number, top = levels - 1, from?: number): void {
    const words = this.#words;
    const rank = this.#ranks[(node * nodeWords + rankAt) >> 1]!;
    const order = words[node * nodeWords + orderAt]! >>> 0;
    const head = this.#memory.head(list) * nodeWords + linksAt;
    let at = from ?? head;
    for (let level = top; level >= 0; level--) {
      // At the bottom it need not walk through the prefix: the last time it looked, it was there already.
      if (level === 0 && (at === head || (Atomics.load(words, at) & flag) !== 0)) {
        this.#prefix.find(list);
        at = this.#prefix.at;
      }
      let link = Atomics.load(words, at + level);
      let next = (link >>> 1) & nodeMask;
      for (;;) {
        const isRemoved = level === 0 && (link & flag) !== 0;
        if (!isRemoved) {
          if (next === end) break;
          if (!this.#isBefore(next, rank, order, node) && !this.#memory.isFlagged(next)) break;
        }
        at = next * nodeWords + linksAt;
        link = Atomics.load(words, at + level);
        next = (link >>> 1) & nodeMask;
      }
      this.#before[level] = at + level;
      this.#held[level] = link;
      this.#after[level] = next;
    }
  }

  /** Links `node`, for which this is the place, at the bottom: from then on it is queued. */
  linkAtBottom(list: number, node: number): void {
    const words = this.#words;
    const base = node * nodeWords;
    words[base + linksAt] = this.#after[0]! << 1;
    while (!this.#linkAt(0, node)) {
      // What came in between came just there.
      this.find(list, node, 0, this.#before[0]);
      words[base + linksAt] = this.#after[0]! << 1;
    }
  }

  /**
   * The upper levels only shorten searches; they are given up when the node is removed meanwhile.
   *
   * Nor may a link lead to a removed node, which need not come behind this one at the bottom and would be reused while
   * this one is still linked. A node that is unclaimed now was in the list together with this one: it comes behind it,
   * and is not unlinked before it. (The paper compares with the last removed node that the search met at the bottom;
   * but the search can come to live nodes on a level at which the last removed one was linked to a node that had just
   * been unlinked itself, so that it never meets it.)
   */
  linkUpwards(list: number, node: number, height: number): void {
    const words = this.#words;
    const base = node * nodeWords;
    for (let level = 1; level < height;) {
      const after = this.#after[level]!;
      if (this.#memory.isClaimed(node) || (after !== end && this.#memory.isClaimed(after))) break;
      Atomics.store(words, base + linksAt + level, after << 1);
      if (this.#linkAt(level, node)) {
        level++;
        continue;
      }
      this.find(list, node);
    }
  }

  #isBefore(other: number, rank: number, order: number, node: number): boolean {
    const otherRank = this.#ranks[(other * nodeWords + rankAt) >> 1]!;
    if (otherRank !== rank) return otherRank < rank;
    const otherOrder = this.#words[other * nodeWords + orderAt]! >>> 0;
    return otherOrder !== order ? otherOrder < order : other < node;
  }

  #linkAt(level: number, node: number): boolean {
    const held = this.#held[level]!;
    return Atomics.compareExchange(this.#words, this.#before[level]!, held, linkTo(node, held)) === held;
  }
}
