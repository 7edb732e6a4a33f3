/**
 * Priority queues in shared memory that need no lock: many skip lists over one pool of nodes.
 *
 * Linden and Jonsson's queue. A list is sorted by (rank, order, slot); the removed nodes at its beginning stay linked
 * for a while as a prefix. The flag in a node's lowest link says that the node *after* it has left the queue: flagged
 * links form the prefix, nothing is inserted behind one, and the first unflagged link leads to the least element or to
 * the end. Only when the prefix has grown long does somebody unlink it, with one write to the head: the head is what
 * all threads read, so it is seldom written.
 *
 * What is added to theirs: who gets a node is decided by compare-and-swap on a claim word in the node (thread + 1)
 * *before* the link to it is flagged, and anybody who finds a claimed node behind the prefix flags the link to it. So
 * a claimed node always says whose it is, though the thread was terminated at its next instruction; and a node can be
 * claimed in the middle of the list (`remove`): it stays there as a dead one until the prefix reaches it.
 *
 * Linearizable, the points being: of an insertion the swap that links it at the bottom; of `remove` its claim; of
 * `popMin`, `claim` and `peek` the read of the unflagged link that they decide upon. At that read all that stand before
 * the node are flagged, hence claimed, hence removed by operations whose points came earlier; the node itself is
 * unclaimed, for its claim comes later and claims are final: it is the least of the queue. What is inserted before it
 * between that read and its claim was inserted later. That nothing can be inserted into the prefix is what it rests on.
 * In Lotan and Shavit's queue, which marks the removed node itself, something can: a thread that walks past removed
 * nodes may miss a lesser element inserted behind it long before the one that it takes was inserted.
 *
 * Memory: a node is reused only two epochs after it was unlinked (epochs.ts), so that inside an operation no link can
 * change back to what it was. A thread keeps for each list where the prefix ended when it last looked; that is taken
 * up again only while the head's link (ten bits of it count its changes) and the epoch are the same as then. It keeps
 * which nodes the prefix consists of, too: who unlinks them need not follow links that others have just written.
 *
 * Plain reads: of a node's key, which is written before the node is linked by an atomic write that the reader has read
 * atomically. Links and claims are read with Atomics.load, which costs nothing on the machines at hand (a plain load
 * on x86-64, ldar on arm64); what costs is writing, hence no shared counter is touched by an operation.
 *
 * @see Linden & Jonsson 2013, "A skiplist-based concurrent priority queue with minimal memory contention", figures 2-4
 *   and section 4 (the proof); Lotan & Shavit 2000, "Skiplist-based concurrent priority queues"; Pugh 1990.
 */

import { assert } from "../../foundation/assert.ts";
import { epochWords, Epochs } from "./epochs.ts";

export interface SkipListLayout {
  /** Nodes; at most `maxSlots`. A list keeps hold of one node that was removed last: have as many more as lists. */
  readonly slots: number;
  readonly lists: number;
  /** How many threads have a view, numbered from 0. */
  readonly threads: number;
}

export const maxSlots = 2 ** 20;

/** A node's words: its key first, so that a search that passes it by reads one cache line. */
const nodeWords = 16;
const rankAt = 0;
const orderAt = 2;
const claimAt = 3;
/**
 * 0: in no list. n > 0: in list n - 1, queued or removed but still linked; with `insertingUnit` and a thread's number
 * times `inserterUnit` while that thread is inserting it, and it must not be unlinked. n < 0: unlinked in epoch ~n.
 */
const placeAt = 4;
const linksAt = 5;
/** With a quarter of each level in the next: enough for 4^10 nodes. */
const levels = 10;

const inserterUnit = 2 ** 20;
const insertingUnit = 2 ** 30;

/** A link: bit 0 the flag, then 21 bits of node, then 10 that count the changes of this link. */
const flag = 1;
const nodeBits = 21;
const nodeMask = 2 ** nodeBits - 1;
const tagUnit = 2 ** (nodeBits + 1);
/** Node 0 stands behind the last node of every list. Nodes 1 to `slots` are the slots, then come the lists' heads. */
const end = 0;

/**
 * How long the prefix gets before it is unlinked. Rarer unlinking writes the head less often and leaves insertions near
 * the least element a longer way.
 */
const prefixBound = 32;
/** Of the prefix's nodes a thread remembers so many, and unlinks no more at once. */
const seenBound = 2 * prefixBound;

