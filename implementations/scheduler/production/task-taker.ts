/**
 * How a thread takes a task, and gives back what it held: the same for workers and for the owner that lends tasks out.
 *
 * Of the tenants with something waiting, the one with the least virtual time goes first. Its candidate is the lesser of
 * the heads of the shared lane and of the thread's own; with both empty the fullest other lane is stolen from. Its
 * resources are charged, then exactly that head is claimed; if it is no longer the head, all is given back and the
 * search goes on. So nobody ever runs more than was charged, and nothing is charged that has no room.
 *
 * All this happens pinned: a node that was found stands for the same slot until the end (skip-list.ts), so what was
 * read of the slot before the claim is true of what was claimed. From the claim on the slot is this thread's until the
 * owner frees it. Without the claim nothing is known of it: somebody else may have claimed it, and the owner offered it
 * again as another task.
 *
 * A tenant whose head has no room is passed over. If the capacity is the reason, it is passed over `patience` times and
 * no more: after that nothing behind it in the order starts until it fits, so that a big task gets through however many
 * small ones there are, at the price of idle capacity while those that run end. Counting starts instead of waiting
 * time makes the bound hold for any length of tasks, and needs no clock. A quota alone makes nobody else wait.
 *
 * A thief runs the head that it claims, and moves more of the lane to its own (stolen-batch.ts). Who is woken for what
 * is left stands in waker.ts.
 *
 * @see Blumofe & Leiserson 1999, "Scheduling multithreaded computations by work stealing"; Hendler & Shavit 2002,
 *   "Non-blocking steal-half work queues"; and for the bounded passing-over, Lifka 1995, "The ANL/IBM SP scheduling
 *   system" (backfilling, without a reservation).
 */

