/**
 * A stage for the interleavings of run-queue-interleavings.ts: a small run queue with an owner and two workers, all
 * played by one thread, that keeps account of what everybody does.
 *
 * A worker that would block is noted down as asleep, with the bit that it has set; it is woken when its word changes.
 */

import type { Resources } from "../../scheduler/contract.ts";
import { allocateRunQueue } from "../../scheduler/production/allocate-run-queue.ts";
import { RunQueueOwner } from "../../scheduler/production/run-queue.ts";
import { RunQueueWorker } from "../../scheduler/production/run-queue-worker.ts";
import type { Share } from "../../scheduler/production/tenant-table.ts";
import type { Attempt, RunQueueRaceOutcome } from "./run-queue-race.ts";
import type { Excess } from "./run-queue-record.ts";

const workers = 2;

export interface Scene {
  readonly shares: readonly Share[];
  readonly capacity: Resources;
  /** Unless it is said, they do. */
  readonly stealing?: boolean;
  readonly prepare: (stage: RunQueueStage) => void;
}

export type StageOutcome = Pick<RunQueueRaceOutcome, "attempts" | "excess" | "problems">;

interface Needs {
  readonly tenant?: number;
  readonly lane?: number;
  readonly rank?: number;
  readonly cpuMilli?: number;
  readonly memoryMb?: number;
}

interface Running {
  readonly slot: number;
  readonly worker: number;
  readonly attempt: StagedAttempt;
}

interface StagedAttempt extends Attempt {
  readonly needs: Resources;
}

/** Where a worker would block. */
class Asleep extends Error {}

export class RunQueueStage {
  readonly lender = workers;
  readonly #scene: Scene;
  readonly #owner: RunQueueOwner;
  readonly #workers: readonly RunQueueWorker[];
  readonly #attempts: StagedAttempt[] = [];
  readonly #inFlight = new Map<number, StagedAttempt>();
  #running: Running[] = [];
  readonly #asleep: { readonly worker: number; readonly isWoken: () => boolean }[] = [];
  readonly #problems: string[] = [];
  #excess: Excess | undefined;

  constructor(scene: Scene) {
    const { shares, capacity, stealing = true } = scene;
    const shared = allocateRunQueue({ slots: 16, tenants: shares.length, workers }, capacity, shares);
    this.#scene = scene;
    this.#owner = new RunQueueOwner(shared, { stealing });
    this.#workers = [0, 1].map((worker) => new RunQueueWorker(shared, worker, { stealing }));
  }

  offer({ tenant = 0, lane = -1, rank = 0, cpuMilli = 0, memoryMb = 0 }: Needs): void {
    const slot = this.#owner.allocate();
    if (slot < 0) return;
    const token = this.#attempts.length;
    const needs = { cpuMilli, memoryMb };
    const attempt = { token, tenant, lane, rank, order: token, offered: 0, fates: [], needs };
    this.#attempts.push(attempt);
    this.#inFlight.set(slot, attempt);
    attempt.offered = this.#owner.offer(slot, { tenant, lane, rank, order: token, ...needs, token, offeredMs: 0 });
  }

  take(worker: number): boolean {
    const taken = worker === workers ? this.#owner.take() : this.#workers[worker]!.take(0);
    if (taken === undefined) return false;
    const { slot, token, lane, since, ticket, isMoved } = taken;
    const attempt = this.#inFlight.get(slot);
    if (attempt?.token !== token || attempt.fates.length > 0 || attempt.ended !== undefined) {
      this.#problems.push(`exactly once: slot ${slot} was taken as attempt ${token}, which is not there to be taken`);
      return false;
    }
    attempt.ended = { token, slot, worker, lane, since, ticket, isMoved };
    this.#running.push({ slot, worker, attempt });
    this.#judgeHeld(attempt);
    return true;
  }

  lend(): void {
    this.take(workers);
  }

