/**
 * What the core of a production scheduler is given besides the ports of the foundation: the run queue in shared memory
 * that workers take their tasks from themselves, and what executes them (threads, or workers in virtual time).
 *
 * For an attempt the core allocates a slot, gives its payload to `load`, offers the slot to the run queue, and calls
 * `wake`. A worker takes it on its own, and the executor tells of its start and its end. The slot stays the core's.
 */

import type { Millis } from "../../foundation/units.ts";
import type { JsonValue, Resources, TaskBody } from "../contract.ts";

export interface LoadedAttempt {
  readonly task: string;
  readonly token: number;
  readonly body: TaskBody;
  /** 1 for the first: how `fail` and `crash` count their `times`. Attempts that were lost are not counted. */
  readonly attempt: number;
  /** What the task handed over when it yielded; undefined: from the beginning. */
  readonly state: JsonValue | undefined;
}

export interface ExecutorPort {
  /** @returns false when there is no room for the payload now: nothing was loaded, the slot must not be offered. */
  load(slot: number, attempt: LoadedAttempt): boolean;
  /** Called after offers: somebody may be idle. */
  wake(): void;
  /** Asks the attempt that runs in `slot` to end at its next checkpoint. */
  requestYield(slot: number): void;
  /** Ends the thread that runs `slot`, wherever it is, as a fault does: "lost". Nothing, if none does. */
  endThread(slot: number): void;
  /** @param done is given undefined, or what is wrong with the call, for a person; at once or later. */
  resolveCall(module: string, exported: string, done: (problem: string | undefined) => void): void;
}

export interface StartedAttempt {
  readonly worker: number;
  readonly token: number;
  /** Whose lane it was taken from; -1 the shared one. */
  readonly lane: number;
  readonly waitMs: Millis;
  /** An event may come later than what it tells of. */
  readonly startedMs: Millis;
}

export interface EndedAttempt {
  readonly worker: number;
  readonly token: number;
  /** "lost": the host took the worker away. "crashed": the attempt ended its own worker. */
  readonly end: "completed" | "threw" | "crashed" | "lost" | "yielded";
  readonly ranMs: Millis;
  readonly yieldMs?: Millis;
  readonly result?: JsonValue;
  readonly message?: string;
  readonly state?: JsonValue;
}

/** How an executor tells; each attempt that was taken ends exactly once, and what it held is free again by then. */
export interface AttemptEvents {
  started(slot: number, started: StartedAttempt): void;
  ended(slot: number, ended: EndedAttempt): void;
}

export interface QueueOffer {
  readonly tenant: number;
  /** -1: the one that all workers share. */
  readonly lane: number;
  readonly rank: number;
  readonly order: number;
  readonly cpuMilli: number;
  readonly memoryMb: number;
  readonly token: number;
  readonly offeredMs: Millis;
}

/** The run queue as its owner sees it (`run-queue.ts`). */
export interface QueuePort {
  /** -1: full. */
  allocate(): number;
  free(slot: number): void;
  offer(slot: number, offer: QueueOffer): void;
  /** @returns whether it was still queued, and is not any more. */
  withdraw(slot: number): boolean;
  /** As a worker does, for a task that another node is to execute: against its tenant's quota alone. */
  take(nowMs: Millis): { readonly slot: number; readonly token: number } | undefined;
  /** Of what `take` gave. */
  release(slot: number, ranMs: Millis): void;
  waiting(): number;
  waitingOf(tenant: number): number;
  virtualMsOf(tenant: number): number;
  usageOf(tenant: number): Resources;
  bestRankOf(tenant: number): number | undefined;
  readonly counters: Readonly<Record<string, number>>;
}
