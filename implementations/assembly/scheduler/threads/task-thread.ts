/**
 * A worker thread: takes tasks from the run queue, executes them, and tells of their ends.
 *
 * It is a loop that leaves only to wait: for the next task asleep in shared memory, or, when a task is asynchronous,
 * for the event loop, from which the task's own end continues it. So many small tasks cost no turn of the event loop
 * and no message. What a call leaves behind (timers, promises nobody waits for, output) gets a turn once nothing is
 * waiting.
 *
 * An end goes out in this order: results into the ring, resources back to the queue, the record. A thread that dies in
 * between has a record that was started and not ended, whatever the queue knows of the slot; one that dies before its
 * record was started is the queue's to tell of (`RunQueueOwner.orphansOf`).
 */

import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { assert, unreachable } from "../../../foundation/assert.ts";
import type { Millis } from "../../../foundation/units.ts";
import { clockOfThread } from "../../../platform/node/thread-clock.ts";
import { RunQueueWorker } from "../../../scheduler/production/run-queue-worker.ts";
import type { Taken } from "../../../scheduler/production/task-taker.ts";
import { CallRunner } from "./call-runner.ts";
import type { AttemptOutcome } from "./call-runner.ts";
import { encodeJson } from "./call.ts";
import { EndWriter } from "./end-ring.ts";
import { TaskTable, endKinds } from "./task-table.ts";
import { MainThreadSleep, ThreadControl } from "./thread-control.ts";

export interface TaskThreadData {
  readonly worker: number;
  readonly stealing: boolean;
  readonly runQueue: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly mainThreadSleep: SharedArrayBuffer;
  /** On whose clock all times are: `threadBirthMs` of the main thread. */
  readonly birthMs: Millis;
}

/**
 * "ready": the thread has begun to take tasks. "look": something is in the ring, and the main thread slept. "stands":
 * it was stalled and stands still from now on.
 */
export type TaskThreadMessage = "ready" | "look" | "stands";

/**
 * Looks at the queue's signal before a thread goes to sleep: some 55 microseconds, longer than the main thread is away
 * between two batches of callbacks as long as it has its processor.
 */
const looksBeforeSleep = 10_000;
/** A task shorter than that is not worth waking the main thread for at its start: its end does so. */
const briefMs = 1;

class TaskThread {
  readonly #queue: RunQueueWorker;
  readonly #table: TaskTable;
  readonly #ends: EndWriter;
  readonly #control: ThreadControl;
  readonly #mainThread: MainThreadSleep;
  readonly #nowMs: () => Millis;
  readonly #calls: CallRunner;
  readonly #post: (message: TaskThreadMessage) => void;
  #owesTurn = false;

  constructor(data: TaskThreadData, post: (message: TaskThreadMessage) => void) {
    this.#queue = new RunQueueWorker(data.runQueue, data.worker, { stealing: data.stealing });
    this.#table = new TaskTable(data.table);
    this.#ends = new EndWriter(data.ends);
    this.#control = new ThreadControl(data.control);
    this.#mainThread = new MainThreadSleep(data.mainThreadSleep);
    this.#nowMs = clockOfThread(data.birthMs);
    this.#calls = new CallRunner(new Uint8Array(data.arena), this.#table, (slot) => this.#isAskedToYield(slot));
    this.#post = post;
  }

