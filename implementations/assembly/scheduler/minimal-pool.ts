/**
 * The minimal scheduler as a library: tasks are executed on the calling thread, one function after the other.
 *
 * Its only worker is the caller's own thread, and what it gains is order. Ends are told from microtasks: many short
 * tasks keep timers and sockets waiting until all are done.
 */

import { assert } from "../../foundation/assert.ts";
import type { TaskEnd } from "../../scheduler/contract.ts";
import { Scheduler } from "../../scheduler/minimal.ts";
import type { Assignment, AttemptOutcome } from "../../scheduler/minimal.ts";
import { inlineExecutor } from "./inline-executor.ts";
import type { InlinePorts } from "./inline-executor.ts";
import type { Pool, PoolTask } from "./pool.ts";

/** As many as the production one takes at most. */
const maxLiveTasks = 2 ** 20;
/** Hardly any: nobody can ask for a task that has ended. */
const rememberedTasks = 1000;

export class MinimalPool implements Pool {
  readonly #executor;
  readonly #clock;
  readonly #scheduler = new Scheduler({ workers: 1, life: 1, maxLiveTasks, rememberedTasks });
  readonly #done = new Map<string, (end: TaskEnd) => void>();
  #submitted = 0;
  #isClosed = false;

  constructor({ clock }: Pick<InlinePorts, "clock">) {
    this.#clock = clock;
    this.#executor = inlineExecutor({ clock, defer: queueMicrotask });
  }

  submit(task: PoolTask, done: (end: TaskEnd) => void): void {
    assert(!this.#isClosed, "a closed pool takes no tasks");
    const id = `pool.${++this.#submitted}`;
    // A function that is not there shows when it is called: to look for it first would take a turn for each task.
    const refusal = this.#scheduler.submit([{ ...task, id }], this.#clock.nowMs(), () => true);
    if (refusal !== undefined) throw new Error(refusal.reason);
    this.#done.set(id, done);
    this.#executeNext();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #executeNext(): void {
    const assignment = this.#scheduler.schedule(this.#clock.nowMs());
    if (assignment !== undefined) this.#executor.execute(assignment, (outcome) => this.#ended(assignment, outcome));
  }

  #ended({ task, worker, token }: Assignment, outcome: AttemptOutcome): void {
    if (this.#isClosed) return;
    const counts = this.#scheduler.complete(worker, token, outcome, this.#clock.nowMs());
    assert(counts, "the only worker ends one attempt after the other");
    const end = this.#scheduler.status(task)?.end;
    if (end !== undefined) {
      const done = this.#done.get(task);
      this.#done.delete(task);
      done?.(end);
    }
    this.#executeNext();
  }
}
