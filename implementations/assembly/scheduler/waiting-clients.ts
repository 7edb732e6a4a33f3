/**
 * The clients that wait for tasks to end.
 *
 * A client asks again when no answer has come for a while, under the same session and sequence; it still waits once,
 * and its newest attempt is answered.
 */

import type { Request } from "../../foundation/deployment.ts";
import type { EndedTask, TaskEnd } from "../../scheduler/contract.ts";

type Answer = (ended: readonly EndedTask[]) => void;

interface Waiting {
  readonly request: string;
  readonly tasks: readonly string[];
  readonly ends: Map<string, TaskEnd>;
  /** Those that have not ended. */
  readonly missing: Set<string>;
  answer: Answer;
}

export class WaitingClients {
  readonly #most: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #waitingFor = new Map<string, Set<Waiting>>();

  /** @param most clients that may wait at once. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Calls `answer` when all of `tasks` have ended, or at once if they have.
   *
   * @param endOf how a task has ended; undefined: it has not.
   * @returns false when there is no room for another one that waits.
   */
  add(
    { session, sequence }: Pick<Request<unknown>, "session" | "sequence">,
    tasks: readonly string[],
    endOf: (task: string) => TaskEnd | undefined,
    answer: Answer,
  ): boolean {
    const request = `${session}/${sequence}`;
    const known = this.#waiting.get(request);
    if (known !== undefined) {
      known.answer = answer;
      return true;
    }
    const waiting: Waiting = { request, tasks, ends: new Map(), missing: new Set(), answer };
    for (const task of tasks) {
      const end = endOf(task);
      if (end === undefined) waiting.missing.add(task);
      else waiting.ends.set(task, end);
    }
    if (waiting.missing.size === 0) {
      tell(waiting);
      return true;
    }
    if (this.#waiting.size >= this.#most) return false;
    this.#waiting.set(request, waiting);
    for (const task of waiting.missing) {
      const others = this.#waitingFor.get(task);
      if (others === undefined) this.#waitingFor.set(task, new Set([waiting]));
      else others.add(waiting);
    }
    return true;
  }

  /** `task` has ended for good. */
  ended(task: string, end: TaskEnd): void {
    const waiting = this.#waitingFor.get(task);
    if (waiting === undefined) return;
    this.#waitingFor.delete(task);
    for (const each of waiting) {
      each.missing.delete(task);
      each.ends.set(task, end);
      if (each.missing.size > 0) continue;
      this.#waiting.delete(each.request);
      tell(each);
    }
  }
}

function tell({ tasks, ends, answer }: Waiting): void {
  answer(
    tasks.flatMap((task) => {
      const end = ends.get(task);
      return end === undefined ? [] : [[task, end] as const];
    }),
  );
}
