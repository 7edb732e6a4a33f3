/** The run queue as a worker sees it: it takes tasks, gives back what they held, and sleeps (run-queue.ts). */

import { assert } from "../../foundation/assert.ts";
import { RunQueueMemory } from "./run-queue-memory.ts";
import { Section } from "./sections.ts";
import { TaskTaker } from "./task-taker.ts";
import type { Taken } from "./task-taker.ts";

/** What one worker thread (or simulated worker) sees. */
export class RunQueueWorker {
  readonly #taker: TaskTaker;
  readonly #section: Section;
  readonly #worker: number;

  constructor(shared: SharedArrayBuffer, worker: number, options: { readonly stealing: boolean }) {
    const memory = new RunQueueMemory(shared);
    assert(worker >= 0 && worker < memory.workers, "the worker is one of those allocated");
    this.#taker = new TaskTaker(memory, worker, options.stealing);
    this.#section = new Section(memory, worker);
    this.#worker = worker;
  }

  /** Takes the next task; undefined when nothing can be taken now. */
  take(nowMs: number): Taken | undefined {
    this.#section.enter();
    const taken = this.#taker.take(nowMs);
    this.#section.leave();
    return taken;
  }

  shouldYield(slot: number): boolean {
    return this.#taker.slots.isYieldWanted(slot);
  }

  /** Gives the resources back and charges the tenant; the slot stays allocated until the owner frees it. */
  release(slot: number, ranMs: number): void {
    this.#section.enter();
    this.#taker.release(slot, ranMs);
    this.#section.leave();
  }

  /** Threads only: the value to wait on, to be read before a take that finds nothing. */
  signal(): number {
    return this.#taker.sleepers.signal();
  }

  /** Threads only: blocks until there may be something to take, unless the signal is no longer `seen`. */
  wait(seen: number): void {
    this.#taker.sleepers.sleep(this.#worker, seen);
  }
}
