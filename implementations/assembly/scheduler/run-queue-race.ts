/**
 * A race for tasks: real threads take tasks from a shared run queue, which this thread offers them in bursts,
 * withdraws, lends out and offers again; some threads are terminated in the middle and replaced. Returned is what
 * happened to each attempt, for somebody else to judge.
 *
 * Bursts are small and many, and every other one is waited for to its end, so that threads fall asleep all the time
 * while tasks are offered. A race in which nothing happens in `stallTurns` turns of this thread although something is
 * in flight has stalled: nobody in it waits with a timeout, so a lost wake-up or a lost task shows. It is turns that
 * count, not time: a machine that is busy, or stands still, takes time from everybody.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Resources } from "../../scheduler/contract.ts";
import { allocateRunQueue } from "../../scheduler/production/allocate-run-queue.ts";
import { RunQueueOwner } from "../../scheduler/production/run-queue.ts";
import type { Share } from "../../scheduler/production/tenant-table.ts";
import { RunQueueRecord } from "./run-queue-record.ts";
import type { EndedAttempt, Excess } from "./run-queue-record.ts";
import type { RacerData } from "./run-queue-racer.ts";

export interface RunQueueRaceOptions {
  readonly seed: string;
  readonly threads: number;
  /** Few: slots and nodes are reused all the time. */
  readonly slots: number;
  /** Offers of new tasks. Some are offered again, besides. */
  readonly tasks: number;
  readonly burst: number;
  /**
   * Each burst is let loose when it is complete, no task takes any time, hardly two may run at once, and nobody sleeps:
   * so that workers get at each other.
   */
  readonly isFlood: boolean;
  readonly shares: readonly Share[];
  readonly capacity: Resources;
  readonly stealing: boolean;
  /** In percent: tasks of a worker's own lane, most of them of the first one's. */
  readonly inLanes: number;
  readonly deaths: number;
}

export type Fate = "ended" | "lent" | "withdrawn" | "orphaned";

export interface Attempt {
  readonly token: number;
  readonly tenant: number;
  readonly lane: number;
  readonly rank: number;
  readonly order: number;
  /** Drawn when it could be found. */
  offered: number;
  /** What became of it, in order: exactly one thing, if all is well. */
  readonly fates: Fate[];
  /** How it was taken; of one that ended. */
  ended?: EndedAttempt;
}

export interface RunQueueRaceOutcome {
  readonly attempts: readonly Attempt[];
  readonly deaths: number;
  readonly excess: Excess | undefined;
  /** What else is wrong: what was found in the tables, or that it stalled. One line each. */
  readonly problems: readonly string[];
  readonly counters: RunQueueOwner["counters"];
}

const pollMs = 0.05;
/** Some five seconds, and on a busy machine more. */
const stallTurns = 40_000;
/** Looks without a pause: as long as a worker needs to fall asleep. */
const quickPolls = 400;

/** @throws Error what a thread threw. Every thread has ended when this settles. */
export async function raceForTasks(options: RunQueueRaceOptions): Promise<RunQueueRaceOutcome> {
  const race = new Race(options);
  try {
    return await race.run();
  } finally {
    await race.end();
  }
}

class Stalled extends Error {}

class Race {
  readonly #options: RunQueueRaceOptions;
  readonly #random: Random;
  readonly #owner: RunQueueOwner;
  readonly #record: RunQueueRecord;
  readonly #tenants: Int32Array;
  readonly #data: Omit<RacerData, "worker">;
  readonly #racers = new Map<number, { readonly thread: Worker; readonly ended: Promise<void> }>();
  readonly #attempts: Attempt[] = [];
  readonly #problems: string[] = [];
  /** By slot in flight: the attempt. */
  readonly #inFlight = new Map<number, Attempt>();
  readonly #lent: number[] = [];
  /** By worker: entries of the record that were handled. */
  readonly #handled: number[];
  readonly #mostAttempts: number;
  #offers = 0;
  #deaths = 0;
  #isLenient = false;
  /** Turns in which nothing has happened. */
  #idleTurns = 0;
  #thrown: Error | undefined;