import { header, slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";
import { viewsOf } from "./run-queue-views.ts";
import type { SkipLists } from "./skip-list.ts";
import type { Sleepers } from "./sleepers.ts";
import { slotState } from "./slot-table.ts";
import type { SlotTable } from "./slot-table.ts";
import { StolenBatch } from "./stolen-batch.ts";
import { isEarlier } from "./tenant-table.ts";
import type { TenantTable } from "./tenant-table.ts";
import type { ThreadCounters } from "./thread-counters.ts";
import { Waker } from "./waker.ts";

export interface Taken {
  readonly slot: number;
  readonly token: number;
  /** Whose queue it was taken from, -1: the shared one. */
  readonly lane: number;
  readonly waitMs: number;
  /** Drawn right after the claim, modulo 2^32. */
  readonly ticket: number;
  /** What had been drawn when the search began: a task whose offer has a lesser ticket was there to be found. */
  readonly since: number;
  /** A thief had moved it to that lane; when it was offered it was in another. */
  readonly isMoved: boolean;
}

/** How often a head for which the capacity has no room is passed over. */
export const patience = 64;

const none = -1;
const everything = -2;

export class TaskTaker {
  readonly lists: SkipLists;
  readonly slots: SlotTable;
  readonly tenants: TenantTable;
  readonly sleepers: Sleepers;
  readonly #memory: RunQueueMemory;
  readonly #words: Int32Array;
  /** A worker's number, or `workers`: the owner, which has no lane and takes for another node's capacity. */
  readonly #thread: number;
  readonly #isWorker: boolean;
  readonly #steals: boolean;
  readonly #counters: ThreadCounters;
  readonly #waker: Waker;
  readonly #batch: StolenBatch;
  /** By tenant: the search in which it was found to have nothing that can be taken. */
  readonly #passedIn: Int32Array;
  #search = 0;
  /** Tenants passed over in this search, for lack of capacity and because of their quota. */
  readonly #overtaken: Int32Array;
  #overtakenCount = 0;
  readonly #heldBack: Int32Array;
  #heldBackCount = 0;
  #hasGivenBack = false;
  /** Where the head that was found last stands. */
  #list = 0;

  constructor(memory: RunQueueMemory, threadNumber: number, steals: boolean) {
    const views = viewsOf(memory, threadNumber);
    this.lists = views.lists;
    this.slots = views.slots;
    this.tenants = views.tenants;
    this.sleepers = views.sleepers;
    this.#memory = memory;
    this.#words = memory.words;
    this.#thread = threadNumber;
    this.#isWorker = threadNumber < memory.workers;
    this.#steals = steals;
    this.#counters = views.counters;
    this.#waker = new Waker(views, steals);
    this.#batch = new StolenBatch(views, threadNumber);
    this.#passedIn = new Int32Array(memory.tenants);
    this.#overtaken = new Int32Array(memory.tenants);
    this.#heldBack = new Int32Array(memory.tenants);
  }

  /** Takes the next task that has room; undefined when there is none. */
  take(nowMs: number): Taken | undefined {
    this.lists.pin();
    this.#hasGivenBack = false;
    const taken = this.#find(nowMs);
    // There may be more; and what was held in vain may have kept somebody from being woken.
    if (taken !== undefined || this.#hasGivenBack) this.wakeForWork();
    this.lists.unpin();
    return taken;
  }

  /** Gives back what `slot`, taken by this thread, held, and charges its tenant for `ranMs`. */
  release(slot: number, ranMs: number): void {
    const { slots, tenants } = this;
    const tenant = slots.get(slot, slotWord.tenant);
    const cpu = slots.get(slot, slotWord.cpu);
    const memory = slots.get(slot, slotWord.memory);
    const holdsCapacity = slots.get(slot, slotWord.holdsCapacity) !== 0;
    const provisional = slots.get(slot, slotWord.provisional);
    // First: what is held is counted from the states when this thread dies in between.
    slots.setState(slot, slotState.released, this.#thread);
    tenants.giveBack(tenant, cpu, memory, holdsCapacity);
    tenants.endAttempt(tenant, provisional, ranMs);
    if (cpu === 0 && memory === 0) return; // Nothing has become possible.
    this.sleepers.raiseSignal();
    this.wakeForWork();
  }

  /** Wakes a worker that sleeps although there is something that it could take. */
  wakeForWork(): void {
    if (this.sleepers.asleep() !== 0) this.#waker.wake();
  }

  drawTicket(): number {
    return Atomics.add(this.#words, header.ticket, 1) >>> 0;
  }

  #find(nowMs: number): Taken | undefined {
    this.#search = (this.#search + 1) | 0;
    this.#overtakenCount = 0;
    this.#heldBackCount = 0;
    for (;;) {
      const tenant = this.#poorest();
      if (tenant < 0) return undefined;
      const since = Atomics.load(this.#words, header.ticket) >>> 0;
      let node = this.#ownHead(tenant);
      const isStealing = node < 0 && this.#steals;
      if (isStealing) node = this.#headOfFullest(tenant);
      const list = this.#list;
      if (node < 0) {
        // In lanes that this thread may not take from, or being offered.
        this.#passedIn[tenant] = this.#search;
        this.#heldBack[this.#heldBackCount++] = tenant;
        continue;
      }
      const slot = this.slots.slotOf(node);
      // Read once: if somebody else claims it now, the slot may stand for another task when all this is given back.
      const cpu = this.slots.get(slot, slotWord.cpu);
      const memory = this.slots.get(slot, slotWord.memory);
      const charged = this.#charge(tenant, cpu, memory);
      if (charged === none) continue;
      if (charged === everything) return undefined;
      if (!this.lists.claim(list, node)) {
        this.tenants.giveBack(tenant, cpu, memory, this.#isWorker);
        this.#gaveBack();
        this.#counters.count("claimRetries");
        continue;
      }
      const taken = this.#started(tenant, slot, list, nowMs, since);
      if (isStealing) this.#stole(tenant, list);
      return taken;
    }
  }

  /** The tenant with the least virtual time of those that have something waiting and were not passed over yet. */
  #poorest(): number {
    let poorest = none;
    let least = 0;
    for (let tenant = 0; tenant < this.#memory.tenants; tenant++) {
      if (this.#passedIn[tenant] === this.#search || this.tenants.waitingOf(tenant) <= 0) continue;
      const time = this.tenants.virtualTimeOf(tenant);
      if (poorest !== none && !isEarlier(time, least)) continue;
      poorest = tenant;
      least = time;
    }
    return poorest;
  }

  /**
   * The lesser of the shared lane's head and that of the own lane, or `none`; sets `#list`. It is this very node that
   * has to be claimed: the next one of its lane may come after the other lane's head.
   */
  #ownHead(tenant: number): number {
    this.#list = this.#memory.listOf(tenant, -1);
    const sharedHead = this.lists.peek(this.#list);
    if (!this.#isWorker) return sharedHead;
    const own = this.#memory.listOf(tenant, this.#thread);
    const ownHead = this.lists.peek(own);
    if (ownHead < 0 || (sharedHead >= 0 && !this.#isBefore(ownHead, sharedHead))) return sharedHead;
    this.#list = own;
    return ownHead;
  }

  #isBefore(node: number, other: number): boolean {
    const rank = this.lists.rankOf(node);
    const otherRank = this.lists.rankOf(other);
    return rank !== otherRank ? rank < otherRank : this.lists.orderOf(node) < this.lists.orderOf(other);
  }

  /** The head of the fullest lane of another worker, or `none`; sets `#list`. */
  #headOfFullest(tenant: number): number {
    let head = none;
    let most = -1;
    for (let lane = 0; lane < this.#memory.workers; lane++) {
      if (lane === this.#thread) continue;
      const list = this.#memory.listOf(tenant, lane);
      // The size is approximate, so whether there is anything at all is not for it to say.
      const node = this.lists.peek(list);
      if (node < 0) continue;
      const size = this.lists.size(list);
      if (size <= most) continue;
      head = node;
      this.#list = list;
      most = size;
    }
    return head;
  }

  /** 0 once all of it is held; `none`: look on; `everything`: take nothing now. */
  #charge(tenant: number, cpu: number, memory: number): number {
    const room = this.tenants.roomOf(tenant, cpu, memory, this.#isWorker);
    if (room === "room") {
      if (this.tenants.charge(tenant, cpu, memory, this.#isWorker)) return 0;
      this.#gaveBack(); // Somebody was faster.
      return none;
    }
    this.#passedIn[tenant] = this.#search;
    if (room === "quota") {
      this.#counters.count("throttledByQuota");
      this.#heldBack[this.#heldBackCount++] = tenant;
      return none;
    }
    this.#counters.count("throttledByCapacity");
    this.#overtaken[this.#overtakenCount++] = tenant;
    return this.tenants.overtakenOf(tenant) >= patience ? everything : none;
  }

  /** What was held for a moment may have made others believe that there is no room. */
  #gaveBack(): void {
    this.#hasGivenBack = true;
    this.sleepers.raiseSignal();
  }

  #started(tenant: number, slot: number, list: number, nowMs: number, since: number): Taken {
    const { slots, tenants } = this;
    slots.set(slot, slotWord.holdsCapacity, this.#isWorker ? 1 : 0);
    slots.setState(slot, slotState.running, this.#thread);
    const ticket = this.drawTicket();
    tenants.addWaiting(tenant, -1);
    slots.set(slot, slotWord.provisional, tenants.startAttempt(tenant));
    if (this.#memory.tenants > 1) this.#passOver(tenant);
    this.#counters.count("takes");
    return {
      slot,
      token: slots.tokenOf(slot),
      lane: list - this.#memory.listOf(tenant, -1) - 1,
      waitMs: nowMs - slots.offeredMsOf(slot),
      ticket,
      since,
      isMoved: slots.get(slot, slotWord.isMoved) !== 0,
    };
  }

  /** The head of `list` was stolen. */
  #stole(tenant: number, list: number): void {
    this.#counters.count("steals");
    this.#counters.count("stolen");
    if (this.#isWorker) this.#batch.moveBatch(tenant, list);
  }

  /** `tenant` was taken from, and others that come before it were not. */
  #passOver(tenant: number): void {
    const { tenants } = this;
    tenants.resetOvertaken(tenant);
    for (let index = 0; index < this.#overtakenCount; index++) {
      tenants.overtake(this.#overtaken[index]!);
      tenants.limitCredit(this.#overtaken[index]!, tenant);
    }
    for (let index = 0; index < this.#heldBackCount; index++) tenants.limitCredit(this.#heldBack[index]!, tenant);
  }
}
