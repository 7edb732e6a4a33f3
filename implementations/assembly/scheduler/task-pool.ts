/**
 * The production scheduler of one process as a library: run queue and threads, without journal, dependencies or other
 * nodes.
 *
 * What a task costs on the main thread decides how many there can be, for that thread is one and shares the processors
 * with the workers. So everything it needs to know of a task stands in arrays indexed by the task's slot, an end is
 * read from shared memory where it lies, and nobody is woken while he is awake. Callbacks run in batches, a ring's
 * content at a time; tasks that they submit are offered at once, while the workers are still awake.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { Timer } from "../../foundation/effects.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { defaultAttempts, defaultResources, defaultTenant } from "../../scheduler/contract.ts";
import type { JsonValue, Resources, TaskEnd } from "../../scheduler/contract.ts";
import { chooseVictim, outrankedBy } from "../../scheduler/production/preemption-policy.ts";
import type { RunningAttempt, WaitingTenant } from "../../scheduler/production/preemption-policy.ts";
import { allocateRunQueue } from "../../scheduler/production/allocate-run-queue.ts";
import { RunQueueOwner } from "../../scheduler/production/run-queue.ts";
import type { Pool, PoolTask } from "./pool.ts";
import type { Ended, ExecutorEvents, Started, ThreadFault } from "./task-executor.ts";
import { TaskThreads } from "./threads/task-threads.ts";

export interface PoolTenant {
  readonly name: string;
  /** Its share against that of others. */
  readonly weight: number;
  /** What its tasks may hold at a time; Infinity unless it is said. */
  readonly quota?: Resources;
}

export interface PoolObserver {
  started(task: PoolTask, started: Started): void;
  ended(task: PoolTask, ended: Ended): void;
}

export interface TaskPoolOptions {
  readonly workers: number;
  /** Tasks that may be pending. */
  readonly slots?: number;
  readonly tenants?: readonly PoolTenant[];
  /** Whether a worker takes from other workers' lanes when it has nothing else. */
  readonly stealing?: boolean;
  /** After which a task has gained one level of priority; 0: never. */
  readonly ageingMs?: Millis;
  /** How long an attempt keeps its worker although a poorer tenant waits; 0: no preemption. */
  readonly quantumMs?: Millis;
  /** Attempts that throw or end their thread until a task has failed. */
  readonly maxAttempts?: number;
  readonly threadMemoryMb?: number;
  /** Hears of every attempt as the threads tell of it, before the pool acts on it; for measurement. */
  readonly observer?: PoolObserver;
}

export const taskPoolDefaults = {
  slots: 65_536,
  tenants: [{ name: defaultTenant, weight: 1 }],
  stealing: true,
  ageingMs: 30_000,
  quantumMs: 10,
  maxAttempts: defaultAttempts,
} as const satisfies Partial<TaskPoolOptions>;

/** How often the policy of preemption looks while tasks wait. */
const lookMs: Millis = 2;
/** A pool's tasks have no names: calls see this one. */
const anonymous = "pool.task";
const completedWithNull: TaskEnd = { state: "completed", result: null };
const noRoom = "the payloads of those pending leave no room for its own";
const noQuota: Resources = { cpuMilli: Infinity, memoryMb: Infinity };

type Done = (end: TaskEnd) => void;

export class TaskPool implements Pool {
  readonly #options: Required<Omit<TaskPoolOptions, "observer" | "threadMemoryMb">>;
  readonly #observer: PoolObserver | undefined;
  readonly #tenants: ReadonlyMap<string, number>;
  /** By tenant: what its tasks are charged with. */
  readonly #charged: readonly Resources[];
  readonly #owner: RunQueueOwner;
  readonly #threads: TaskThreads;
  /** By slot. */
  readonly #tasks: (PoolTask | undefined)[];
  readonly #done: (Done | undefined)[];
  /** Attempts that threw or ended their thread. */
  readonly #failures: Int32Array;
  /** Given to the next attempt; undefined: it starts from the beginning. */
  readonly #states: (JsonValue | undefined)[];
  readonly #ranks: Float64Array;
  readonly #orders: Float64Array;
  readonly #tenantOfSlot: Int32Array;
  readonly #askedMs: Float64Array;
  /** By worker: the slot it runs, -1 none, and since when. */
  readonly #running: Int32Array;
  readonly #startedMs: Float64Array;
  #order = 0;
  #token = 0;
  #pending = 0;
  #timer: Timer | undefined;
  #closed = false;

