/**
 * Finds out whether calls could be executed, on a thread of its own: the main thread runs no code of users, and a
 * module that hangs, or ends its thread, costs this thread only.
 *
 * One question at a time, each bounded in time; a thread that has not answered by then is ended, and the next question
 * starts another. What could be resolved is remembered, what could not is asked again: the file may be there later.
 */

import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../../foundation/effects.ts";
import { Fifo } from "../../../foundation/fifo.ts";
import type { Millis } from "../../../foundation/units.ts";
import type { ProbeAnswer, ProbeQuestion } from "./probe-thread.ts";

export const defaultProbeMs: Millis = 5000;
const maxWaiting = 10_000;
const maxRemembered = 10_000;

interface Waiting extends ProbeQuestion {
  readonly done: (problem: string | undefined) => void;
}

export class CallProbe {
  readonly #clock: Clock;
  readonly #timeoutMs: Millis;
  readonly #waiting = new Fifo<Waiting>();
  readonly #resolved = new Set<string>();
  #asked: Waiting | undefined;
  #timer: Timer | undefined;
  #thread: Worker | undefined;
  #stopped = false;

  constructor(clock: Clock, timeoutMs: Millis = defaultProbeMs) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** @param done called once, later; never after `stop`. */
  resolve(module: string, exported: string, done: (problem: string | undefined) => void): void {
    if (this.#resolved.has(keyOf({ module, export: exported }))) setImmediate(() => this.#stopped || done(undefined));
    else if (this.#waiting.length >= maxWaiting) setImmediate(() => this.#stopped || done(tooMany));
    else {
      this.#waiting.push({ module, export: exported, done });
      this.#askNext();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#waiting.clear();
    await this.#thread?.terminate();
  }

  #askNext(): void {
    if (this.#asked !== undefined || this.#stopped) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#asked = next;
    this.#timer = this.#clock.after(this.#timeoutMs, () => this.#giveUp(`not loaded within ${this.#timeoutMs} ms`));
    this.#thread ??= this.#start();
    this.#thread.postMessage({ module: next.module, export: next.export } satisfies ProbeQuestion, []);
  }

  #start(): Worker {
    const thread = new Worker(new URL("./probe-thread.ts", import.meta.url), { execArgv: [] });
    thread.unref(); // Nobody's process stays up for a thread that only waits for questions.
    let cause = "it ended the thread that loaded it";
    thread.on("message", ({ problem }: ProbeAnswer) => this.#thread === thread && this.#answer(problem));
    thread.on("error", (error: Error) => (cause = `it ended the thread that loaded it: ${error.message}`));
    thread.on("exit", () => this.#thread === thread && this.#giveUp(cause));
    return thread;
  }

  #giveUp(cause: string): void {
    const thread = this.#thread;
    this.#thread = undefined;
    void thread?.terminate();
    this.#answer(`Cannot load module "${this.#asked?.module}": ${cause}`);
  }

  #answer(problem: string | undefined): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#timer?.cancel();
    if (asked === undefined || this.#stopped) return;
    if (problem === undefined) this.#remember(asked);
    this.#askNext();
    asked.done(problem);
  }

  #remember(question: ProbeQuestion): void {
    if (this.#resolved.size >= maxRemembered) this.#resolved.clear();
    this.#resolved.add(keyOf(question));
  }
}

const tooMany = `more than ${maxWaiting} modules wait to be looked at`;

function keyOf(question: ProbeQuestion): string {
  return `${question.module}\n${question.export}`;
}
