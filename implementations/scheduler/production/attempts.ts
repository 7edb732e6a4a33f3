/**
 * The attempts that stand in the run queue of this node or run on its workers: own tasks' and guests'.
 *
 * A slot belongs to its attempt until the attempt is over for the executor, however long nobody waits for it any more:
 * a deadline or a lease that ran out makes an attempt void, and its worker still has to come to an end with it. One
 * that does not, for want of a checkpoint or because it never returns, loses its thread: its worker is needed.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { JsonValue, Resources, TaskBody } from "../contract.ts";
import type { Guest } from "./guests.ts";
import type { ExecutorPort, QueuePort } from "./ports.ts";
import type { Task } from "./task-table.ts";

export interface Attempt {
  readonly slot: number;
  readonly token: number;
  readonly rank: number;
  readonly tenant: number;
  /** Whose it is: of this home, or of another one. */
  readonly task: Task | undefined;
  readonly guest: Guest | undefined;
  readonly canYield: boolean;
  /** -1: none yet. */
  worker: number;
  startedMs: Millis;
  /** When it was asked to yield. */
  askedMs: Millis | undefined;
  /** Its end will be passed over. */
  isVoid: boolean;
  /** Of one that was given up: when its thread is ended. */
  grace: Timer | undefined;
}

export interface NewAttempt {
  readonly token: number;
  readonly rank: number;
  readonly order: number;
  readonly tenant: number;
  readonly lane: number;
  readonly resources: Resources;
  readonly id: string;
  readonly body: TaskBody;
  /** Counted attempts before this one. */
  readonly failures: number;
  readonly state: JsonValue | undefined;
  readonly task?: Task;
  readonly guest?: Guest;
}

export class Attempts {
  readonly #queue: QueuePort;
  readonly #executor: ExecutorPort;
  readonly #workers: number;
  readonly #clock: Clock;
  readonly #graceMs: Millis;
  readonly #bySlot: (Attempt | undefined)[] = [];
  /** By worker. */
  readonly #running = new Map<number, Attempt>();

  /** @param graceMs how long an attempt that was given up may keep its thread. */
  constructor(
    { queue, executor, clock }: { readonly queue: QueuePort; readonly executor: ExecutorPort; readonly clock: Clock },
    { workers, graceMs }: { readonly workers: number; readonly graceMs: Millis },
  ) {
    this.#queue = queue;
    this.#executor = executor;
    this.#clock = clock;
    this.#workers = workers;
    this.#graceMs = graceMs;
  }

  get idleWorkers(): number {
    return this.#workers - this.#running.size;
  }

  running(): IterableIterator<Attempt> {
    return this.#running.values();
  }

  at(slot: number): Attempt | undefined {
    return this.#bySlot[slot];
  }

  /** Puts an attempt into the run queue; undefined: there is no room now. */
  offer(attempt: NewAttempt, nowMs: Millis): Attempt | undefined {
    const slot = this.#queue.allocate();
    if (slot < 0) return undefined;
    const { token, rank, order, tenant, lane, resources, id, body, failures, state } = attempt;
    if (!this.#executor.load(slot, { task: id, token, body, attempt: failures + 1, state })) {
      this.#queue.free(slot);
      return undefined;
    }
    assert(this.#bySlot[slot] === undefined, `slot ${slot} is free`);
    const { task, guest } = attempt;
    const offered: Attempt = {
      slot,
      token,
      rank,
      tenant,
      task,
      guest,
      canYield: canYield(body),
      worker: -1,
      startedMs: 0,
      askedMs: undefined,
      isVoid: false,
      grace: undefined,
    };
    this.#bySlot[slot] = offered;
    this.#queue.offer(slot, { tenant, lane, rank, order, ...resources, token, offeredMs: nowMs });
    return offered;
  }

  /** Takes a waiting attempt back; false: it waits no more. */
  withdraw(attempt: Attempt): boolean {
    if (!this.#queue.withdraw(attempt.slot)) return false;
    this.#free(attempt.slot);
    return true;
  }

  /** A worker has begun it. */
  begin(attempt: Attempt, worker: number, startedMs: Millis): void {
    attempt.worker = worker;
    attempt.startedMs = startedMs;
    this.#running.set(worker, attempt);
  }

  askToYield(attempt: Attempt, nowMs: Millis): void {
    attempt.askedMs = nowMs;
    this.#executor.requestYield(attempt.slot);
  }

  /** Nobody waits for it any more: it is asked to yield, and if it is deaf to that its thread is ended. */
  giveUp(attempt: Attempt): void {
    attempt.isVoid = true;
    this.askToYield(attempt, this.#clock.nowMs());
    this.#endInTime(attempt);
  }

  /** Again and again: a worker that has claimed it and not begun has no thread to lose for it yet. */
  #endInTime(attempt: Attempt): void {
    attempt.grace?.cancel();
    attempt.grace = this.#clock.after(this.#graceMs, () => {
      this.#endInTime(attempt);
      this.#executor.endThread(attempt.slot);
    });
  }

  /** Its worker is through with it, or it was lent and is over; the queue has what it held. */
  finish(attempt: Attempt): void {
    attempt.grace?.cancel();
    if (this.#running.get(attempt.worker) === attempt) this.#running.delete(attempt.worker);
    this.#free(attempt.slot);
  }

  #free(slot: number): void {
    this.#bySlot[slot] = undefined;
    this.#queue.free(slot);
  }
}

/** Whether asking makes sense; a call may or may not have checkpoints. */
function canYield(body: TaskBody): boolean {
  return body.kind === "call" || ("checkpointMs" in body && body.checkpointMs !== undefined);
}
