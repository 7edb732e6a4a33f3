/**
 * A library that runs functions once each, as a pool: one promise of the library's per attempt, and next to nothing of
 * ours.
 *
 * `RetryingLibrary` under `LibraryPool` would do the same with ids, tokens and the order of what is told; that took
 * p-queue three times as long per task as it needs itself. A bench compares libraries, so what stands between is what a
 * program that uses one would write: hand over a function, look at what came out.
 */

import { defaultAttempts } from "../contract.ts";
import type { TaskEnd } from "../contract.ts";
import type { Pool, PoolTask } from "./peer-library.ts";
import type { OnceLibrary, Ran } from "./retrying-library.ts";

type Done = (end: TaskEnd) => void;

const unnamed = "pool.task";
const nobodyHears = (): void => undefined;

export class OncePool implements Pool {
  readonly #library: OnceLibrary;
  #token = 0;
  #pending = 0;
  #isClosed = false;
  #emptied: (() => void) | undefined;

  constructor(library: OnceLibrary) {
    this.#library = library;
  }

  submit(task: PoolTask, done: Done): void {
    this.#pending++;
    this.#attempt(task, 1, done);
  }

  async close(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    this.#isClosed = true;
    await this.#library.close();
  }

  #attempt(task: PoolTask, attempt: number, done: Done): void {
    void this.#library
      .run({ task: unnamed, token: ++this.#token, body: task.body, attempt }, task.priority ?? 0, nobodyHears)
      .then((ran) => this.#ended(task, attempt, ran, done));
  }

  #ended(task: PoolTask, attempt: number, ran: Ran, done: Done): void {
    if (this.#isClosed) return;
    if (ran.end !== "completed" && attempt < defaultAttempts) return this.#attempt(task, attempt + 1, done);
    this.#pending--;
    done(endOf(ran));
    if (this.#pending === 0) this.#emptied?.();
  }
}

function endOf(ran: Ran): TaskEnd {
  if (ran.end === "completed") return { state: "completed", result: ran.result };
  return { state: "failed", reason: ran.end, message: ran.end === "threw" ? ran.message : "" };
}
