/** Clients that wait for tasks to end. A wait keeps the ends it has seen: the table may forget them meanwhile. */

import type { EndedTask, TaskEnd } from "../contract.ts";

interface Wait {
  readonly tasks: readonly string[];
  readonly ends: Map<string, TaskEnd>;
  readonly missing: Set<string>;
  readonly done: (ended: readonly EndedTask[]) => void;
}

export class Waits {
  readonly #byTask = new Map<string, Set<Wait>>();

  /**
   * Calls `done` once all of `tasks` have ended, in their order.
   *
   * @param endOf how a task has ended already, durably.
   * @returns a function that ends the waiting.
   */
  add(
    tasks: readonly string[],
    endOf: (task: string) => TaskEnd | undefined,
    done: (ended: readonly EndedTask[]) => void,
  ): () => void {
    const wait: Wait = { tasks, ends: new Map(), missing: new Set(), done };
    for (const task of tasks) {
      const end = endOf(task);
      if (end !== undefined) wait.ends.set(task, end);
      else wait.missing.add(task);
    }
    if (wait.missing.size === 0) finish(wait);
    for (const task of wait.missing) {
      const waits = this.#byTask.get(task);
      if (waits === undefined) this.#byTask.set(task, new Set([wait]));
      else waits.add(wait);
    }
    return () => this.#remove(wait);
  }

  committed(task: string, end: TaskEnd): void {
    const waits = this.#byTask.get(task);
    this.#byTask.delete(task);
    for (const wait of waits ?? []) {
      wait.ends.set(task, end);
      wait.missing.delete(task);
      if (wait.missing.size === 0) finish(wait);
    }
  }

  #remove(wait: Wait): void {
    for (const task of wait.missing) {
      const waits = this.#byTask.get(task);
      waits?.delete(wait);
      if (waits?.size === 0) this.#byTask.delete(task);
    }
    wait.missing.clear();
  }
}

function finish({ tasks, ends, done }: Wait): void {
  done(
    tasks.flatMap((task) => {
      const end = ends.get(task);
      return end === undefined ? [] : [[task, end] as const];
    }),
  );
}