  constructor(options: RunQueueRaceOptions) {
    const { seed, threads, slots, tasks, shares, capacity, stealing, isFlood } = options;
    this.#options = options;
    this.#random = seededRandom(`${seed}/race`);
    this.#mostAttempts = 2 * tasks + slots;
    const layout = { workers: threads, tenants: shares.length, attempts: this.#mostAttempts };
    this.#record = new RunQueueRecord(layout);
    const queue = allocateRunQueue({ slots, tenants: shares.length, workers: threads }, capacity, shares);
    this.#owner = new RunQueueOwner(queue, { stealing });
    const tenants = new SharedArrayBuffer(4 * this.#mostAttempts);
    this.#tenants = new Int32Array(tenants);
    this.#data = { seed, queue, record: this.#record.shared, layout, shares, capacity, stealing, isFlood, tenants };
    this.#handled = Array.from({ length: threads }, () => 0);
  }

  async run(): Promise<RunQueueRaceOutcome> {
    for (let worker = 0; worker < this.#options.threads; worker++) this.#start(worker);
    while (this.#record.ready < this.#options.threads) await this.#turn();
    this.#idleTurns = 0;
    try {
      await this.#drive();
      await this.#inspect();
    } catch (error) {
      if (!(error instanceof Stalled)) throw error;
      this.#problems.push(error.message);
    }
    const { excess } = this.#record;
    return {
      attempts: this.#attempts,
      deaths: this.#deaths,
      excess,
      problems: this.#problems,
      counters: this.#owner.counters,
    };
  }

  async end(): Promise<void> {
    this.#record.stop();
    this.#record.openGate();
    this.#owner.wakeAll();
    await Promise.all([...this.#racers.values()].map(({ thread }) => thread.terminate()));
  }

  #start(worker: number): void {
    const workerData: RacerData = { ...this.#data, worker };
    const thread = new Worker(new URL("./run-queue-racer.ts", import.meta.url), { workerData, execArgv: [] });
    const ended = once(thread, "exit").then(() => undefined);
    ended.catch((error: unknown) => {
      this.#thrown ??= error instanceof Error ? error : new Error(`A thread threw ${String(error)}`);
    });
    this.#racers.set(worker, { thread, ended });
  }

  async #drive(): Promise<void> {
    const { tasks, deaths, burst, isFlood } = this.#options;
    const killAt = Array.from({ length: deaths }, () => this.#random.below(tasks)).sort((a, b) => a - b);
    while (this.#offers < tasks) {
      const count = isFlood ? burst : 1 + this.#random.below(burst);
      if (isFlood) this.#record.closeGate();
      for (let index = 0; index < count && this.#offers < tasks; index++) if (!this.#offerNew()) break;
      this.#record.openGate();
      this.#meddle();
      if (killAt.length > 0 && this.#offers >= killAt[0]!) {
        killAt.shift();
        await this.#kill(this.#random.below(this.#options.threads));
      }
      if (isFlood || this.#random.below(2) === 0) await this.#untilIdle();
      else await this.#untilSome();
    }
    await this.#untilIdle();
  }

  #offerNew(): boolean {
    const slot = this.#owner.allocate();
    if (slot < 0) return false;
    this.#offers++;
    this.#offer(slot);
    return true;
  }

  #offer(slot: number): void {
    const { shares, capacity, threads, inLanes, isFlood } = this.#options;
    const random = this.#random;
    const token = this.#attempts.length;
    const tenant = random.below(shares.length);
    const share = shares[tenant]!;
    const lane = random.below(100) < inLanes ? (random.below(3) > 0 ? 0 : random.below(threads)) : -1;
    const needs = {
      cpuMilli: amountWithin(random, Math.min(share.cpuMilli, capacity.cpuMilli), isFlood),
      memoryMb: amountWithin(random, Math.min(share.memoryMb, capacity.memoryMb), isFlood),
    };
    const rank = random.below(4);
    const attempt: Attempt = { token, tenant, lane, rank, order: token, offered: 0, fates: [] };
    this.#attempts.push(attempt);
    this.#inFlight.set(slot, attempt);
    this.#record.describe(token, tenant, needs);
    this.#tenants[token] = tenant;
    attempt.offered = this.#owner.offer(slot, { tenant, lane, rank, order: token, ...needs, token, offeredMs: 0 });
  }

  /** What else an owner does: withdraws, lends, takes back what it lent. */
  #meddle(): void {
    const random = this.#random;
    if (random.below(4) === 0) {
      const slots = [...this.#inFlight.keys()];
      const slot = slots[random.below(Math.max(1, slots.length))];
      if (slot !== undefined && this.#owner.withdraw(slot)) this.#finish(slot, "withdrawn");
    }
    if (random.below(8) === 0) {
      const taken = this.#owner.take();
      if (taken !== undefined) {
        const { token, slot } = taken;
        this.#check(slot, token, "lent");
        this.#record.countTaken(token);
        this.#record.hold(token, this.#options.shares[this.#tenants[token]!]!, this.#options.capacity, false);
        this.#lent.push(slot);
      }
    }
    if (this.#lent.length > 0 && random.below(3) === 0) this.#takeBack();
  }

  #takeBack(): void {
    const slot = this.#lent.shift()!;
    this.#record.letGo(this.#inFlight.get(slot)!.token, false);
    this.#owner.release(slot, 0.01);
    this.#finish(slot, "lent");
  }

  /** Something was taken in the name of `token`: then that is what the slot was offered as. */
  #check(slot: number, token: number, how: string): void {
    const attempt = this.#inFlight.get(slot);
    if (attempt?.token === token) return;
    this.#problems.push(
      `slot ${slot} was ${how} as attempt ${token}, and is that of attempt ${attempt?.token ?? "none"}`,
    );
  }

  #finish(slot: number, fate: Fate): void {
    const attempt = this.#inFlight.get(slot);
    this.#idleTurns = 0;
    if (attempt === undefined) return;
    attempt.fates.push(fate);
    this.#inFlight.delete(slot);
    const isAgain =
      fate !== "withdrawn" && this.#attempts.length < this.#mostAttempts - 1 && this.#random.below(8) === 0;
    if (isAgain) this.#offer(slot);
    else this.#owner.free(slot);
  }

  /** Handles what workers have noted; false when there is nothing new. */
  #handleEnds(): boolean {
    let isNew = false;
    for (let worker = 0; worker < this.#options.threads; worker++) {
      const ends = this.#record.endsOf(worker);
      for (; this.#handled[worker]! < ends; this.#handled[worker]!++) {
        const ended = this.#record.entry(worker, this.#handled[worker]!);
        this.#check(ended.slot, ended.token, "taken");
        const attempt = this.#attempts[ended.token];
        if (attempt !== undefined) attempt.ended = ended;
        isNew = true;
        if (this.#inFlight.get(ended.slot) === attempt) this.#finish(ended.slot, "ended");
      }
    }
    return isNew;
  }

  async #untilSome(): Promise<void> {
    await this.#until(() => {
      if (this.#handleEnds() || this.#inFlight.size < this.#options.slots) return true;
      // What is lent may be all that its tenant may have.
      if (this.#lent.length > 0) this.#takeBack();
      return false;
    });
  }

  async #untilIdle(): Promise<void> {
    await this.#until(() => {
      while (this.#lent.length > 0) this.#takeBack();
      this.#handleEnds();
      return this.#inFlight.size === 0;
    });
    if (!this.#isLenient) return;
    this.#isLenient = false;
    this.#record.judgeAgain();
  }

  async #until(holds: () => boolean): Promise<void> {
    for (let poll = 0; !holds(); poll++) {
      if (this.#problems.length > 0) throw new Stalled("given up");
      if (poll < quickPolls) continue;
      await this.#turn();
      if (this.#idleTurns > stallTurns) throw new Stalled(this.#describeStall());
    }
  }

  async #kill(worker: number): Promise<void> {
    this.#deaths++;
    this.#isLenient = true;
    this.#record.beLenient();
    const { thread, ended } = this.#racers.get(worker)!;
    await thread.terminate();
    await ended;
    this.#handleEnds();
    let orphans = this.#owner.orphansOf(worker);
    for (; orphans === undefined; orphans = this.#owner.orphansOf(worker)) {
      await this.#turn();
      this.#handleEnds();
    }
    for (const slot of orphans) this.#finish(slot, "orphaned");
    const ready = this.#record.ready;
    this.#start(worker);
    while (this.#record.ready === ready) await this.#turn();
    this.#idleTurns = 0;
  }

  /** Lets the event loop turn; the time goes to the racers. */
  async #turn(): Promise<void> {
    if (this.#thrown !== undefined) throw this.#thrown;
    this.#idleTurns++;
    this.#owner.waiting();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  #describeStall(): string {
    const attempts = [...this.#inFlight.values()].slice(0, 4).map(({ token, tenant, lane }) => {
      const taken = this.#record.takenOf(token) > 0 ? "taken" : "not taken";
      return `attempt ${token} (tenant ${tenant}, lane ${lane}, ${taken})`;
    });
    const { cpuMilli, memoryMb } = this.#owner.usage();
    return (
      `progress: nothing has happened in ${stallTurns} turns with ${this.#inFlight.size} in flight, ` +
      `${this.#owner.waiting()} of them waiting, ${cpuMilli} thousandths of a processor and ${memoryMb} MB held: ` +
      attempts.join(", ")
    );
  }

  /**
   * With nothing in flight: that nothing is held, waits, or has got lost.
   *
   * A worker that waits for its processor may hold something in vain, for a task that was withdrawn or another one had
   * claimed, or may hold back nodes, in the middle of a search. So nobody begins another search, and each thing is
   * waited for by itself: what one has to be waited for must not leave the next one with a single look.
   */
  async #inspect(): Promise<void> {
    const { slots, shares } = this.#options;
    this.#record.closeGate();
    const holders = [
      ["the node", () => this.#owner.usage()],
      ...shares.map((_, t) => [`tenant ${t}`, () => this.#owner.usageOf(t)] as const),
    ] as const;
    for (const [name, held] of holders) {
      await this.#untilOrPatience(() => held().cpuMilli + held().memoryMb === 0);
      if (held().cpuMilli + held().memoryMb !== 0) {
        this.#problems.push(`${name} holds ${JSON.stringify(held())} in the end`);
        return;
      }
    }
    if (this.#owner.waiting() !== 0) this.#problems.push(`${this.#owner.waiting()} are said to wait in the end`);
    let free = 0;
    await this.#untilOrPatience(() => {
      while (this.#owner.allocate() >= 0) free++;
      return free >= slots;
    });
    if (free !== slots) this.#problems.push(`${free} of ${slots} slots are free in the end`);
  }

  /** Waits until `holds`, or for as long as no machine should need. */
  async #untilOrPatience(holds: () => boolean): Promise<void> {
    this.#idleTurns = 0;
    await this.#until(() => holds() || this.#idleTurns >= stallTurns);
  }
}

/** Often all there may be, sometimes nothing; in a flood at least so much that no two fit. */
function amountWithin(random: Random, limit: number, isFlood: boolean): number {
  const bounded = Math.min(limit, 1000);
  if (isFlood) return random.below(2) === 0 ? bounded : Math.floor(bounded / 2) + 1;
  return [0, 1, Math.floor(bounded / 3), bounded, bounded][random.below(5)]!;
}
