/**
 * Executes tasks on worker threads of this process: the executor of a scheduler on a real machine.
 *
 * Threads take their tasks from the run queue themselves and tell of starts and ends through rings in shared memory
 * (`end-ring.ts`). The main thread looks into the rings from its event loop: turn after turn while it finds something,
 * and once it finds nothing it says so and sleeps until a thread posts one message. Under load there are no messages.
 *
 * A thread that has ended is replaced under the same number. Whatever it had claimed has exactly one end: the ring is
 * read to its end first; a record that was started and not ended is that attempt's, and so is what the queue knows to
 * be claimed and no record speaks of (the thread died between claiming and starting). "lost" if the host ended the
 * thread, otherwise "crashed".
 */

import { assert } from "../../../foundation/assert.ts";
import type { FaultHandle } from "../../../foundation/faults.ts";
import { HarnessError } from "../../../foundation/errors.ts";
import type { Millis } from "../../../foundation/units.ts";
import { nodeClock } from "../../../platform/node/clock.ts";
import { threadBirthMs } from "../../../platform/node/thread-clock.ts";
import type { JsonValue, TaskBody } from "../../../scheduler/contract.ts";
import type { RunQueueOwner } from "../../../scheduler/production/run-queue.ts";
import type { Attempt, Ended, ExecutorEvents, TaskExecutor, ThreadFault } from "../task-executor.ts";
import { CallProbe } from "./call-probe.ts";
import { decodeJson } from "./call.ts";
import { SlotPayloads } from "./slot-payloads.ts";
import { endKinds } from "./task-table.ts";
import { MainThreadSleep } from "./thread-control.ts";
import { WorkerThread } from "./worker-thread.ts";
import type { ThreadDeath } from "./worker-thread.ts";

export interface TaskThreadsOptions {
  /** The queue's memory, and this thread's view of it: what dead threads had claimed is asked of it. */
  readonly runQueue: SharedArrayBuffer;
  readonly owner: RunQueueOwner;
  readonly slots: number;
  readonly workers: number;
  readonly stealing: boolean;
  /** JavaScript heap of one thread: beyond it the thread ends itself, and its task has crashed. */
  readonly threadMemoryMb?: number;
  /** Until a module that does not finish loading counts as one that cannot be called. */
  readonly resolveMs?: Millis;
  readonly events: ExecutorEvents;
}

const defaultThreadMemoryMb = 256;
/** Half records read from one ring before the event loop has a turn. */
const maxReadAtOnce = 2048;
/** Turns of the event loop in which the main thread looks and finds nothing before it sleeps. */
const emptyLooks = 2;
/** A thread that does not end (a native call that never returns) is given up after that. */
const stopMs: Millis = 5000;
/** Threads of one worker that die one after the other before they have begun: the machine cannot run them. */
const maxStillborn = 5;

export class TaskThreads implements TaskExecutor {
  readonly #options: TaskThreadsOptions;
  readonly #payloads: SlotPayloads;
  readonly #sleep = new MainThreadSleep();
  readonly #probe: CallProbe;
  readonly #workers: WorkerThread[] = [];
  readonly #stillborn: number[];
  #whenReady: (() => void)[] = [];
  #toBeReady: number;
  #emptyLooks = 0;
  #willLook = false;
  #stopped = false;
  #deaths = 0;
  #wakes = 0;

