/**
 * The run queue: ready tasks in shared memory, offered by the scheduler's main thread (the owner) and taken by worker
 * threads themselves, without a lock.
 *
 * Per tenant there is a shared lane and one lane for each worker, each a lock-free priority queue (skip-list.ts). How a
 * task is chosen stands in task-taker.ts, quotas and fairness in tenant-table.ts, sleeping and waking in sleepers.ts,
 * who owns a slot when in slot-table.ts, and what becomes of a dead worker's tasks in run-queue-recovery.ts.
 *
 * Order. Within a tenant and a lane tasks are claimed by (rank, order); a worker prefers the lesser of the shared
 * lane's head and its own. `offer` and `take` draw tickets from one counter: if x was offered with a ticket below
 * `since` of the take of y from the same lane, x goes before y, and the search that found x began after y's claim
 * (`since` of x is above the `ticket` of y), then that was an inversion. There is none, unless x was moved by a thief.
 *
 * It reads no clock and draws nothing: used from one thread it does the same each time.
 */

import { assert } from "../../foundation/assert.ts";
import type { Resources } from "../contract.ts";
import { assertOffer } from "./offer.ts";
import type { Offer } from "./offer.ts";
import { RunQueueMemory, slotWord } from "./run-queue-memory.ts";
import { collectOrphans, recount, refillReserve } from "./run-queue-recovery.ts";
import { Pause } from "./sections.ts";
import { downFrom, SlotNodes } from "./slot-nodes.ts";
import { slotState } from "./slot-table.ts";
import { TaskTaker } from "./task-taker.ts";
import type { Taken } from "./task-taker.ts";
import { sumsOf } from "./thread-counters.ts";
import type { CounterName } from "./thread-counters.ts";
import { VirtualClocks } from "./virtual-clocks.ts";

/** What the scheduler's main thread sees. One at a time. */
export class RunQueueOwner {
  readonly #memory: RunQueueMemory;
  readonly #taker: TaskTaker;
  readonly #pause: Pause;
  readonly #nodes: SlotNodes;
  /** Slots that nobody has. */
  readonly #free: number[];
  /** Offers of slots that have been offered before and for which there was no node; see `#offerPostponed`. */
  readonly #postponed: { readonly slot: number; readonly offer: Offer }[] = [];
  #isBatch = false;
  /** Offers of this batch for which nobody was woken. */
  #unwoken = 0;
  readonly #clocks: VirtualClocks;

  /** @param options `stealing`: whether workers take from others' lanes; has to be the same for all. */
  constructor(shared: SharedArrayBuffer, options: { readonly stealing: boolean }) {
    const memory = new RunQueueMemory(shared);
    this.#memory = memory;
    this.#taker = new TaskTaker(memory, memory.workers, options.stealing);
    this.#pause = new Pause(memory);
    this.#nodes = new SlotNodes(memory, this.#taker.lists, this.#taker.slots);
    this.#free = downFrom(memory.slots, memory.slots);
    this.#clocks = new VirtualClocks(this.#taker.tenants, memory.tenants);
  }