  private constructor({ observer, threadMemoryMb, ...options }: TaskPoolOptions) {
    const resolved = { ...taskPoolDefaults, ...options };
    const { workers, slots, tenants, stealing } = resolved;
    this.#options = resolved;
    this.#observer = observer;
    this.#tenants = new Map(tenants.map(({ name }, index) => [name, index]));
    this.#charged = tenants.map(({ quota = noQuota }: PoolTenant) => chargedUnder(quota));
    this.#tasks = new Array<PoolTask | undefined>(slots).fill(undefined);
    this.#done = new Array<Done | undefined>(slots).fill(undefined);
    this.#failures = new Int32Array(slots);
    this.#states = new Array<JsonValue | undefined>(slots).fill(undefined);
    this.#ranks = new Float64Array(slots);
    this.#orders = new Float64Array(slots);
    this.#tenantOfSlot = new Int32Array(slots);
    this.#askedMs = new Float64Array(slots);
    this.#running = new Int32Array(workers).fill(-1);
    this.#startedMs = new Float64Array(workers);
    const shares = tenants.map(({ weight, quota = noQuota }: PoolTenant) => ({ weight, ...quota }));
    const capacity = { cpuMilli: workers * defaultResources.cpuMilli, memoryMb: Infinity };
    const runQueue = allocateRunQueue({ slots, tenants: tenants.length, workers }, capacity, shares);
    this.#owner = new RunQueueOwner(runQueue, { stealing });
    const memory = threadMemoryMb === undefined ? {} : { threadMemoryMb };
    const events: ExecutorEvents = { started: this.#started, ended: this.#ended };
    this.#threads = new TaskThreads({ runQueue, owner: this.#owner, slots, workers, stealing, events, ...memory });
  }

  /** Starts a pool. @returns once its threads take tasks. */
  static async open(options: TaskPoolOptions): Promise<TaskPool> {
    const pool = new TaskPool(options);
    await new Promise<void>((resolve) => pool.#threads.whenReady(resolve));
    return pool;
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#owner.counters, ...this.#threads.counters };
  }

  /** @throws Error when all slots are taken, or the tenant is unknown. */
  submit(task: PoolTask, done: Done): void {
    assert(!this.#closed, "nothing is submitted to a closed pool");
    const tenant = this.#tenantOf(task);
    const slot = this.#owner.allocate();
    if (slot < 0) throw new Error(`Cannot submit a task: ${this.#pending} are pending, at most that many`);
    const { ageingMs } = this.#options;
    const nowMs = nodeClock.nowMs();
    this.#tasks[slot] = task;
    this.#done[slot] = done;
    this.#failures[slot] = 0;
    this.#tenantOfSlot[slot] = tenant;
    this.#ranks[slot] = (ageingMs > 0 ? nowMs / ageingMs : 0) - (task.priority ?? 0);
    this.#orders[slot] = this.#order;
    this.#order = (this.#order + 1) >>> 0;
    this.#pending++;
    if (this.#offer(slot, task, nowMs)) return;
    this.#forget(slot);
    throw new Error(`Cannot submit a task: ${noRoom}`);
  }

  inject(fault: ThreadFault): FaultHandle {
    return this.#threads.inject(fault);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await new Promise<void>((resolve) => this.#threads.stop(resolve));
  }
  /** @returns false: the payloads of those pending leave no room for this one's. */
  #offer(slot: number, task: PoolTask, nowMs: Millis): boolean {
    const { workers } = this.#options;
    const tenant = this.#tenantOfSlot[slot] ?? 0;
    const rank = this.#ranks[slot] ?? 0;
    const token = ++this.#token;
    const attempt = (this.#failures[slot] ?? 0) + 1;
    const state = this.#states[slot];
    const loaded = this.#threads.load(slot, { task: anonymous, token, body: task.body, attempt, state });
    if (!loaded) return false;
    this.#askedMs[slot] = NaN;
    const lane = task.affinity === undefined ? -1 : task.affinity % workers;
    const { cpuMilli, memoryMb } = this.#charged[tenant] ?? defaultResources;
    const order = this.#orders[slot] ?? 0;
    this.#owner.offer(slot, { tenant, lane, rank, order, cpuMilli, memoryMb, token, offeredMs: nowMs });
    this.#threads.wake();
    this.#considerPreemption(tenant, rank);
    return true;
  }

  #taskIn(slot: number): PoolTask {
    const task = this.#tasks[slot];
    assert(task !== undefined, "what starts or ends was submitted, and has not ended");
    return task;
  }

  #tenantOf({ tenant = defaultTenant }: PoolTask): number {
    const index = this.#tenants.get(tenant);
    if (index === undefined) {
      throw new Error(`Cannot submit a task: tenant "${tenant}" is none of ${[...this.#tenants.keys()].join(", ")}`);
    }
    return index;
  }

  readonly #started: ExecutorEvents["started"] = (slot: number, started: Started) => {
    if (this.#observer !== undefined) this.#observer.started(this.#taskIn(slot), started);
    this.#running[started.worker] = slot;
    this.#startedMs[started.worker] = started.startedMs;
  };

  readonly #ended: ExecutorEvents["ended"] = (slot: number, ended: Ended) => {
    if (this.#observer !== undefined) this.#observer.ended(this.#taskIn(slot), ended);
    this.#running[ended.worker] = -1;
    const end = this.#endOf(slot, ended);
    if (end === undefined) this.#again(slot, ended);
    else this.#settle(slot, end);
  };

  /** @returns undefined: the task has to run again. */
  #endOf(slot: number, ended: Ended): TaskEnd | undefined {
    switch (ended.end) {
      case "completed":
        return ended.result === null ? completedWithNull : { state: "completed", result: ended.result ?? null };
      case "threw":
      case "crashed":
        this.#failures[slot]!++;
        if ((this.#failures[slot] ?? 0) < this.#options.maxAttempts) return undefined;
        return { state: "failed", reason: ended.end, message: ended.end === "threw" ? (ended.message ?? "") : "" };
      case "lost":
      case "yielded":
        return undefined;
      default:
        return unreachable(ended.end);
    }
  }

  #again(slot: number, { end, state }: Ended): void {
    if (this.#closed) return;
    // A lost attempt goes on where the last one that yielded did: that is what this one was given.
    if (end === "yielded") this.#states[slot] = state;
    else if (end !== "lost") this.#states[slot] = undefined;
    if (this.#offer(slot, this.#taskIn(slot), nodeClock.nowMs())) return;
    this.#settle(slot, { state: "failed", reason: "threw", message: noRoom });
  }

  #settle(slot: number, end: TaskEnd): void {
    const done = this.#done[slot];
    this.#forget(slot);
    done?.(end);
  }

  #forget(slot: number): void {
    this.#tasks[slot] = undefined;
    this.#done[slot] = undefined;
    this.#states[slot] = undefined;
    this.#owner.free(slot);
    this.#pending--;
  }

  /**
   * A task arrives: if it outranks one that runs, somebody is asked to make room now, and not only when the policy
   * looks next. Shares can wait until then.
   */
  #considerPreemption(tenant: number, rank: number): void {
    if (this.#options.quantumMs === 0) return;
    this.#timer ??= nodeClock.after(lookMs, this.#look);
    for (const running of this.#running) {
      if (running < 0) return; // A worker is free, or was when we last heard of it.
      if (this.#tenantOfSlot[running] === tenant && rank + outrankedBy <= (this.#ranks[running] ?? 0))
        return this.#preempt();
    }
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#closed || this.#pending === 0) return;
    this.#timer = nodeClock.after(lookMs, this.#look);
    this.#threads.look();
    if (!this.#running.includes(-1)) this.#preempt();
  };

  #preempt(): void {
    const waiting = this.#waiting();
    if (waiting.length === 0) return;
    const nowMs = nodeClock.nowMs();
    const running = [...this.#running].map((slot, worker) => this.#runningAttempt(slot, worker));
    const { quantumMs } = this.#options;
    const virtualMsOf = (tenant: number): Millis => {
      const own = running.filter((each) => each.tenant === tenant);
      const runningMs = own.reduce((sum, { startedMs }) => sum + nowMs - startedMs, 0);
      return this.#owner.virtualMsOf(tenant) + runningMs / (this.#options.tenants[tenant]?.weight ?? 1);
    };
    const victim = chooseVictim({ nowMs, quantumMs, running, waiting, virtualMsOf });
    if (victim === undefined) return;
    this.#askedMs[victim] = nowMs;
    this.#threads.requestYield(victim);
  }

  /** Tenants that have something waiting which their quota lets run. */
  #waiting(): readonly WaitingTenant[] {
    const found: WaitingTenant[] = [];
    for (const [tenant, { quota = noQuota }] of this.#options.tenants.entries()) {
      const rank = this.#owner.waitingOf(tenant) > 0 ? this.#owner.bestRankOf(tenant) : undefined;
      if (rank === undefined) continue;
      if (this.#owner.usageOf(tenant).cpuMilli + defaultResources.cpuMilli <= quota.cpuMilli)
        found.push({ tenant, rank });
    }
    return found;
  }

  #runningAttempt(slot: number, worker: number): RunningAttempt {
    const askedMs = this.#askedMs[slot] ?? NaN;
    return {
      slot,
      tenant: this.#tenantOfSlot[slot] ?? -1,
      rank: this.#ranks[slot] ?? 0,
      startedMs: this.#startedMs[worker] ?? 0,
      askedMs: Number.isNaN(askedMs) ? undefined : askedMs,
    };
  }
}

/**
 * Of what has no limit nothing is charged: each charge is a word that all workers write. The capacity is none here: a
 * worker runs one task at a time, all of one size, so no more than there is room for.
 */
function chargedUnder({ cpuMilli, memoryMb }: Resources): Resources {
  return {
    cpuMilli: cpuMilli === Infinity ? 0 : defaultResources.cpuMilli,
    memoryMb: memoryMb === Infinity ? 0 : defaultResources.memoryMb,
  };
}