/** Bytes that the lists take; a multiple of 64. */
export function skipListBytes({ slots, lists, threads }: SkipListLayout): number {
  const countWords = threads * countStride(lists);
  return 4 * (nodeWords * (1 + slots + 2 * lists) + countWords + epochWords(threads));
}

function countStride(lists: number): number {
  return nodeWords * Math.ceil(lists / nodeWords);
}

/** One thread's view of the lists. */
export class SkipLists {
  readonly #words: Int32Array;
  readonly #ranks: Float64Array;
  readonly #slots: number;
  readonly #lists: number;
  readonly #threads: number;
  readonly #thread: number;
  readonly #epochs: Epochs;
  /** First word of the counts: by thread, by list, how many more it has inserted than removed. */
  readonly #counts: number;
  #random: number;

  /** By level, of the last `#locate`: the word of the link before the key, what it held, the node behind the key. */
  readonly #before = new Int32Array(levels);
  readonly #held = new Int32Array(levels);
  readonly #after = new Int32Array(levels);

  /** By list, as this thread last saw it: the head's link and the epoch then, the prefix's end, length, and nodes. */
  readonly #headSeen: Int32Array;
  readonly #epochSeen: Int32Array;
  readonly #lastSeen: Int32Array;
  readonly #lengthSeen: Int32Array;
  readonly #nodesSeen: Int32Array;
  /** Results of `#leastOf` besides the node. */
  #last = 0;
  #link = 0;

  /**
   * Every thread makes a view of its own of the same memory, with its own number.
   *
   * @param shared all 0 from `byteOffset`, a multiple of 8 (of 64 for speed), for `skipListBytes(layout)` bytes.
   * @param thread in [0, layout.threads); a later thread may take the number of one that was forgotten.
   */
  constructor(shared: SharedArrayBuffer, byteOffset: number, layout: SkipListLayout, thread: number) {
    const { slots, lists, threads } = layout;
    assert(slots >= 1 && slots <= maxSlots && lists >= 1, "there are slots and lists");
    assert(slots + 2 * lists <= nodeMask, "a link has room for a node's number");
    assert(lists < inserterUnit && threads <= insertingUnit / inserterUnit, "a place has room for list and thread");
    assert(byteOffset % 8 === 0, "ranks are aligned");
    const bytes = skipListBytes(layout);
    this.#words = new Int32Array(shared, byteOffset, bytes / 4);
    this.#ranks = new Float64Array(shared, byteOffset, bytes / 8);
    this.#slots = slots;
    this.#lists = lists;
    this.#threads = threads;
    this.#thread = thread;
    this.#counts = nodeWords * (1 + slots + 2 * lists);
    this.#epochs = new Epochs(this.#words, this.#counts + threads * countStride(lists), threads, thread);
    this.#random = Math.imul(thread + 1, 0x9e3779b9) | 1;
    this.#headSeen = new Int32Array(lists);
    this.#epochSeen = new Int32Array(lists);
    this.#lastSeen = new Int32Array(lists);
    this.#lengthSeen = new Int32Array(lists);
    this.#nodesSeen = new Int32Array(lists * seenBound);
  }

  /**
   * Until `unpin`, no slot that this thread finds is reused, so that the slot that it peeks at, whose payload it reads
   * and which it then claims is one and the same element. Nests. Not to be held for long: it holds back all reuse.
   */
  pin(): void {
    this.#epochs.pin();
  }

  unpin(): void {
    this.#epochs.unpin();
  }

  /**
   * Adds `slot`, which is reclaimable. What belongs to it elsewhere in shared memory has to be written before.
   *
   * @param rank any number but NaN; lower first. @param order in [0, 2^32), decides between equal ranks, lower first.
   */
  insert(list: number, slot: number, rank: number, order: number): void {
    assert(!Number.isNaN(rank), "a rank has an order");
    assert(this.isReclaimable(slot), "a slot is in one list at a time, and nobody still looks at it");
    const words = this.#words;
    const node = slot + 1;
    const base = node * nodeWords;
    const height = this.#drawHeight();
    this.#epochs.pin();
    // Plain writes: nobody looks at the node before it is linked, and linking it publishes them. An atomic one would
    // wait here for the node's line, which others have read; so it is fetched during the search.
    words[base + placeAt] = insertingUnit + this.#thread * inserterUnit + list + 1;
    words[base + claimAt] = 0;
    this.#ranks[(base + rankAt) >> 1] = rank;
    words[base + orderAt] = order;
    this.#locate(list, node);
    words[base + linksAt] = this.#after[0]! << 1;
    while (!this.#linkAt(0, node)) {
      // What came in between came just there.
      this.#locate(list, node, 0, this.#before[0]);
      words[base + linksAt] = this.#after[0]! << 1;
    }
    if (height > 1) this.#linkUpwards(list, node, height);
    Atomics.store(words, base + placeAt, list + 1);
    this.#epochs.unpin();
    this.#count(list, 1);
  }

