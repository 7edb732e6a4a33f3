/**
 * What a run queue has to do, as plain lists: for tests that use it from one thread. It knows what may be taken next
 * and in which order, not how virtual time is charged: that it asks the queue.
 */

import type { Resources } from "../contract.ts";
import { batchTasks } from "./run-queue-memory.ts";
import type { Offer } from "./offer.ts";
import type { RunQueueOwner } from "./run-queue.ts";
import type { Share } from "./tenant-table.ts";
import { patience } from "./task-taker.ts";

export interface ModelTask extends Offer {
  readonly slot: number;
}

export interface Expected {
  readonly task: ModelTask;
  readonly lane: number;
}

export const noQuota: Share = { weight: 1, cpuMilli: Infinity, memoryMb: Infinity };
export const noResources: Resources = { cpuMilli: 0, memoryMb: 0 };

export class RunQueueModel {
  readonly capacity: Resources;
  readonly shares: readonly Share[];
  readonly workers: number;
  readonly stealing: boolean;
  /** By tenant, by lane + 1: sorted. */
  readonly #lanes: ModelTask[][][];
  readonly running = new Map<number, { readonly task: ModelTask; readonly worker: number }>();
  readonly #overtaken: number[];

  constructor(capacity: Resources, shares: readonly Share[], workers: number, stealing: boolean) {
    this.capacity = capacity;
    this.shares = shares;
    this.workers = workers;
    this.stealing = stealing;
    this.#lanes = shares.map(() => Array.from({ length: workers + 1 }, () => []));
    this.#overtaken = shares.map(() => 0);
  }

  offer(task: ModelTask): void {
    this.#insert(task, task.lane);
  }

  queued(): readonly ModelTask[] {
    return this.#lanes.flat(2);
  }

  waitingOf(tenant: number): readonly ModelTask[] {
    return this.#lanes[tenant]!.flat();
  }

  /** Of the heads of its lanes, those that its quota has room for. */
  bestRankOf(tenant: number): number | undefined {
    const ranks = this.#lanes[tenant]!.flatMap(([head]) =>
      head !== undefined && fits(head, this.heldOf(tenant), this.shares[tenant]!) ? [head.rank] : [],
    );
    return ranks.length === 0 ? undefined : Math.min(...ranks);
  }

  withdraw(slot: number): boolean {
    for (const lane of this.#lanes.flat()) {
      const index = lane.findIndex((task) => task.slot === slot);
      if (index < 0) continue;
      lane.splice(index, 1);
      return true;
    }
    return false;
  }

  /** What of its tenant is held, or of the node. */
  heldOf(tenant?: number): Resources {
    const tasks = [...this.running.values()].filter(({ task, worker }) =>
      tenant === undefined ? worker < this.workers : task.tenant === tenant,
    );
    return {
      cpuMilli: tasks.reduce((sum, { task }) => sum + task.cpuMilli, 0),
      memoryMb: tasks.reduce((sum, { task }) => sum + task.memoryMb, 0),
    };
  }

  /** What `worker` takes next. `owner` is asked for the tenants' virtual times. */
  take(worker: number, owner: RunQueueOwner): Expected | undefined {
    const tenants = this.shares.map((_, tenant) => tenant).filter((tenant) => this.waitingOf(tenant).length > 0);
    tenants.sort((a, b) => owner.virtualMsOf(a) - owner.virtualMsOf(b) || a - b);
    const passed: number[] = [];
    for (const tenant of tenants) {
      const head = this.#headOf(tenant, worker);
      if (head === undefined || !fits(head.task, this.heldOf(tenant), this.shares[tenant]!)) continue;
      if (worker < this.workers && !fits(head.task, this.heldOf(), this.capacity)) {
        if (this.#overtaken[tenant]! >= patience) return undefined;
        passed.push(tenant);
        continue;
      }
      for (const other of passed) this.#overtaken[other]!++;
      this.#overtaken[tenant] = 0;
      this.#remove(head, worker);
      return head;
    }
    return undefined;
  }

  #headOf(tenant: number, worker: number): Expected | undefined {
    const own = [-1, ...(worker < this.workers ? [worker] : [])].flatMap((lane) => this.#firstOf(tenant, lane));
    if (own.length > 0 || !this.stealing) return own.sort((a, b) => before(a.task, b.task))[0];
    const lanes = Array.from({ length: this.workers }, (_, lane) => lane).filter((lane) => lane !== worker);
    lanes.sort((a, b) => this.#lanes[tenant]![b + 1]!.length - this.#lanes[tenant]![a + 1]!.length || a - b);
    return lanes.flatMap((lane) => this.#firstOf(tenant, lane))[0];
  }

  #firstOf(tenant: number, lane: number): Expected[] {
    const task = this.#lanes[tenant]![lane + 1]![0];
    return task === undefined ? [] : [{ task, lane }];
  }

  #remove({ task, lane }: Expected, worker: number): void {
    const from = this.#lanes[task.tenant]![lane + 1]!;
    from.shift();
    this.running.set(task.slot, { task, worker });
    if (lane < 0 || lane === worker || worker === this.workers) return;
    const others = Math.min(batchTasks, Math.ceil((from.length + 1) / 2)) - 1;
    for (const moved of from.splice(0, others)) this.#insert(moved, worker);
  }

  #insert(task: ModelTask, lane: number): void {
    const tasks = this.#lanes[task.tenant]![lane + 1]!;
    tasks.push(task);
    tasks.sort(before);
  }
}

function before(a: Offer, b: Offer): number {
  return a.rank - b.rank || a.order - b.order;
}

function fits(task: Resources, held: Resources, limit: Resources): boolean {
  return held.cpuMilli + task.cpuMilli <= limit.cpuMilli && held.memoryMb + task.memoryMb <= limit.memoryMb;
}
