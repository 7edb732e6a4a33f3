/**
 * A run queue and its threads as a scheduler uses them, for tests: attempts as promises, and a record of all events.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { JsonValue, TaskBody } from "../../../scheduler/contract.ts";
import { allocateRunQueue } from "../../../scheduler/production/allocate-run-queue.ts";
import { RunQueueOwner } from "../../../scheduler/production/run-queue.ts";
import type { Ended, Started } from "../task-executor.ts";
import { TaskThreads } from "./task-threads.ts";

const slots = 4096;
const fixture = new URL("./calls.fixture.ts", import.meta.url).href;

export function callOf(exported: string, ...args: readonly JsonValue[]): TaskBody {
  return { kind: "call", module: fixture, export: exported, args };
}

export interface AttemptOptions {
  readonly lane?: number;
  readonly attempt?: number;
  readonly state?: JsonValue;
  readonly task?: string;
}

export interface RunningTrial {
  readonly slot: number;
  readonly token: number;
  readonly started: Promise<Started>;
  readonly ended: Promise<Ended>;
}

interface Waiting {
  readonly token: number;
  readonly onStarted: (started: Started) => void;
  readonly onEnded: (ended: Ended) => void;
  starts: number;
  ends: number;
}

export class ThreadsTrial {
  readonly owner: RunQueueOwner;
  readonly threads: TaskThreads;
  readonly runQueue: SharedArrayBuffer;
  /** Whether slots are freed once their attempt has ended, as those of tasks that are not to run again are. */
  freesSlots = true;
  /** By token: attempts that were offered. */
  readonly attempts = new Map<number, Waiting>();
  #order = 0;

  private constructor(workers: number, threadMemoryMb: number, resolveMs: number) {
    const share = { weight: 1, cpuMilli: Infinity, memoryMb: Infinity };
    const capacity = { cpuMilli: workers * 1000, memoryMb: 1024 };
    const runQueue = allocateRunQueue({ slots, tenants: 1, workers }, capacity, [share]);
    this.runQueue = runQueue;
    this.owner = new RunQueueOwner(runQueue, { stealing: true });
    const events = {
      started: (slot: number, started: Started) => this.#onStarted(slot, started),
      ended: (slot: number, ended: Ended) => this.#onEnded(slot, ended),
    };
    const options = { runQueue, owner: this.owner, slots, workers, stealing: true, threadMemoryMb, resolveMs, events };
    this.threads = new TaskThreads(options);
  }

  /** Ends its threads with the test, which checks that every attempt that ended did so once. */
  static async open(
    context: TestContext,
    { workers = 1, threadMemoryMb = 64, resolveMs = 5000 } = {},
  ): Promise<ThreadsTrial> {
    const trial = new ThreadsTrial(workers, threadMemoryMb, resolveMs);
    context.after(() => trial.stop());
    await new Promise<void>((resolve) => trial.threads.whenReady(resolve));
    return trial;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.threads.stop(resolve));
  }

  start(body: TaskBody, { lane = -1, attempt = 1, state, task = "trial.task" }: AttemptOptions = {}): RunningTrial {
    const slot = this.owner.allocate();
    assert.ok(slot >= 0, "the trial has slots enough");
    const token = ++this.#order;
    const started = Promise.withResolvers<Started>();
    const ended = Promise.withResolvers<Ended>();
    this.attempts.set(token, {
      token,
      onStarted: started.resolve,
      onEnded: ended.resolve,
      starts: 0,
      ends: 0,
    });
    assert.ok(this.threads.load(slot, { task, token, body, attempt, state }));
    const resources = { cpuMilli: 1000, memoryMb: 0 };
    this.owner.offer(slot, {
      tenant: 0,
      lane,
      rank: 0,
      order: token,
      ...resources,
      token,
      offeredMs: performance.now(),
    });
    this.threads.wake();
    return { slot, token, started: started.promise, ended: ended.promise };
  }

  run(body: TaskBody, options?: AttemptOptions): Promise<Ended> {
    return this.start(body, options).ended;
  }

  async result(body: TaskBody): Promise<JsonValue | undefined> {
    const ended = await this.run(body);
    assert.equal(ended.end, "completed", ended.message);
    return ended.result;
  }

  #onStarted(slot: number, started: Started): void {
    const attempt = this.#attempt(slot, started.token);
    attempt.starts++;
    assert.deepEqual([attempt.starts, attempt.ends], [1, 0], `attempt ${started.token} starts once, then ends`);
    attempt.onStarted(started);
  }

  #onEnded(slot: number, ended: Ended): void {
    const attempt = this.#attempt(slot, ended.token);
    attempt.ends++;
    assert.deepEqual([attempt.starts, attempt.ends], [1, 1], `attempt ${ended.token} ends once`);
    if (this.freesSlots) this.owner.free(slot);
    attempt.onEnded(ended);
  }

  #attempt(slot: number, token: number): Waiting {
    const attempt = this.attempts.get(token);
    assert.ok(attempt !== undefined, `token ${token} in slot ${slot} was given out`);
    return attempt;
  }
}