  /** The least slot of the list, or -1. A hint: it may be gone when you look again, and unless pinned, reused. */
  peek(list: number): number {
    this.#epochs.pin();
    const node = this.#leastOf(list);
    this.#epochs.unpin();
    return node - 1;
  }

  /** Removes `slot` if it is the least of `list`. False: it is not, or not any more. */
  claim(list: number, slot: number): boolean {
    this.#epochs.pin();
    const isClaimed = this.#leastOf(list) === slot + 1 && this.#claimNode(slot + 1);
    if (isClaimed) this.#removed(list);
    this.#epochs.unpin();
    return isClaimed;
  }

  /** Removes the least; -1 when empty. */
  popMin(list: number): number {
    this.#epochs.pin();
    const node = this.#leastOf(list, true);
    if (node !== end) this.#removed(list);
    this.#epochs.unpin();
    return node - 1;
  }

  /**
   * Removes `slot` wherever in `list` it stands; false when somebody else has it. The caller knows that it was inserted
   * and has not been reused since. It becomes reclaimable only when all that stood before it are gone.
   */
  remove(list: number, slot: number): boolean {
    const isRemoved = this.#claimNode(slot + 1);
    if (isRemoved) this.#count(list, -1);
    return isRemoved;
  }

  /** The key of a slot that is queued, or of one that was found since this thread is pinned. */
  rankOf(slot: number): number {
    return this.#ranks[((slot + 1) * nodeWords + rankAt) >> 1]!;
  }

  orderOf(slot: number): number {
    return this.#words[(slot + 1) * nodeWords + orderAt]! >>> 0;
  }