  /**
   * Returns a slot for a task; -1: full, or (with tens of thousands of offers in the 10 ms that a thread in the middle
   * of a search may wait for its processor) out of nodes for that long.
   */
  allocate(): number {
    this.#offerPostponed();
    const slot = this.#free.pop();
    if (slot === undefined) return -1;
    if (this.#nodes.give(slot)) return slot;
    this.#free.push(slot);
    return -1;
  }

  /** Takes back a slot that is neither queued nor running: never offered, withdrawn, released, or an orphan. */
  free(slot: number): void {
    const { slots } = this.#taker;
    const state = slots.stateOf(slot);
    assert(state === slotState.idle || state === slotState.released, "a slot that is freed is in nobody's hands");
    assert(slots.get(slot, slotWord.node) >= 0, "a slot that is freed was allocated");
    this.#unpostpone(slot);
    slots.setState(slot, slotState.idle, 0);
    this.#nodes.takeBack(slot);
    this.#free.push(slot);
    this.#offerPostponed();
  }

  /**
   * Queues the task of `slot`, which is neither queued nor running; a slot may be offered any number of times before it
   * is freed. Wakes a worker if one sleeps. Whatever the task's slot stands for elsewhere has to be written before.
   *
   * @returns the ticket, drawn when the task could be found; modulo 2^32.
   */
  offer(slot: number, offer: Offer): number {
    const { slots } = this.#taker;
    const state = slots.stateOf(slot);
    assert(state === slotState.idle || state === slotState.released, "a slot that is offered is in nobody's hands");
    assertOffer(offer, this.#memory);
    this.#offerPostponed();
    if (this.#nodes.isUsed(slot) && !this.#nodes.renew(slot, renewals)) {
      slots.setState(slot, slotState.idle, 0);
      this.#postponed.push({ slot, offer });
      return this.#taker.drawTicket();
    }
    return this.#insert(slot, offer);
  }

  /**
   * Calls `work`, in which offers come one upon the other. They can be taken at once, but while a worker is awake the
   * owner wakes no other, save for every so many and at the end: waking takes longer than handing out, and who is awake
   * wakes the next if there is more than it takes itself.
   */
  inBatch(work: () => void): void {
    this.#isBatch = true;
    try {
      work();
    } finally {
      this.#isBatch = false;
      this.#wakeForUnwoken();
    }
  }

  /** True: it was still queued and is not any more. False: somebody has taken it. */
  withdraw(slot: number): boolean {
    if (this.#unpostpone(slot)) return true;
    const { slots, lists, tenants } = this.#taker;
    lists.pin();
    let isRemoved = false;
    // A thief may be moving it: a matter of a microsecond, unless the thief is dead.
    for (let attempt = 0; attempt < withdrawAttempts && !isRemoved; attempt++) {
      const state = slots.stateOf(slot);
      if (state !== slotState.queued && state !== slotState.moving) break;
      const node = slots.get(slot, slotWord.node);
      const isInPlace = state === slotState.queued && lists.isQueued(node) && slots.slotOf(node) === slot;
      isRemoved = isInPlace && lists.remove(slots.get(slot, slotWord.list), node);
    }
    lists.unpin();
    if (!isRemoved) return false;
    slots.setState(slot, slotState.idle, 0);
    tenants.addWaiting(slots.get(slot, slotWord.tenant), -1);
    // Something with less need may have come to the fore.
    this.#taker.sleepers.raiseSignal();
    this.#taker.wakeForWork();
    return true;
  }

  /** Asks the task of `slot` to yield at its next checkpoint; `offer` takes it back. */
  requestYield(slot: number): void {
    this.#taker.slots.askToYield(slot);
  }

  /**
   * Takes a task that goes to another node: of its tenant's quota, not of this node's capacity. `waitMs` counts to
   * `nowMs`.
   */
  take(nowMs = 0): Taken | undefined {
    return this.#taker.take(nowMs);
  }

  /** Gives back what a task that `take` of the owner returned held. */
  release(slot: number, ranMs: number): void {
    assert(this.#taker.slots.holderOf(slot) === this.#memory.workers, "it was lent");
    this.#taker.release(slot, ranMs);
  }

  /**
   * After the thread of `worker` has ended, and all ends that it had reported are handled: the slots that it had in its
   * hands, each once. They are idle afterwards, what they held is free again, and the owner frees them or offers them
   * again. A slot may be among them whose task never began: when the thread died between claiming it and saying so.
   *
   * @returns undefined: ask again, somebody is in the middle of something. Workers wait until it has been answered, so
   *   it has to be; and if another thread has ended meanwhile, that has to be asked for too.
   */
  orphansOf(worker: number): readonly number[] | undefined {
    const { slots, lists, tenants, sleepers } = this.#taker;
    this.#pause.declareDead(worker);
    if (!this.#pause.begin()) return undefined;
    lists.forgetThread(worker);
    const orphans = collectOrphans(this.#memory, slots, lists, worker);
    recount(this.#memory, slots, tenants);
    refillReserve(this.#memory, slots, worker, this.#nodes.pooled);
    sleepers.forget(worker);
    this.#pause.declareAlive(worker);
    this.#pause.end();
    sleepers.raiseSignal();
    this.#taker.wakeForWork();
    this.#offerPostponed();
    return orphans;
  }

  /** Makes all workers that sleep look around: a `wait` returns, whatever there is to take. */
  wakeAll(): void {
    const { sleepers } = this.#taker;
    sleepers.raiseSignal();
    for (let worker = 0; worker < this.#memory.workers; worker++) sleepers.wake(worker);
  }

  waiting(): number {
    this.#offerPostponed();
    let waiting = 0;
    for (let tenant = 0; tenant < this.#memory.tenants; tenant++) waiting += this.waitingOf(tenant);
    return waiting;
  }

  waitingOf(tenant: number): number {
    const postponed = this.#postponed.reduce((sum, { offer }) => sum + (offer.tenant === tenant ? 1 : 0), 0);
    return this.#taker.tenants.waitingOf(tenant) + postponed;
  }

  /** Milliseconds of weight 1, resolved to 4 microseconds. To be asked at least every two hours of it. */
  virtualMsOf(tenant: number): number {
    return this.#clocks.msOf(tenant);
  }

  /** What of the tenant's quota is held; may for a moment contain what a worker holds in vain. */
  usageOf(tenant: number): Resources {
    return this.#taker.tenants.heldOf(tenant);
  }

  /** What of the node's capacity is held; likewise. */
  usage(): Resources {
    return this.#taker.tenants.held();
  }

  /** The least rank that waits at the head of any lane of the tenant, of those that its quota has room for. */
  bestRankOf(tenant: number): number | undefined {
    const { lists, slots, tenants } = this.#taker;
    let best: number | undefined;
    lists.pin();
    for (let lane = -1; lane < this.#memory.workers; lane++) {
      const node = lists.peek(this.#memory.listOf(tenant, lane));
      if (node < 0) continue;
      const slot = slots.slotOf(node);
      const cpu = slots.get(slot, slotWord.cpu);
      const memory = slots.get(slot, slotWord.memory);
      if (tenants.roomOf(tenant, cpu, memory, false) === "quota") continue;
      const rank = lists.rankOf(node);
      if (best === undefined || rank < best) best = rank;
    }
    lists.unpin();
    return best;
  }

  /** Since the beginning, of all threads; modulo 2^32. */
  get counters(): Readonly<Record<CounterName, number>> {
    return sumsOf(this.#memory);
  }

  #insert(slot: number, offer: Offer): number {
    const { slots, lists, tenants, sleepers } = this.#taker;
    const node = slots.get(slot, slotWord.node);
    const list = this.#memory.listOf(offer.tenant, offer.lane);
    slots.set(slot, slotWord.tenant, offer.tenant);
    slots.set(slot, slotWord.isMoved, 0);
    slots.set(slot, slotWord.cpu, offer.cpuMilli);
    slots.set(slot, slotWord.memory, offer.memoryMb);
    slots.setToken(slot, offer.token);
    slots.setOfferedMs(slot, offer.offeredMs);
    slots.set(slot, slotWord.mayYield, 0); // Plain: who reads it has claimed the node, which is published below.
    slots.assign(slot, node, list);
    this.#nodes.use(slot);
    slots.setState(slot, slotState.queued, 0);
    // Before it can be taken: whoever takes it counts it off.
    if (tenants.waitingOf(offer.tenant) === 0) tenants.catchUp(offer.tenant);
    tenants.addWaiting(offer.tenant, 1);
    lists.insert(list, node, offer.rank, offer.order);
    const ticket = this.#taker.drawTicket();
    sleepers.raiseSignal();
    if (!this.#isBatch || sleepers.areAllAsleep()) this.#taker.wakeForWork();
    else if (++this.#unwoken >= mostUnwoken) this.#wakeForUnwoken();
    return ticket;
  }

  #wakeForUnwoken(): void {
    if (this.#unwoken === 0) return;
    this.#unwoken = 0;
    this.#taker.wakeForWork();
  }

  #unpostpone(slot: number): boolean {
    if (this.#postponed.length === 0) return false;
    const index = this.#postponed.findIndex((postponed) => postponed.slot === slot);
    if (index >= 0) this.#postponed.splice(index, 1);
    return index >= 0;
  }

  /**
   * A thread that stands still in a search holds back the reuse of nodes. What is offered again meanwhile needs a new
   * one: `offer` is patient for as long as a thread may wait for its processor. If the thread has died, the task is
   * offered when the owner asks for its orphans; or else with the next `allocate`, `offer`, `free` or `waiting`.
   */
  #offerPostponed(): void {
    while (this.#postponed.length > 0) {
      if (!this.#nodes.renew(this.#postponed[0]!.slot, 1)) return;
      const { slot, offer } = this.#postponed.shift()!;
      this.#insert(slot, offer);
    }
  }
}

const withdrawAttempts = 10_000;
const mostUnwoken = 128;
/** Some tens of milliseconds. */
const renewals = 20_000;
