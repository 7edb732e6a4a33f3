/** A scheduler of one process as a library, so that one bench can drive all of them: tasks in, ends out. */

import type { TaskBody, TaskEnd } from "../../scheduler/contract.ts";

export interface PoolTask {
  readonly body: TaskBody;
  readonly priority?: number;
  readonly tenant?: string;
  readonly affinity?: number;
}

export interface Pool {
  /** Executes `task`; `done` is told how it ended, once, after this call returned. */
  submit(task: PoolTask, done: (end: TaskEnd) => void): void;
  /** Resolves when everything that was submitted has ended; nothing may be submitted any more. */
  close(): Promise<void>;
}
