/** A record of the attempts of a pool's threads, from which scenarios take their measurements. */

import type { Millis } from "../../foundation/units.ts";
import type { PoolTask } from "./pool.ts";
import type { Ended, Started } from "./task-executor.ts";
import type { PoolObserver } from "./task-pool.ts";

export interface LoggedAttempt extends Started {
  readonly task: PoolTask;
  /** Undefined while it runs. */
  ended?: Ended;
}

/** What a scenario of a few minutes needs at most. */
const maxAttempts = 1_000_000;

export class AttemptLog implements PoolObserver {
  /** Those of one worker in their order. */
  readonly attempts: LoggedAttempt[] = [];
  readonly #open = new Map<number, LoggedAttempt>();
  #waiting: { readonly running: number; readonly resolve: () => void } | undefined;

  started(task: PoolTask, started: Started): void {
    if (this.attempts.length >= maxAttempts) throw new Error(`Cannot log more than ${maxAttempts} attempts`);
    const attempt: LoggedAttempt = { ...started, task };
    this.attempts.push(attempt);
    this.#open.set(started.token, attempt);
    if (this.#waiting === undefined || this.#open.size < this.#waiting.running) return;
    this.#waiting.resolve();
    this.#waiting = undefined;
  }

  ended(_task: PoolTask, ended: Ended): void {
    const attempt = this.#open.get(ended.token);
    this.#open.delete(ended.token);
    if (attempt !== undefined) attempt.ended = ended;
  }

  /** Waits until `running` attempts run at a time; one caller. */
  untilRunning(running: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size >= running) resolve();
      else this.#waiting = { running, resolve };
    });
  }

  /** How long each of `workers` workers has worked. */
  workedMs(workers: number): readonly Millis[] {
    const worked = new Array<Millis>(workers).fill(0);
    for (const { worker, ended } of this.attempts) worked[worker]! += ended?.ranMs ?? 0;
    return worked;
  }

  /**
   * How long thieves took: of every attempt that a worker took from another one's lane, from the moment it was free,
   * or the task was there if that came later, until the start.
   */
  stealMs(): readonly Millis[] {
    const freeSinceMs = new Map<number, Millis>();
    const found: Millis[] = [];
    for (const { worker, lane, startedMs, waitMs, ended } of this.attempts) {
      const possibleMs = Math.max(freeSinceMs.get(worker) ?? 0, startedMs - waitMs);
      if (lane >= 0 && lane !== worker) found.push(Math.max(0, startedMs - possibleMs));
      if (ended !== undefined) freeSinceMs.set(worker, startedMs + ended.ranMs);
    }
    return found;
  }
}
