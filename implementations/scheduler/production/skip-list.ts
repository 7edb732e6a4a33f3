/**
 * Priority queues in shared memory that need no lock: many skip lists over one pool of nodes.
 *
 * Linden and Jonsson's queue. A list is sorted by (rank, order, slot); the nodes that were removed from its beginning
 * stay linked for a while, as a prefix behind which the least element stands (removed-prefix.ts). How a node finds its
 * place stands in insertion-point.ts.
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
 * change back to what it was. What a dead thread leaves half done is finished by skip-list-recovery.ts.
 *
 * Plain reads: of a node's key, which is written before the node is linked by an atomic write that the reader has read
 * atomically. Links and claims are read with Atomics.load, which costs nothing on the machines at hand (a plain load
 * on x86-64, ldar on arm64); what costs is writing, hence no shared counter is touched by an operation.
 *
 * @see Linden & Jonsson 2013, "A skiplist-based concurrent priority queue with minimal memory contention", figure 2
 *   (insertion) and section 4 (the proof); Lotan & Shavit 2000, "Skiplist-based concurrent priority queues"; Pugh 1990.
 */

import { assert } from "../../foundation/assert.ts";
import { Epochs } from "./epochs.ts";
import { InsertionPoint } from "./insertion-point.ts";
import { RemovedPrefix } from "./removed-prefix.ts";
import { countStride, listAt, nodeLayout, SkipListMemory } from "./skip-list-memory.ts";
import type { SkipListLayout } from "./skip-list-memory.ts";
import { finishDeadThread } from "./skip-list-recovery.ts";

const { claimAt, end, inserterUnit, insertingUnit, levels, nodeWords, orderAt, placeAt, rankAt } = nodeLayout;

/** One thread's view of the lists. */
export class SkipLists {
  readonly #memory: SkipListMemory;
  readonly #words: Int32Array;
  readonly #ranks: Float64Array;
  readonly #thread: number;
  readonly #epochs: Epochs;
  readonly #prefix: RemovedPrefix;
  readonly #point: InsertionPoint;
  /** First word of this thread's counts: by list, how many more it has inserted than removed. */
  readonly #countsAt: number;
  #random: number;

  /**
   * Every thread makes a view of its own of the same memory, with its own number.
   *
   * @param shared all 0 from `byteOffset`, a multiple of 8 (of 64 for speed), for `skipListBytes(layout)` bytes.
   * @param thread in [0, layout.threads); a later thread may take the number of one that was forgotten.
   */
  constructor(shared: SharedArrayBuffer, byteOffset: number, layout: SkipListLayout, thread: number) {
    const memory = new SkipListMemory(shared, byteOffset, layout);
    this.#memory = memory;
    this.#words = memory.words;
    this.#ranks = memory.ranks;
    this.#thread = thread;
    this.#epochs = new Epochs(memory.words, memory.epochsAt, memory.threads, thread);
    this.#prefix = new RemovedPrefix(memory, this.#epochs, thread);
    this.#point = new InsertionPoint(memory, this.#prefix);
    this.#random = Math.imul(thread + 1, 0x9e3779b9) | 1;
    this.#countsAt = memory.countsAt + thread * countStride(memory.lists);
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
    this.#point.find(list, node);
    this.#point.linkAtBottom(list, node);
    if (height > 1) this.#point.linkUpwards(list, node, height);
    Atomics.store(words, base + placeAt, list + 1);
    this.#epochs.unpin();
    this.#count(list, 1);
  }

  /** The least slot of the list, or -1. A hint: it may be gone when you look again, and unless pinned, reused. */
  peek(list: number): number {
    this.#epochs.pin();
    const node = this.#prefix.find(list);
    this.#epochs.unpin();
    return node - 1;
  }

  /** Removes `slot` if it is the least of `list`. False: it is not, or not any more. */
  claim(list: number, slot: number): boolean {
    this.#epochs.pin();
    const isClaimed = this.#prefix.find(list) === slot + 1 && this.#memory.claim(slot + 1, this.#thread);
    if (isClaimed) this.#passed(list);
    this.#epochs.unpin();
    return isClaimed;
  }

  /** Removes the least; -1 when empty. */
  popMin(list: number): number {
    this.#epochs.pin();
    const node = this.#prefix.find(list, true);
    if (node !== end) this.#passed(list);
    this.#epochs.unpin();
    return node - 1;
  }

  /**
   * Removes `slot` wherever in `list` it stands; false when somebody else has it. The caller knows that it was inserted
   * and has not been reused since. It becomes reclaimable only when all that stood before it are gone.
   */
  remove(list: number, slot: number): boolean {
    const isRemoved = this.#memory.claim(slot + 1, this.#thread);
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
    return place > 0 && !this.#memory.isClaimed(slot + 1) ? listAt(place) : -1;
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
    if (place > 0 && this.#memory.isClaimed(slot + 1)) {
      this.#epochs.pin();
      this.#prefix.find(listAt(place));
      this.#prefix.unlink(listAt(place));
      this.#epochs.unpin();
      place = Atomics.load(this.#words, base + placeAt);
    }
    return place === 0 || (place < 0 && this.#epochs.isPast(~place));
  }

  /** How many are queued; approximate while others work, and after the death of a thread off by one for good. */
  size(list: number): number {
    let size = 0;
    const { lists, threads, countsAt } = this.#memory;
    const stride = countStride(lists);
    for (let thread = 0; thread < threads; thread++) size += this.#words[countsAt + thread * stride + list]!;
    return Math.max(0, size);
  }

  /**
   * After the death of `thread`, terminated at any instruction: it holds back nothing any more, and what it left half
   * done is finished. An insertion that had not linked its slot has not happened (`isQueued` is false of it, and
   * `isReclaimable` true); what it removed names it (`claimantOf`). Looks at all slots: for rare use.
   */
  forgetThread(thread: number): void {
    assert(thread !== this.#thread, "a thread that can ask is not dead");
    finishDeadThread({ memory: this.#memory, epochs: this.#epochs, prefix: this.#prefix }, thread);
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

  /** After the least, as the prefix has just found it, was claimed. */
  #passed(list: number): void {
    this.#count(list, -1);
    this.#prefix.extend(list);
  }

  #count(list: number, by: number): void {
    // Plain: only this thread writes it.
    this.#words[this.#countsAt + list]! += by;
  }
}
