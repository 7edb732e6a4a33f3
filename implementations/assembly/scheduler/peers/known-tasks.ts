/** The tasks a peer's host knows: those that are under way, and the newest of those that have ended. */

import { Fifo } from "../../../foundation/fifo.ts";
import type { Millis } from "../../../foundation/units.ts";
import { rememberedStarts } from "../../../scheduler/contract.ts";
import type { SchedulerState, TaskEnd } from "../../../scheduler/contract.ts";
import type { FoundTask } from "../../../scheduler/peers/peer-library.ts";

export interface KnownTask {
  readonly id: string;
  /** What was asked for, to recognise it when it is asked for again. */
  readonly kept: string;
  readonly priority: number;
  readonly order: number;
  isAccepted: boolean;
  /** What was heard of it before it was accepted: it is told afterwards. */
  held: (() => void)[];
  /** Attempts that have started. */
  attempts: number;
  readyMs: Millis;
  running: { readonly token: number; readonly worker: number } | undefined;
  end: TaskEnd | undefined;
  /** Called when it is accepted, and when it has ended. */
  readonly listeners: Set<() => void>;
}

export class KnownTasks {
  readonly #remembered: number;
  readonly #tasks = new Map<string, KnownTask>();
  readonly #ended = new Fifo<string>();
  readonly #starts = new Fifo<string>();
  /** By worker: whether it has an attempt. A worker is a place among those that run at a time, not a thread. */
  readonly #busy: boolean[] = [];
  #orders = 0;
  #live = 0;

  /** @param remembered so many ended tasks. */
  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  /** Tasks that have not ended. */
  get live(): number {
    return this.#live;
  }

  get(id: string): KnownTask | undefined {
    return this.#tasks.get(id);
  }

  add(id: string, kept: string, priority: number, nowMs: Millis): KnownTask {
    const task: KnownTask = {
      id,
      kept,
      priority,
      order: ++this.#orders,
      isAccepted: false,
      held: [],
      attempts: 0,
      readyMs: nowMs,
      running: undefined,
      end: undefined,
      listeners: new Set(),
    };
    this.#tasks.set(id, task);
    this.#live++;
    return task;
  }

  /** Takes over what an earlier life left. */
  restore(found: FoundTask, priority: number, nowMs: Millis): void {
    const task = this.add(found.id, found.kept, priority, nowMs);
    task.isAccepted = true;
    task.attempts = found.attempts;
    // Its worker has gone with the earlier life.
    if (found.isRunning) task.running = { token: found.attempts, worker: -1 };
    if (found.end !== undefined) this.ended(task, found.end);
  }

  /** It was not accepted after all. */
  forget(task: KnownTask): void {
    if (this.#tasks.delete(task.id)) this.#live--;
  }

  started(task: KnownTask, token: number): number {
    if (task.attempts++ === 0) {
      this.#starts.push(task.id);
      if (this.#starts.length > rememberedStarts) this.#starts.shift();
    }
    const free = this.#busy.indexOf(false);
    const worker = free < 0 ? this.#busy.length : free;
    this.#busy[worker] = true;
    task.running = { token, worker };
    return worker;
  }

  /** @returns the worker whose attempt `token` was; undefined: no such attempt is under way. */
  attemptEnded(task: KnownTask, token: number): number | undefined {
    const { running } = task;
    if (running?.token !== token) return undefined;
    task.running = undefined;
    if (running.worker >= 0) this.#busy[running.worker] = false;
    return running.worker;
  }

  ended(task: KnownTask, end: TaskEnd): void {
    task.end = end;
    this.#live--;
    this.#ended.push(task.id);
    if (this.#ended.length > this.#remembered) this.#tasks.delete(this.#ended.shift() ?? "");
  }

  state(): SchedulerState {
    const tasks = [...this.#tasks.values()]
      .filter(({ isAccepted }) => isAccepted)
      .map(({ id, end, running }) => [id, end?.state ?? (running ? "running" : "pending"), end ?? null] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { tasks, starts: [...this.#starts] };
  }
}
