/**
 * A library that runs a function once becomes one that runs tasks: what has failed is handed to it again, until the
 * task's attempts are used up. Neither piscina nor p-queue retries; this is the host's doing, and it puts a task behind
 * everything of its priority that waits by then.
 *
 * Such a library gives a worker its next task before it tells anybody how the last one ended. So a start that comes
 * when all workers have a task is told after the end that made room for it.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { FailureReason, JsonValue } from "../contract.ts";
import type { PeerEvents, PeerLibrary, PeerTask } from "./peer-library.ts";
import type { Attempt } from "./run-body.ts";

/** How an attempt ended. */
export type Ran =
  | { readonly end: "completed"; readonly result: JsonValue }
  | { readonly end: "threw" | "crashed"; readonly message: string };

/** Runs functions once each. */
export interface OnceLibrary {
  /** So many at a time. */
  readonly workers: number;
  /** `started` is called when a worker has taken the attempt; the promise never rejects. */
  run(attempt: Attempt, priority: number, started: () => void): Promise<Ran>;
  close(): Promise<void>;
}

export class RetryingLibrary implements PeerLibrary {
  readonly #library: OnceLibrary;
  readonly #events: PeerEvents;
  readonly #clock: Clock;
  #token: number;
  #isClosed = false;
  /** Attempts whose start has been told, and whose end has not. */
  #running = 0;
  /** Starts that are told later. */
  readonly #early = new Set<() => void>();

  /** @param firstToken every attempt's token is higher. */
  constructor(library: OnceLibrary, events: PeerEvents, clock: Clock, firstToken = 0) {
    this.#library = library;
    this.#events = events;
    this.#clock = clock;
    this.#token = firstToken;
  }

  submit(tasks: readonly PeerTask[], accepted: (error?: Error) => void): void {
    accepted();
    for (const task of tasks) this.#attempt(task, 1);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#library.close();
  }

  #attempt(task: PeerTask, attempt: number): void {
    const token = ++this.#token;
    this.#events.ready(task.id, token);
    let startedMs: number | undefined;
    const tellStart = (): void => {
      this.#early.delete(tellStart);
      this.#running++;
      this.#events.started(task.id, token);
    };
    const started = (): void => {
      startedMs = this.#clock.nowMs();
      if (this.#running < this.#library.workers) tellStart();
      else this.#early.add(tellStart);
    };
    void this.#library
      .run({ task: task.id, token, body: task.body, attempt }, task.priority ?? 0, started)
      .then((ran) => {
        if (this.#isClosed) return; // It was ended with the library.
        assert(startedMs !== undefined, `attempt ${token} of ${task.id} ended, so it has started`);
        if (this.#early.has(tellStart)) tellStart();
        this.#running--;
        this.#events.ended(task.id, token, ran.end, this.#clock.nowMs() - startedMs);
        this.#ended(task, attempt, token, ran);
        for (const tell of this.#early) {
          if (this.#running >= this.#library.workers) break;
          tell();
        }
      });
  }

  #ended(task: PeerTask, attempt: number, token: number, ran: Ran): void {
    if (ran.end === "completed") {
      this.#events.done(task.id, token, { state: "completed", result: ran.result });
    } else if (attempt < task.maxAttempts) {
      this.#attempt(task, attempt + 1);
    } else {
      const reason: FailureReason = ran.end;
      const message = reason === "threw" ? ran.message : "";
      this.#events.done(task.id, token, { state: "failed", reason, message });
    }
  }
}
