/**
 * Interleavings of the run queue, chosen exactly: in the middle of one thread's operation, before each of its atomic
 * accesses in turn, other threads do whole operations. That is every schedule with one preemption of a few small
 * scenes, and most mistakes in concurrent code need no more than one or two.
 *
 * All on one thread and the same each time. What it cannot show is what happens when two are in the middle of something
 * at once, and when somebody sleeps: for that there is the race.
 *
 * @see Musuvathi & Qadeer 2007, "Iterative context bounding for systematic testing of multithreaded programs".
 */

import type { Resources } from "../../scheduler/contract.ts";
import { allocateRunQueue, RunQueueOwner, RunQueueWorker } from "../../scheduler/production/run-queue.ts";
import type { Share } from "../../scheduler/production/run-queue.ts";
import { atAtomicStep } from "./at-atomic-step.ts";
import type { Attempt, RunQueueRaceOutcome } from "./run-queue-race.ts";
import type { Excess } from "./run-queue-record.ts";

export interface Interleaving extends Pick<RunQueueRaceOutcome, "attempts" | "excess" | "problems"> {
  /** What was interrupted by what, and where. */
  readonly name: string;
}

const workers = 2;

interface Scene {
  readonly shares: readonly Share[];
  readonly capacity: Resources;
  readonly prepare: (stage: Stage) => void;
}

const unlimited: Resources = { cpuMilli: Infinity, memoryMb: Infinity };
const free: Share = { weight: 1, ...unlimited };

const scenes: Readonly<Record<string, Scene>> = {
  "one at a time by quota": {
    shares: [{ ...free, cpuMilli: 1000 }],
    capacity: unlimited,
    prepare: (stage) => {
      for (const cpuMilli of [1000, 501, 1000, 501]) stage.offer({ cpuMilli });
    },
  },
  "one at a time by memory": {
    shares: [free, free],
    capacity: { cpuMilli: Infinity, memoryMb: 100 },
    prepare: (stage) => {
      for (const [tenant, memoryMb] of [60, 51, 100, 51].entries()) stage.offer({ tenant: tenant % 2, memoryMb });
    },
  },
  // Where each worker has a head of its own, both can be after the last room at once.
  "one at a time by quota, in lanes": {
    shares: [{ ...free, cpuMilli: 1000 }],
    capacity: unlimited,
    prepare: (stage) => {
      for (const lane of [0, 1, 0, 1]) stage.offer({ lane, cpuMilli: 501 + lane });
    },
  },
  "one at a time by capacity, in lanes": {
    shares: [free],
    capacity: { cpuMilli: 1000, memoryMb: 100 },
    prepare: (stage) => {
      for (const lane of [0, 1, 0, 1]) stage.offer({ lane, cpuMilli: 300, memoryMb: 51 + lane });
    },
  },
  "a shared lane and one of each": {
    shares: [free],
    capacity: unlimited,
    prepare: (stage) => {
      for (const lane of [0, -1, 1, -1, 0, 1]) stage.offer({ lane, rank: 2 });
    },
  },
  "something to steal": {
    shares: [free],
    capacity: { cpuMilli: 3000, memoryMb: Infinity },
    prepare: (stage) => {
      for (let index = 0; index < 9; index++) stage.offer({ lane: 1, rank: index % 2, cpuMilli: 300 + index });
    },
  },
};

/** What worker 0 is interrupted in. */
const interrupted: Readonly<Record<string, (stage: Stage) => void>> = {
  "a take": (stage) => stage.take(0),
  "a release and a take": (stage) => {
    stage.release(0);
    stage.take(0);
  },
};

/** By what. The new offers need something else than the old ones. */
const intrusions: Readonly<Record<string, (stage: Stage) => void>> = {
  "a take": (stage) => stage.take(1),
  "a take to its end, and an offer": (stage) => stage.turnOver(1),
  "an offer that comes first": (stage) => stage.offer({ rank: -1, cpuMilli: 1 }),
  "a withdrawal, and an offer": (stage) => {
    stage.withdrawFirst();
    stage.offer({ cpuMilli: 700, memoryMb: 7 });
  },
  "a loan": (stage) => stage.lend(),
  "many takes to their ends, and as many offers": (stage) => {
    for (let turn = 0; turn < 40; turn++) stage.turnOver(1);
  },
};

/** All of them, one after the other. */
export function* interleavings(): Iterable<Interleaving> {
  for (const [where, scene] of Object.entries(scenes)) {
    for (const [what, operation] of Object.entries(interrupted)) {
      for (const [how, intrusion] of Object.entries(intrusions)) {
        for (let step = 0; ; step++) {
          const stage = new Stage(scene);
          scene.prepare(stage);
          if (what !== "a take") stage.take(0);
          const isThere = atAtomicStep(
            step,
            () => operation(stage),
            () => intrusion(stage),
          );
          stage.playOut();
          yield { ...stage.outcome(), name: `${where}: ${what}, interrupted at access ${step} by ${how}` };
          if (!isThere) break;
        }
      }
    }
  }
}

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

class Stage {
  readonly #scene: Scene;
  readonly #owner: RunQueueOwner;
  readonly #workers: readonly RunQueueWorker[];
  readonly #attempts: StagedAttempt[] = [];
  readonly #inFlight = new Map<number, StagedAttempt>();
  #running: Running[] = [];
  readonly #problems: string[] = [];
  #excess: Excess | undefined;

  constructor(scene: Scene) {
    const { shares, capacity } = scene;
    const shared = allocateRunQueue({ slots: 16, tenants: shares.length, workers }, capacity, shares);
    this.#scene = scene;
    this.#owner = new RunQueueOwner(shared, { stealing: true });
    this.#workers = [0, 1].map((worker) => new RunQueueWorker(shared, worker, { stealing: true }));
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

  outcome(): Omit<Interleaving, "name"> {
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
