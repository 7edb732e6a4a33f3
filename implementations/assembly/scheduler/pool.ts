/** A scheduler of one process as a library: the shape that ours and the ones it is compared with have in common. */

import type { TaskBody, TaskEnd } from "../../scheduler/contract.ts";

export interface Pool {
  /**
   * Hands in a task.
   *
   * @param done called once, later, when the task has ended for good; never after `close`.
   * @throws Error when more tasks are pending than the pool takes.
   */
  submit(task: PoolTask, done: (end: TaskEnd) => void): void;
  /** Ends all workers, also of tasks under way. */
  close(): Promise<void>;
}

export interface PoolTask {
  readonly body: TaskBody;
  /** Higher first; 0 unless it is said. */
  readonly priority?: number;
  /** `defaultTenant` unless it is said. */
  readonly tenant?: string;
  /** The worker whose lane it waits in; any worker's unless it is said. */
  readonly affinity?: number;
}

/** Hands in a task. @returns a promise of its end: for few tasks, it costs more than the task's own way. */
export function submitTask(pool: Pool, task: PoolTask): Promise<TaskEnd> {
  return new Promise((resolve) => pool.submit(task, resolve));
}