  readonly run = (): void => {
    for (;;) {
      this.#standStillIfStalled();
      const signal = this.#queue.signal(); // Before looking for a task: an offer in between makes the wait return.
      const taken = this.#queue.take(this.#nowMs());
      if (taken !== undefined) {
        if (!this.#execute(taken)) return;
      } else if (this.#owesTurn) {
        this.#owesTurn = false;
        setImmediate(this.run);
        return;
      } else {
        this.#waitForSignal(signal);
      }
    }
  };

  /** @returns false: the task goes on in the event loop, and continues the loop when it has ended. */
  #execute({ slot, token, lane, waitMs }: Taken): boolean {
    const startedMs = this.#nowMs();
    this.#ends.start(slot, token, lane, waitMs, startedMs);
    const kind = this.#table.kind(slot);
    switch (kind) {
      case "spin":
      case "sleep":
        if (this.#table.ms(slot) > briefMs) this.#tell();
        this.#finish(slot, startedMs, this.#pass(slot, kind === "spin" ? this.#spin : this.#sleep));
        return true;
      case "fail":
        this.#spin(this.#table.ms(slot));
        this.#finish(slot, startedMs, this.#isDoomed(slot) ? threw : completed);
        return true;
      case "crash":
        this.#spin(this.#table.ms(slot));
        if (this.#isDoomed(slot)) return this.#crash();
        this.#finish(slot, startedMs, completed);
        return true;
      case "call": {
        this.#tell();
        this.#owesTurn = true;
        const outcome = this.#calls.run(slot, token);
        if (!(outcome instanceof Promise)) this.#finish(slot, startedMs, outcome);
        else {
          void outcome.then((late) => {
            this.#finish(slot, startedMs, late);
            this.run();
          });
        }
        return !(outcome instanceof Promise);
      }
      default:
        return unreachable(kind);
    }
  }

  #finish(slot: number, startedMs: Millis, { end, bytes, yieldMs = -1 }: AttemptOutcome): void {
    if (bytes !== undefined) this.#ends.put(bytes);
    const ranMs = this.#nowMs() - startedMs;
    this.#queue.release(slot, ranMs);
    this.#ends.end(endKinds.indexOf(end), ranMs, yieldMs, bytes?.length ?? 0);
    this.#tell();
  }

  /** Passes the time of a synthetic task with `how`, from checkpoint to checkpoint. */
  #pass(slot: number, how: (ms: Millis) => void): AttemptOutcome {
    const ms = this.#table.ms(slot);
    const checkpointMs = this.#table.checkpointMs(slot);
    let doneMs = this.#table.doneMs(slot);
    while (doneMs < ms) {
      const stepMs = Math.min(checkpointMs, ms - doneMs);
      how(stepMs);
      doneMs += stepMs;
      if (doneMs >= ms) break;
      const yieldMs = this.#isAskedToYield(slot);
      if (yieldMs !== undefined) return { end: "yielded", bytes: encodeJson(doneMs), yieldMs };
    }
    return completed;
  }

  readonly #spin = (ms: Millis): void => {
    if (ms <= 0) return;
    let endMs = this.#nowMs() + ms;
    while (this.#nowMs() < endMs) {
      if (this.#control.isStalled) endMs += this.#standStillIfStalled();
    }
  };

  readonly #sleep = (ms: Millis): void => {
    let endMs = this.#nowMs() + ms;
    for (let leftMs = ms; leftMs > 0; leftMs = endMs - this.#nowMs()) {
      this.#control.sleep(leftMs);
      endMs += this.#standStillIfStalled();
    }
  };

  #isDoomed(slot: number): boolean {
    return this.#table.attempt(slot) <= this.#table.times(slot);
  }

  /** Ends the thread as an error does that nobody catches. */
  #crash(): false {
    setImmediate(() => {
      throw new Error("the task ended its thread, as it was told to");
    });
    return false;
  }

  /** Every checkpoint. @returns how long ago the attempt was asked to yield (NaN: unknown); undefined: it was not. */
  #isAskedToYield(slot: number): Millis | undefined {
    this.#standStillIfStalled();
    return this.#queue.shouldYield(slot) ? this.#nowMs() - this.#table.yieldRequestedMs(slot) : undefined;
  }

  /** @returns for how long it stood. */
  #standStillIfStalled(): Millis {
    if (!this.#control.isStalled) return 0;
    const sinceMs = this.#nowMs();
    this.#control.setStands(sinceMs);
    this.#post("stands");
    this.#control.waitForHealing();
    this.#control.setStands(undefined);
    return this.#nowMs() - sinceMs;
  }

  #waitForSignal(seen: number): void {
    for (let look = 0; look < looksBeforeSleep; look++) if (this.#queue.signal() !== seen) return;
    this.#control.setStands(this.#nowMs());
    this.#queue.wait(seen);
    this.#control.setStands(undefined);
  }

  #tell(): void {
    if (this.#mainThread.claimWake()) this.#post("look");
  }
}

const completed: AttemptOutcome = { end: "completed" };
const threw: AttemptOutcome = { end: "threw" };

const port = parentPort;
assert(port !== null, "this file is the entry point of a worker thread");
const thread = new TaskThread(workerData as TaskThreadData, (message) => port.postMessage(message));
port.postMessage("ready" satisfies TaskThreadMessage);
thread.run();
