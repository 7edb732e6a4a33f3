/**
 * What a peer's library does for whoever hosts it: runs tasks, and tells of their attempts as far as it knows of them.
 *
 * Every peer brings this; the host that keeps what the contract needs and no library has (known ids, ends, clients that
 * wait) is in `assembly/scheduler/peers`, and a bench drives the same through `Pool`.
 */

import type { Millis } from "../../foundation/units.ts";
import type { AttemptEnd, TaskBody, TaskEnd } from "../contract.ts";

export interface PeerTask {
  /** Unique among those that have not ended; as the contract has it. */
  readonly id: string;
  readonly body: TaskBody;
  /** Only for libraries that have priorities; 0 unless it is said. */
  readonly priority?: number;
  /** Attempts that throw or end their thread until the task has failed. */
  readonly maxAttempts: number;
  /** What the host wants to have back should it find the task again in another life; kept where tasks are. */
  readonly kept?: string;
}

/** An attempt goes by its task and its token, which grows from attempt to attempt of a task. */
export interface PeerEvents {
  /** The task waits for a worker, again after an attempt that did not end it; `token` is the next attempt's. */
  ready(task: string, token: number): void;
  started(task: string, token: number): void;
  /** `ranMs` as seen from outside: what it takes to bring a task to its worker, and its result back, is in it. */
  ended(task: string, token: number, end: AttemptEnd, ranMs: Millis): void;
  /** For good; the attempt `token` brought it. */
  done(task: string, token: number, end: TaskEnd): void;
}

/** A task of an earlier life, of a library that keeps them. */
export interface FoundTask {
  readonly id: string;
  readonly kept: string;
  /** Attempts that have started; the token of the newest one. */
  readonly attempts: number;
  readonly isRunning: boolean;
  readonly end: TaskEnd | undefined;
}

export interface PeerLibrary {
  /**
   * Takes `tasks` over. `accepted` is called once, when all of them are the library's own (for a library that keeps
   * them on disk: on disk), or with what prevented it. Events of them may come before.
   */
  submit(tasks: readonly PeerTask[], accepted: (error?: Error) => void): void;
  /** Ends the library and its threads, whatever they are doing. */
  close(): Promise<void>;
}

/** A library of tasks as a program has it that only wants them done. */
export interface Pool {
  /** `done` is called once, after this call returned. */
  submit(task: PoolTask, done: (end: TaskEnd) => void): void;
  /** Resolves when everything that was submitted has ended; nothing may be submitted any more. */
  close(): Promise<void>;
}
export interface PoolTask {
  readonly body: TaskBody;
  readonly priority?: number;
}