  /** Starts the threads; tasks may be offered at once. */
  constructor(options: TaskThreadsOptions) {
    this.#options = options;
    const { slots, workers, runQueue, stealing, threadMemoryMb = defaultThreadMemoryMb } = options;
    this.#payloads = new SlotPayloads(slots);
    this.#probe = new CallProbe(nodeClock, options.resolveMs);
    this.#stillborn = new Array<number>(workers).fill(0);
    this.#toBeReady = workers;
    const data = {
      stealing,
      runQueue,
      table: this.#payloads.table,
      arena: this.#payloads.arena.shared,
      mainThreadSleep: this.#sleep.shared,
      birthMs: threadBirthMs(),
    };
    for (let worker = 0; worker < workers; worker++) {
      this.#workers.push(
        new WorkerThread({
          worker,
          threadMemoryMb,
          data,
          nowMs: () => nodeClock.nowMs(),
          onReady: () => this.#onReady(worker),
          onLook: this.#onLook,
          onStands: () => this.#stopped || this.#options.owner.wakeAll(),
          onDeath: (thread, death) => this.#onDeath(thread, death),
        }),
      );
    }
    this.#fallAsleep();
  }

  /** Calls `done` once all threads have begun; what is measured before measures their start. */
  whenReady(done: () => void): void {
    if (this.#toBeReady <= 0) setImmediate(done);
    else this.#whenReady.push(done);
  }

  /** Threads that have died, and messages that woke the main thread. */
  get counters(): Readonly<Record<string, number>> {
    return { "threads died": this.#deaths, "main thread woken": this.#wakes };
  }

  load(slot: number, attempt: Attempt): boolean {
    return this.#payloads.load(slot, attempt);
  }

  /** Nothing to do: the offer itself has woken a worker. */
  wake(): void {}

  requestYield(slot: number): void {
    this.#payloads.setYieldRequestedMs(slot, nodeClock.nowMs());
    this.#options.owner.requestYield(slot);
  }

  /** What was published and not read yet is the attempt's end: then it needs none. */
  endThread(slot: number): void {
    const runsIt = ({ isAlive, ends }: WorkerThread): boolean =>
      isAlive && ends.isOpen && ends.slot === slot && !ends.hasMore;
    this.#workers.find(runsIt)?.kill();
  }

  resolveCall(module: string, exported: string, done: (problem: string | undefined) => void): void {
    this.#probe.resolve(module, exported, done);
  }

  inject({ worker, change }: ThreadFault): FaultHandle {
    const thread = this.#workers[worker % this.#workers.length];
    assert(thread !== undefined, "there is a worker for every number, modulo theirs");
    if (change === "kill") return thread.kill();
    const handle = thread.stall();
    this.#options.owner.wakeAll(); // An idle one too: what is offered shall not wait for it.
    return handle;
  }

  /** Within `stopMs`, whatever the tasks do. */
  stop(done: () => void): void {
    this.#stopped = true;
    let left = this.#workers.length + 1;
    const timer = nodeClock.after(stopMs, () => finish());
    const finish = (): void => {
      timer.cancel();
      left = 0;
      done();
    };
    const one = (): void => {
      if (left > 0 && --left === 0) finish();
    };
    for (const worker of this.#workers) worker.stop(one);
    void this.#probe.stop().then(one);
  }

  /** Reads what is in the rings now, and not only in the next turn of the event loop. */
  look(): boolean {
    let found = false;
    this.#options.owner.inBatch(() => {
      for (const worker of this.#workers) if (worker.isAlive && this.#read(worker, maxReadAtOnce)) found = true;
    });
    return found;
  }

  readonly #onLook = (): void => {
    this.#wakes++;
    this.#emptyLooks = 0;
    this.#lookAndGoOn();
  };

  readonly #lookInTurn = (): void => {
    this.#willLook = false;
    this.#lookAndGoOn();
  };

  #lookAndGoOn(): void {
    let found = true;
    try {
      found = !this.#stopped && this.look();
    } finally {
      this.#emptyLooks = found ? 0 : this.#emptyLooks + 1;
      if (this.#emptyLooks < emptyLooks) this.#lookLater();
      else this.#fallAsleep();
    }
  }

  #lookLater(): void {
    if (this.#willLook || this.#stopped) return;
    this.#willLook = true;
    setImmediate(this.#lookInTurn);
  }

  #fallAsleep(): void {
    this.#emptyLooks = 0;
    const hasMore = (): boolean => this.#workers.some(({ isAlive, ends }) => isAlive && ends.hasMore);
    if (!this.#sleep.fallAsleep(hasMore)) this.#lookLater();
  }

  /** @returns whether anything was there. */
  #read(worker: WorkerThread, limit: number): boolean {
    const { ends } = worker;
    let read = 0;
    try {
      while (read < limit && !this.#stopped && ends.next()) {
        read++;
        if (ends.isOpen) this.#started(worker);
        else this.#ended(worker);
      }
    } finally {
      if (read > 0) ends.release();
    }
    return read > 0;
  }

  #started({ worker, ends }: WorkerThread): void {
    const { slot, token, lane, waitMs, startedMs } = ends;
    this.#options.events.started(slot, { worker, token, lane, waitMs, startedMs });
  }

  #ended({ worker, ends }: WorkerThread): void {
    const { slot, token, ranMs } = ends;
    const body = this.#payloads.body(slot);
    const end = endKinds[ends.end] ?? "threw";
    let ended: Ended;
    switch (end) {
      case "completed": {
        const result = body?.kind === "call" ? (decodeJson(ends.bytes()) as JsonValue) : returnsOf(body);
        ended = { worker, token, end, ranMs, result };
        break;
      }
      case "threw": {
        const message = body?.kind === "call" ? new TextDecoder().decode(ends.bytes()) : messageOf(body);
        ended = { worker, token, end, ranMs, message };
        break;
      }
      case "yielded": {
        const state = decodeJson(ends.bytes()) as JsonValue;
        const { yieldMs } = ends;
        ended = { worker, token, end, ranMs, state, ...(yieldMs >= 0 ? { yieldMs } : {}) };
        break;
      }
    }
    this.#payloads.unload(slot);
    this.#options.events.ended(slot, ended);
  }

  #onReady(worker: number): void {
    this.#stillborn[worker] = 0;
    this.#toBeReady--;
    if (this.#toBeReady > 0) return;
    const whenReady = this.#whenReady;
    this.#whenReady = [];
    for (const done of whenReady) done();
  }

  #onDeath(worker: WorkerThread, death: ThreadDeath): void {
    if (this.#stopped) return;
    this.#deaths++;
    if (!death.wasReady && !death.killed) this.#countStillborn(worker.worker, death.message);
    this.#bury(worker, death, nodeClock.nowMs());
  }

  #countStillborn(worker: number, message: string): void {
    const stillborn = (this.#stillborn[worker] ?? 0) + 1;
    this.#stillborn[worker] = stillborn;
    if (stillborn <= maxStillborn) return;
    throw new HarnessError(`Cannot execute tasks: ${stillborn} threads died at their start: ${message}`);
  }

  /**
   * Tells of the ends of what the dead worker had in its hands, and starts its successor. The ring is read first: the
   * queue counts a slot whose end was not handled as the dead one's. Those that were told of and that the scheduler
   * still keeps are told by their payload, which is gone.
   */
  #bury(worker: WorkerThread, death: ThreadDeath, diedMs: Millis): void {
    if (this.#stopped) return;
    this.#read(worker, Infinity);
    const orphans = this.#options.owner.orphansOf(worker.worker);
    if (orphans === undefined) return void nodeClock.after(1, () => this.#bury(worker, death, diedMs));
    const { ends } = worker;
    const open = ends.isOpen ? ends.slot : -1;
    if (open >= 0) {
      const { killed, message } = death;
      const base = { worker: worker.worker, token: ends.token, ranMs: Math.max(0, diedMs - ends.startedMs) };
      this.#endDead(open, killed ? { ...base, end: "lost" } : { ...base, end: "crashed", message });
    }
    for (const slot of orphans)
      if (slot !== open && this.#payloads.isLoaded(slot)) this.#endUnstarted(worker.worker, slot, diedMs);
    if (this.#stopped) return;
    worker.start();
    this.#lookLater(); // The dead thread may have been the one that was to wake this one.
  }

  /** The thread died between claiming and starting it: no task's fault, whoever ended the thread. */
  #endUnstarted(worker: number, slot: number, diedMs: Millis): void {
    const token = this.#payloads.token(slot);
    this.#options.events.started(slot, { worker, token, lane: -1, waitMs: 0, startedMs: diedMs });
    this.#endDead(slot, { worker, token, end: "lost", ranMs: 0 });
  }

  #endDead(slot: number, ended: Ended): void {
    this.#payloads.unload(slot);
    if (!this.#stopped) this.#options.events.ended(slot, ended);
  }
}

function returnsOf(body: TaskBody | undefined): JsonValue {
  return body !== undefined && "returns" in body ? body.returns : null;
}

function messageOf(body: TaskBody | undefined): string {
  return body?.kind === "fail" ? body.message : "";
}
