/**
 * p-queue: functions of one thread, so many at a time, the one of the highest priority first and of equal ones the one
 * added first.
 *
 * Every task runs on the thread that calls: a task that spins keeps everybody waiting, and several at a time only help
 * tasks that wait for something themselves. A task that ends its thread would end the scheduler; it is refused.
 *
 * @see p-queue's readme, "API": `priority`, `concurrency`.
 */

import PQueue from "p-queue";
import { UsageError } from "../../foundation/errors.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { OncePool } from "./once-pool.ts";
import type { PeerEvents } from "./peer-library.ts";
import { RetryingLibrary } from "./retrying-library.ts";
import type { OnceLibrary, Ran } from "./retrying-library.ts";
import { messageOf, runBody } from "./run-body.ts";
import type { Attempt, BodyPorts } from "./run-body.ts";

export interface PQueueOptions {
  /** Tasks at a time. */
  readonly workers: number;
  readonly load: BodyPorts["load"];
}

export function pQueueLibrary(events: PeerEvents, options: PQueueOptions, firstToken = 0): RetryingLibrary {
  return new RetryingLibrary(new OnPQueue(options), events, nodeClock, firstToken);
}

/** What a program does that has tasks in hand and waits for the promise of each. */
export function pQueueOnce(options: PQueueOptions): OncePool {
  return new OncePool(new OnPQueue(options));
}

class OnPQueue implements OnceLibrary {
  readonly workers: number;
  readonly #queue: PQueue;
  readonly #ports: BodyPorts;

  constructor({ workers, load }: PQueueOptions) {
    this.#ports = { load, endThread: refuseToEnd };
    this.workers = workers;
    this.#queue = new PQueue({ concurrency: workers });
  }

  run(attempt: Attempt, priority: number, started: () => void): Promise<Ran> {
    return this.#queue.add(
      async () => {
        started();
        try {
          return { end: "completed", result: await runBody(attempt, this.#ports) };
        } catch (error) {
          return { end: "threw", message: messageOf(error) };
        }
      },
      { priority },
    );
  }

  /** What is running goes on: it cannot be ended without its thread. */
  close(): Promise<void> {
    this.#queue.clear();
    return Promise.resolve();
  }
}

function refuseToEnd(): never {
  throw new UsageError("Cannot end the thread of a task: p-queue runs it on the caller's");
}