  /** Of the task that `worker` took last. */
  release(worker: number): void {
    const ended = this.#running.findLast((running) => running.worker === worker);
    if (ended === undefined) return;
    this.#running = this.#running.filter((running) => running !== ended);
    (worker === workers ? this.#owner : this.#workers[worker]!).release(ended.slot, 0.1);
    this.#leave(ended.slot, worker === workers ? "lent" : "ended");
  }

  turnOver(worker: number): void {
    if (!this.take(worker)) return;
    this.release(worker);
    const needs = { cpuMilli: 1 + (this.#attempts.length % 900), memoryMb: this.#attempts.length % 9 };
    this.offer({ rank: this.#attempts.length % 3, ...needs });
  }

  withdrawFirst(): void {
    const queued = [...this.#inFlight].filter(([, { ended }]) => ended === undefined);
    for (const [slot] of queued) {
      if (!this.#owner.withdraw(slot)) continue;
      this.#leave(slot, "withdrawn");
      return;
    }
  }

  /** Takes everything to its end. */
  playOut(): void {
    for (let turn = 0; this.#inFlight.size > 0 && this.#problems.length === 0; turn++) {
      if (turn > 500) this.#problems.push(`progress: ${this.#inFlight.size} are in flight, and nobody can take them`);
      for (let worker = 0; worker <= workers; worker++) this.release(worker);
      this.take(turn % workers);
    }
    for (const [tenant] of this.#scene.shares.entries())
      this.#judgeRest(`tenant ${tenant}`, this.#owner.usageOf(tenant));
    this.#judgeRest("the node", this.#owner.usage());
  }

  /** What a worker thread does when it has nothing: looks, and sleeps unless there is something. */
  lookAndSleep(worker: number): void {
    const view = this.#workers[worker]!;
    const seen = view.signal();
    if (this.take(worker)) return;
    const { wait } = Atomics;
    const block = (words: Int32Array, index: number, value: number): string => {
      if (words[index] !== value) return "not-equal";
      this.#asleep.push({ worker, isWoken: () => words[index] !== value });
      throw new Asleep();
    };
    Object.assign(Atomics, { wait: block });
    try {
      view.wait(seen);
    } catch (error) {
      if (!(error instanceof Asleep)) throw error;
    } finally {
      Object.assign(Atomics, { wait });
    }
  }

  /** All that were woken look, and sleep again if there is nothing. */
  getUp(): void {
    for (;;) {
      const index = this.#asleep.findIndex(({ isWoken }) => isWoken());
      if (index < 0) return;
      const [{ worker } = { worker: 0 }] = this.#asleep.splice(index, 1);
      // What `wait` does when it returns, as far as others see it.
      this.#workers[worker]!.wait(this.#workers[worker]!.signal() - 1);
      this.lookAndSleep(worker);
    }
  }

  /** Whoever sleeps and was not woken finds nothing to take. */
  judgeSleepers(): void {
    this.getUp();
    for (const { worker } of this.#asleep) {
      if (this.take(worker))
        this.#problems.push(`progress: worker ${worker} sleeps although there is something for it`);
    }
  }

  outcome(): StageOutcome {
    return { attempts: this.#attempts, excess: this.#excess, problems: this.#problems };
  }

  #leave(slot: number, fate: Attempt["fates"][number]): void {
    this.#inFlight.get(slot)!.fates.push(fate);
    this.#inFlight.delete(slot);
    this.#owner.free(slot);
  }

  #judgeHeld({ token, tenant }: StagedAttempt): void {
    const { shares, capacity } = this.#scene;
    const ofTenant = this.#running.filter(({ attempt }) => attempt.tenant === tenant);
    const ofNode = this.#running.filter(({ worker }) => worker < workers);
    const share = shares[tenant]!;
    const sums = [
      [sum(ofTenant, "cpuMilli"), share.cpuMilli],
      [sum(ofTenant, "memoryMb"), share.memoryMb],
      [sum(ofNode, "cpuMilli"), capacity.cpuMilli],
      [sum(ofNode, "memoryMb"), capacity.memoryMb],
    ] as const;
    for (const [limit, [held, most]] of sums.entries()) if (held > most) this.#excess ??= { token, limit, held };
  }

  #judgeRest(who: string, held: Resources): void {
    if (held.cpuMilli === 0 && held.memoryMb === 0) return;
    this.#problems.push(`${who} holds ${JSON.stringify(held)} with nothing running`);
  }
}

function sum(running: readonly Running[], what: keyof Resources): number {
  return running.reduce((total, { attempt }) => total + attempt.needs[what], 0);
}
