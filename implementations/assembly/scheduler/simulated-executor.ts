/**
 * Workers in virtual time: they take their tasks from the run queue exactly as threads do, and executing one is waiting
 * for as long as it says.
 *
 * A worker takes its next task once the end of its last one has been taken note of, so that what that end released
 * competes for the worker. A thread that ends, by a fault or by its task, leaves behind what it had in its hands, and
 * the owner of the run queue collects that, as it does for a real thread.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock } from "../../foundation/effects.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { Millis } from "../../foundation/units.ts";
import { RunQueueWorker } from "../../scheduler/production/run-queue-worker.ts";
import type { RunQueueOwner } from "../../scheduler/production/run-queue.ts";
import type { Taken } from "../../scheduler/production/task-taker.ts";
import type { ExecutorPlace } from "./scheduler-node.ts";
import { simulatedFunction } from "./simulated-modules.ts";
import { SimulatedRun } from "./simulated-run.ts";
import type { RunEnd } from "./simulated-run.ts";
import type { Attempt, ExecutorEvents, TaskExecutor, ThreadFault } from "./task-executor.ts";

interface Worker {
  readonly index: number;
  queue: RunQueueWorker;
  busy: Busy | undefined;
  isDown: boolean;
  /** Faults that make it stand still. */
  stalls: number;
}

interface Busy {
  readonly taken: Taken;
  readonly startedMs: Millis;
  readonly run: SimulatedRun;
}

export class SimulatedExecutor implements TaskExecutor {
  readonly #owner: RunQueueOwner;
  readonly #shared: SharedArrayBuffer;
  readonly #options: { readonly stealing: boolean };
  readonly #threadStartMs: Millis;
  readonly #clock: Clock;
  readonly #events: ExecutorEvents;
  readonly #workers: readonly Worker[];
  readonly #attempts = new Map<number, Attempt>();
  readonly #askedMs = new Map<number, Millis>();
  #isStopped = false;
  /** Workers are taking tasks, or an end is being told. */
  #isBusy = false;
  #isWoken = false;

  constructor({ shared, owner, settings, clock, events }: ExecutorPlace) {
    this.#owner = owner;
    this.#shared = shared;
    this.#options = { stealing: settings.stealing };
    this.#threadStartMs = settings.threadStartMs;
    this.#clock = clock;
    this.#events = events;
    this.#workers = Array.from({ length: settings.workers }, (_, index) => ({
      index,
      queue: new RunQueueWorker(shared, index, this.#options),
      busy: undefined,
      isDown: false,
      stalls: 0,
    }));
  }

  load(slot: number, attempt: Attempt): boolean {
    this.#attempts.set(slot, attempt);
    return true;
  }

  wake(): void {
    this.#isWoken = true;
    if (this.#isBusy || this.#isStopped) return;
    this.#isBusy = true;
    while (this.#isWoken) {
      this.#isWoken = false;
      for (const worker of this.#workers) this.#takeNext(worker);
    }
    this.#isBusy = false;
  }

  requestYield(slot: number): void {
    this.#owner.requestYield(slot);
    if (!this.#askedMs.has(slot)) this.#askedMs.set(slot, this.#clock.nowMs());
  }

  endThread(slot: number): void {
    const worker = this.#workers.find(({ busy }) => busy?.taken.slot === slot);
    if (worker !== undefined) this.#kill(worker);
  }

  resolveCall(module: string, exported: string, done: (problem: string | undefined) => void): void {
    const isThere = simulatedFunction(module, exported) !== undefined;
    done(isThere ? undefined : `module "${module}" has no function "${exported}"`);
  }

  inject({ worker: number, change }: ThreadFault): FaultHandle {
    const worker = this.#workers[number % this.#workers.length];
    assert(worker !== undefined, "there is a worker");
    return change === "kill" ? this.#kill(worker) : this.#stall(worker);
  }

  stop(done: () => void): void {
    this.#isStopped = true;
    for (const { busy } of this.#workers) busy?.run.cancel();
    done();
  }

  #takeNext(worker: Worker): void {
    if (worker.busy !== undefined || worker.isDown || worker.stalls > 0 || this.#isStopped) return;
    const startedMs = this.#clock.nowMs();
    const taken = worker.queue.take(startedMs);
    if (taken === undefined) return;
    const { slot, token, lane, waitMs } = taken;
    const attempt = this.#attempts.get(slot);
    assert(attempt !== undefined, "what is offered was loaded before");
    this.#askedMs.delete(slot);
    const run = new SimulatedRun(attempt, {
      clock: this.#clock,
      shouldYield: () => worker.queue.shouldYield(slot),
      ended: (how) => this.#end(worker, how),
    });
    worker.busy = { taken, startedMs, run };
    run.begin();
    this.#events.started(slot, { worker: worker.index, token, lane, waitMs, startedMs });
  }

  #end(worker: Worker, how: RunEnd): void {
    const { busy } = worker;
    if (busy === undefined || this.#isStopped) return;
    worker.busy = undefined;
    if (how.end === "crashed") this.#restart(worker);
    else worker.queue.release(busy.taken.slot, this.#ranMs(busy));
    this.#tellEnd(worker, busy, how);
  }

  #tellEnd(worker: Worker, busy: Busy, how: RunEnd): void {
    const { slot, token } = busy.taken;
    const askedMs = this.#askedMs.get(slot);
    const isAsked = how.end === "yielded" && askedMs !== undefined;
    const yieldMs = isAsked ? { yieldMs: Math.max(0, this.#clock.nowMs() - askedMs) } : {};
    const ended = { worker: worker.index, token, ranMs: this.#ranMs(busy), ...yieldMs, ...how };
    this.#tell(() => this.#events.ended(slot, ended));
  }

  #ranMs({ startedMs }: Busy): Millis {
    return Math.max(0, this.#clock.nowMs() - startedMs);
  }

  /** Nobody takes a task before the end has been taken note of, wherever in that it wakes workers. */
  #tell(event: () => void): void {
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    event();
    this.#isBusy = wasBusy;
    this.wake();
  }

  #kill(worker: Worker): FaultHandle {
    const { busy } = worker;
    if (!worker.isDown) {
      worker.busy = undefined;
      busy?.run.cancel();
      this.#restart(worker);
      if (busy !== undefined) this.#tellEnd(worker, busy, { end: "lost" });
    }
    return faultHandle(
      "threads ended",
      () => 1,
      () => undefined,
    );
  }

  /** Its thread has ended; another one takes its place. */
  #restart(worker: Worker): void {
    const orphans = this.#owner.orphansOf(worker.index);
    assert(orphans !== undefined, "in one thread nobody is ever in the middle of something");
    worker.isDown = true;
    const replace = (): void => {
      worker.queue = new RunQueueWorker(this.#shared, worker.index, this.#options);
      worker.isDown = false;
    };
    if (this.#threadStartMs === 0) return replace();
    this.#clock.after(this.#threadStartMs, () => {
      replace();
      this.wake();
    });
  }

  #stall(worker: Worker): FaultHandle {
    const injectedMs = this.#clock.nowMs();
    let stalledMs: Millis | undefined;
    const passedMs = (): Millis => Math.max(0, this.#clock.nowMs() - injectedMs);
    if (worker.stalls++ === 0) worker.busy?.run.stall();
    return faultHandle(
      "ms stalled",
      () => Math.round(stalledMs ?? passedMs()),
      () => {
        stalledMs = passedMs();
        if (--worker.stalls > 0 || this.#isStopped) return;
        worker.busy?.run.goOn();
        this.wake();
      },
    );
  }
}
