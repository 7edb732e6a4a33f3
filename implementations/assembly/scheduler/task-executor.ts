/**
 * What executes the tasks that a scheduler has put into its run queue: real threads (`threads/task-threads.ts`), or
 * workers in virtual time.
 *
 * For an attempt the scheduler allocates a slot, gives its payload to `load`, offers the slot to the run queue, and
 * calls `wake`. A worker takes it on its own, and the executor tells of its start and its end. The slot stays the
 * scheduler's: it frees it, or loads and offers it again, once it has been told the end.
 */

import type { FaultHandle } from "../../foundation/faults.ts";
import type { Millis } from "../../foundation/units.ts";
import type { JsonValue, TaskBody } from "../../scheduler/contract.ts";

export interface Attempt {
  readonly task: string;
  readonly token: number;
  readonly body: TaskBody;
  /** 1 for the first: how `fail` and `crash` count their `times`. */
  readonly attempt: number;
  /** What the task handed over when it yielded; undefined: from the beginning. */
  readonly state: JsonValue | undefined;
}

export interface ThreadFault {
  /** Modulo the number of workers. */
  readonly worker: number;
  readonly change: "kill" | "stall";
}

export interface TaskExecutor {
  /**
   * What a worker will execute when it takes `slot`; called before the slot is offered.
   *
   * @returns false when there is no room for the payload now: nothing was loaded, and the slot must not be offered.
   */
  load(slot: number, attempt: Attempt): boolean;
  /** Called after offers: somebody may be idle. */
  wake(): void;
  /** Asks the attempt that runs in `slot` to end at its next checkpoint; `yieldMs` of its end counts from here. */
  requestYield(slot: number): void;
  /**
   * Ends the thread of the worker that runs the attempt in `slot`, wherever that is: "lost". A successor takes its
   * number. Nothing happens if no worker is known to run it now.
   */
  endThread(slot: number): void;
  /**
   * Finds out whether a call could be executed, without running the module on the calling thread.
   *
   * @param done called once, later: with undefined, or with what is wrong, for a person.
   */
  resolveCall(module: string, exported: string, done: (problem: string | undefined) => void): void;
  inject(fault: ThreadFault): FaultHandle;
  /** Ends all workers, wherever they are; no event comes afterwards, attempts under way just end. */
  stop(done: () => void): void;
}

/** "lost": the host took the worker away. "crashed": the attempt ended its own worker. */
export type ExecutedEnd = "completed" | "threw" | "crashed" | "lost" | "yielded";

export interface Started {
  readonly worker: number;
  readonly token: number;
  /** Whose lane it was taken from; -1 the shared one. */
  readonly lane: number;
  readonly waitMs: Millis;
  /** On the calling thread's clock: an event may come later than what it tells of. */
  readonly startedMs: Millis;
}

export interface Ended {
  readonly worker: number;
  readonly token: number;
  readonly end: ExecutedEnd;
  readonly ranMs: Millis;
  /** Of "yielded": from the request to the checkpoint. */
  readonly yieldMs?: Millis;
  /** Of "completed". */
  readonly result?: JsonValue;
  /** Of "threw" and "crashed". */
  readonly message?: string;
  /** Of "yielded". */
  readonly state?: JsonValue;
}

export interface ExecutorEvents {
  /** Comes before the end of the same attempt, perhaps only just before it. */
  started(slot: number, started: Started): void;
  /** Exactly once per attempt that was taken. What it held has been released already. */
  ended(slot: number, ended: Ended): void;
}
