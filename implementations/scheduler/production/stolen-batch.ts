/**
 * What a thief takes beside the task that it runs: up to half of the lane, moved to its own.
 *
 * From then on they belong to that lane, and can be stolen again. The owner of the run queue has no lane and moves
 * none.
 *
 * @see Hendler & Shavit 2002, "Non-blocking steal-half work queues".
 */

import { batchTasks, reserveNodes, slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";
import type { SkipLists } from "./skip-list.ts";
import { slotState } from "./slot-table.ts";
import type { SlotTable } from "./slot-table.ts";
import type { ThreadCounters } from "./thread-counters.ts";
import type { RunQueueViews } from "./run-queue-views.ts";

export class StolenBatch {
  readonly #memory: RunQueueMemory;
  readonly #words: Int32Array;
  readonly #lists: SkipLists;
  readonly #slots: SlotTable;
  readonly #counters: ThreadCounters;
  readonly #thread: number;
  #nextReserve = 0;

  /** @param worker the thief. */
  constructor({ memory, lists, slots, counters }: RunQueueViews, worker: number) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#lists = lists;
    this.#slots = slots;
    this.#counters = counters;
    this.#thread = worker;
  }

  /** After the head of `list` was stolen: moves more of it to the own lane. */
  moveBatch(tenant: number, list: number): void {
    // Half of what there was, rounded up, without the one that was claimed.
    const others = Math.min(batchTasks, (this.#lists.size(list) + 2) >> 1) - 1;
    for (let moved = 0; moved < others; moved++) if (!this.#moveOne(tenant, list)) return;
  }

  /**
   * In the order in which the owner can make sense of it after this thread's death: until it is in its new place the
   * slot is `moving`, or queued under a node that is not; and whatever nodes it was to have, none is used twice.
   */
  #moveOne(tenant: number, list: number): boolean {
    const reserveAt = this.#memory.reserveAt(this.#thread) + this.#nextReserve;
    const fresh = this.#words[reserveAt]!;
    if (!this.#lists.isReclaimable(fresh)) return false;
    const node = this.#lists.popMin(list);
    if (node < 0) return false;
    const slot = this.#slots.slotOf(node);
    this.#slots.setState(slot, slotState.moving, this.#thread);
    const own = this.#memory.listOf(tenant, this.#thread);
    this.#slots.assign(slot, fresh, own);
    this.#slots.set(slot, slotWord.isMoved, 1);
    Atomics.store(this.#words, reserveAt, node);
    this.#nextReserve = (this.#nextReserve + 1) % reserveNodes;
    const rank = this.#lists.rankOf(node);
    const order = this.#lists.orderOf(node);
    this.#slots.setState(slot, slotState.queued, 0);
    this.#lists.insert(own, fresh, rank, order);
    this.#counters.count("stolen");
    return true;
  }
}
