/** What each thread counts of its takes, thefts and wake-ups, in words that only it writes. */

import { thread } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

const counter = {
  takes: 0,
  steals: 1,
  stolen: 2,
  throttledByQuota: 3,
  throttledByCapacity: 4,
  claimRetries: 5,
  wakeups: 6,
} as const;
export type CounterName = keyof typeof counter;
const counterNames = Object.keys(counter) as readonly CounterName[];

export class ThreadCounters {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(memory: RunQueueMemory, threadNumber: number) {
    this.#words = memory.words;
    this.#at = memory.threadAt(threadNumber) + thread.counters;
  }

  count(name: CounterName): void {
    this.#words[this.#at + counter[name]]!++;
  }
}

/** Since the beginning, of all threads; modulo 2^32. */
export function sumsOf(memory: RunQueueMemory): Readonly<Record<CounterName, number>> {
  const sums = counterNames.map((name) => {
    let sum = 0;
    for (let number = 0; number <= memory.workers; number++) {
      sum += memory.words[memory.threadAt(number) + thread.counters + counter[name]]! >>> 0;
    }
    return [name, sum] as const;
  });
  return Object.fromEntries(sums) as Record<CounterName, number>;
}