  /**
   * The thread that removed `slot`, or -1 while nobody has. Decided and recorded in one step, so it holds of a thread
   * that was terminated too; it stands until the slot is inserted again.
   */
  claimantOf(slot: number): number {
    return Atomics.load(this.#words, (slot + 1) * nodeWords + claimAt) - 1;
  }

  /** The list that `slot` is queued in, or -1: it is in none, or somebody has removed it. */
  listOf(slot: number): number {
    const place = Atomics.load(this.#words, (slot + 1) * nodeWords + placeAt);
    return place > 0 && !this.#isClaimed(slot + 1) ? listAt(place) : -1;
  }

  isQueued(slot: number): boolean {
    return this.listOf(slot) >= 0;
  }

  /**
   * Whether `slot` may be inserted again: nobody can still be looking at its node. To be asked by whoever allocates,
   * for a false answer also does what it can to make it true: unlinks, moves the epoch on.
   */
  isReclaimable(slot: number): boolean {
    const base = (slot + 1) * nodeWords;
    let place = Atomics.load(this.#words, base + placeAt);
    if (place > 0 && this.#isClaimed(slot + 1)) {
      this.#epochs.pin();
      this.#leastOf(listAt(place));
      this.#unlinkPrefix(listAt(place));
      this.#epochs.unpin();
      place = Atomics.load(this.#words, base + placeAt);
    }
    return place === 0 || (place < 0 && this.#epochs.isPast(~place));
  }

  /** How many are queued; approximate while others work, and after the death of a thread off by one for good. */
  size(list: number): number {
    let size = 0;
    const stride = countStride(this.#lists);
    for (let thread = 0; thread < this.#threads; thread++) size += this.#words[this.#counts + thread * stride + list]!;
    return Math.max(0, size);
  }

  /**
   * After the death of `thread`, terminated at any instruction: it holds back nothing any more, and what it left half
   * done is finished. An insertion that had not linked its slot has not happened (`isQueued` is false of it, and
   * `isReclaimable` true); what it removed names it (`claimantOf`). Looks at all slots: for rare use.
   */
  forgetThread(thread: number): void {
    assert(thread !== this.#thread, "a thread that can ask is not dead");
    this.#epochs.forget(thread);
    this.#epochs.pin();
    for (const [list, nodes] of this.#leftBy(thread)) this.#finish(thread, list, nodes);
    this.#epochs.unpin();
  }

  /** Height h with probability 3/4 * 4^(1-h): xorshift32, two bits a level. */
  #drawHeight(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return Math.min(levels, 1 + (Math.clz32(random) >> 1));
  }

  /** The node that holds the head's upper links. */
  #head(list: number): number {
    return 1 + this.#slots + 2 * list;
  }

  /** The node that holds the head's lowest link, in a line of its own: a removal reads no other. */
  #start(list: number): number {
    return this.#head(list) + 1;
  }

  /**
   * Finds at each level the link that a node with the key of `node` belongs behind; at the bottom an unflagged one.
   *
   * @param top the level to begin with. @param from the word of the lowest link to begin at; of a lesser key.
   */
  #locate(list: number, node: number, top = levels - 1, from?: number): void {
    const words = this.#words;
    const rank = this.#ranks[(node * nodeWords + rankAt) >> 1]!;
    const order = words[node * nodeWords + orderAt]! >>> 0;
    const head = this.#head(list) * nodeWords + linksAt;
    let at = from ?? head;
    for (let level = top; level >= 0; level--) {
      // At the bottom it need not walk through the prefix: the last time it looked, it was there already.
      if (level === 0 && (at === head || (Atomics.load(words, at) & flag) !== 0)) {
        this.#leastOf(list);
        at = this.#last;
      }
      let link = Atomics.load(words, at + level);
      let next = (link >>> 1) & nodeMask;
      for (;;) {
        const isRemoved = level === 0 && (link & flag) !== 0;
        if (!isRemoved) {
          if (next === end) break;
          if (!this.#isBefore(next, rank, order, node) && !this.#isFlagged(next)) break;
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

  #isBefore(other: number, rank: number, order: number, node: number): boolean {
    const otherRank = this.#ranks[(other * nodeWords + rankAt) >> 1]!;
    if (otherRank !== rank) return otherRank < rank;
    const otherOrder = this.#words[other * nodeWords + orderAt]! >>> 0;
    return otherOrder !== order ? otherOrder < order : other < node;
  }

  /** Whether the node behind `node` has left the queue; then so has `node`, and nothing may be inserted behind it. */
  #isFlagged(node: number): boolean {
    return (Atomics.load(this.#words, node * nodeWords + linksAt) & flag) !== 0;
  }

  #linkAt(level: number, node: number): boolean {
    const held = this.#held[level]!;
    return Atomics.compareExchange(this.#words, this.#before[level]!, held, linkTo(node, held)) === held;
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
  #linkUpwards(list: number, node: number, height: number): void {
    const words = this.#words;
    const base = node * nodeWords;
    for (let level = 1; level < height;) {
      const after = this.#after[level]!;
      if (this.#isClaimed(node) || (after !== end && this.#isClaimed(after))) break;
      Atomics.store(words, base + linksAt + level, after << 1);
      if (this.#linkAt(level, node)) {
        level++;
        continue;
      }
      this.#locate(list, node);
    }
  }

  #isClaimed(node: number): boolean {
    return Atomics.load(this.#words, node * nodeWords + claimAt) !== 0;
  }

  /**
   * The node that the first unflagged link leads to: unclaimed when it was read after that, or hereby claimed; or `end`
   */
  #leastOf(list: number, claims = false): number {
    const words = this.#words;
    const head = this.#start(list) * nodeWords + linksAt;
    let headLink = Atomics.load(words, head);
    const epoch = this.#epochs.now();
    const isAsSeen = this.#headSeen[list] === headLink && this.#epochSeen[list] === epoch && headLink !== 0;
    let at = isAsSeen ? this.#lastSeen[list]! : head;
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
        if (next === end || (claims ? this.#claimNode(next) : !this.#isClaimed(next))) break;
        Atomics.compareExchange(words, at, link, link | flag);
      }
      link = Atomics.load(words, at);
      next = (link >>> 1) & nodeMask;
    }
    this.#headSeen[list] = headLink;
    this.#epochSeen[list] = epoch;
    this.#lastSeen[list] = at;
    this.#lengthSeen[list] = length;
    this.#last = at;
    this.#link = link;
    return next;
  }

  #claimNode(node: number): boolean {
    return Atomics.compareExchange(this.#words, node * nodeWords + claimAt, 0, this.#thread + 1) === 0;
  }

  /** After the node behind the prefix, as `#leastOf` found it, was claimed. */
  #removed(list: number): void {
    this.#count(list, -1);
    const link = this.#link;
    // If it fails, something was inserted in between or somebody has done it; the next who comes by will do it.
    if (Atomics.compareExchange(this.#words, this.#last, link, link | flag) !== link) return;
    if (this.#last === this.#start(list) * nodeWords + linksAt) this.#headSeen[list] = link | flag;
    const node = (link >>> 1) & nodeMask;
    const length = this.#lengthSeen[list]!;
    if (length < seenBound) this.#nodesSeen[list * seenBound + length] = node;
    this.#lastSeen[list] = node * nodeWords + linksAt;
    this.#lengthSeen[list] = length + 1;
    if (length >= prefixBound) this.#unlinkPrefix(list);
  }

  /**
   * Unlinks the prefix, as this thread just saw it, up to its last node, which links on, or up to one that is still
   * being inserted.
   */
  #unlinkPrefix(list: number): void {
    const words = this.#words;
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
    const head = this.#start(list) * nodeWords + linksAt;
    if (Atomics.compareExchange(words, head, link, linkTo(this.#nodesSeen[seen + unlinked]!, link) | flag) !== link)
      return;
    this.#raiseHead(list);
    const place = ~this.#epochs.now();
    // Plain writes, so that the lines are fetched at the same time; they are seen before this thread is unpinned, and
    // until then nobody reuses a node, though `forgetThread` should have found it unlinked.
    for (let position = 0; position < unlinked; position++) {
      words[this.#nodesSeen[seen + position]! * nodeWords + placeAt] = place;
    }
  }

  #next(node: number): number {
    return (Atomics.load(this.#words, node * nodeWords + linksAt) >>> 1) & nodeMask;
  }

  /** Makes the head's upper links skip the prefix; afterwards no list leads to a node unlinked at the bottom. */
  #raiseHead(list: number): void {
    const words = this.#words;
    const head = this.#head(list) * nodeWords + linksAt;
    let at = head;
    for (let level = levels - 1; level > 0;) {
      const held = Atomics.load(words, head + level);
      if (!this.#isFlagged((held >>> 1) & nodeMask)) {
        level--;
        continue;
      }
      let next = (Atomics.load(words, at + level) >>> 1) & nodeMask;
      while (this.#isFlagged(next)) {
        at = next * nodeWords + linksAt;
        next = (Atomics.load(words, at + level) >>> 1) & nodeMask;
      }
      if (Atomics.compareExchange(words, head + level, held, linkTo(next, held)) === held) level--;
    }
  }

  /** By list: the node that `thread`, now dead, was inserting, and all that are removed and not unlinked. */
  #leftBy(thread: number): ReadonlyMap<number, readonly number[]> {
    const left = new Map<number, number[]>();
    for (let node = 1; node <= this.#slots; node++) {
      const place = Atomics.load(this.#words, node * nodeWords + placeAt);
      if (place <= 0) continue;
      // Another one that is being inserted may still show an old claim.
      if (place >= insertingUnit ? inserterAt(place) !== thread : !this.#isClaimed(node)) continue;
      const nodes = left.get(listAt(place));
      if (nodes === undefined) left.set(listAt(place), [node]);
      else nodes.push(node);
    }
    return left;
  }

  /** What was in `nodes` before this walk through the list and is not met on it is not linked. */
  #finish(thread: number, list: number, nodes: readonly number[]): void {
    const words = this.#words;
    const linked = new Set<number>();
    for (let node = this.#next(this.#start(list)); node !== end; node = this.#next(node)) linked.add(node);
    this.#raiseHead(list);
    const unlinked = ~this.#epochs.now();
    for (const node of nodes) {
      const at = node * nodeWords + placeAt;
      const place = Atomics.load(words, at);
      const isInserting = place >= insertingUnit && inserterAt(place) === thread;
      if (isInserting) Atomics.compareExchange(words, at, place, linked.has(node) ? list + 1 : 0);
      else if (!linked.has(node)) Atomics.compareExchange(words, at, list + 1, unlinked);
    }
  }

  #count(list: number, by: number): void {
    // Plain: only this thread writes it.
    this.#words[this.#counts + this.#thread * countStride(this.#lists) + list]! += by;
  }
}

function linkTo(node: number, held: number): number {
  return ((held & -tagUnit) + tagUnit) | (node << 1);
}

function listAt(place: number): number {
  return (place & (inserterUnit - 1)) - 1;
}

function inserterAt(place: number): number {
  return Math.floor((place - insertingUnit) / inserterUnit);
}
