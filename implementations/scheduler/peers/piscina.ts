/**
 * piscina: a fixed number of worker threads, each with a task at a time, behind one queue, first in first out.
 *
 * It has no priorities of its own (a program may bring another queue; that would be ours, not piscina's). Its default
 * is to put a task that found no free thread behind all others again, which is no order at all; `stricterFIFO` makes it
 * the one its documentation speaks of. It takes a task to a thread on the main thread, when one becomes free.
 *
 * piscina tells nobody when that is. But a message's getters are called when it is sent, and it sends a task to a
 * thread when that is free to begin: that is how the start of an attempt is known here, without a message more.
 *
 * @see piscina's readme: "Constructor", "Custom Task Queues"; the HTML standard, "StructuredSerializeInternal": own
 *   properties are read by `Get`.
 */

import { Piscina } from "piscina";
import { nodeClock } from "../../platform/node/clock.ts";
import { OncePool } from "./once-pool.ts";
import type { PeerEvents } from "./peer-library.ts";
import { RetryingLibrary } from "./retrying-library.ts";
import type { OnceLibrary, Ran } from "./retrying-library.ts";
import type { Attempt } from "./run-body.ts";

export interface PiscinaOptions {
  /** Threads. */
  readonly workers: number;
  /** A module that exports `execute`, as `executeAttempt` of `piscina-attempt.ts` does it, for its thread. */
  readonly workerFile: URL;
}

export function piscinaLibrary(events: PeerEvents, options: PiscinaOptions, firstToken = 0): RetryingLibrary {
  return new RetryingLibrary(new OnPiscina(options), events, nodeClock, firstToken);
}

/** What a program does that has tasks in hand and waits for the promise of each. */
export function piscinaOnce(options: PiscinaOptions): OncePool {
  return new OncePool(new OnPiscina(options));
}

class OnPiscina implements OnceLibrary {
  readonly workers: number;
  readonly #piscina: Piscina;

  constructor({ workers, workerFile }: PiscinaOptions) {
    this.workers = workers;
    this.#piscina = new Piscina({
      filename: workerFile.href,
      name: "execute",
      minThreads: workers,
      maxThreads: workers,
      stricterFIFO: true,
      recordTiming: false,
    });
    // A thread that ends between two tasks: piscina starts another one, and no task is the worse for it.
    this.#piscina.on("error", () => undefined);
  }

  async run(attempt: Attempt, _priority: number, started: () => void): Promise<Ran> {
    const message = {
      ...attempt,
      get started(): true {
        started();
        return true;
      },
    };
    try {
      return (await this.#piscina.run(message)) as Ran;
    } catch {
      return { end: "crashed", message: "" };
    }
  }

  close(): Promise<void> {
    return this.#piscina.destroy();
  }
}
