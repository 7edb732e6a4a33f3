/**
 * How many operations a second threads do on one priority queue: half insertions of random keys, half removals of the
 * least, on a list that holds some already, as in Linden and Jonsson's section 5. The time is that in which all threads
 * are at work: the first to have done its share ends it.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { skipListBytes } from "../../scheduler/production/skip-list-memory.ts";
import type { SkipListLayout } from "../../scheduler/production/skip-list-memory.ts";
import { lockedHeapBytes } from "./locked-heap.ts";

export type BenchedStructure = "skip-list" | "locked-heap";

export interface SkipListBenchOptions {
  readonly structure: BenchedStructure;
  readonly threads: number;
  /** Of all threads together. */
  readonly operations: number;
  /** In the queue at the beginning; 1000 unless it is said. */
  readonly prefill?: number;
  /**
   * What a thread does by itself before each operation: numbers drawn, of about 2 ns each, on either structure and
   * whatever the number of threads. None unless it is said.
   */
  readonly turns?: number;
  /** A clock, in milliseconds. */
  readonly now: () => number;
}

export interface SkipListBenchResult {
  readonly operationsPerS: number;
}

export interface BenchThreadData {
  readonly structure: BenchedStructure;
  readonly shared: SharedArrayBuffer;
  readonly layout: SkipListLayout;
  readonly thread: number;
  readonly operations: number;
  readonly prefill: number;
  readonly turns: number;
  readonly start: SharedArrayBuffer;
}

/** Words that start and stop the threads: that they may go; how many are there, unused; that one has done its share. */
const startWords = 3;
export const stoppedAt = 2;
/** Slots for each element of the beginning: the number queued walks at random; one that runs out of slots removes. */
const slotsPerElement = 8;
const leastSlots = 2 ** 12;

/** @throws Error what a thread threw. Every thread has ended when this settles. */
export async function runSkipListBench(options: SkipListBenchOptions): Promise<SkipListBenchResult> {
  const { structure, threads, operations, prefill = 1000, turns = 0, now } = options;
  const layout = { slots: threads * Math.max(leastSlots, slotsPerElement * prefill), lists: 1, threads };
  const bytes = structure === "skip-list" ? skipListBytes(layout) : lockedHeapBytes(layout.slots);
  const data = {
    structure,
    shared: new SharedArrayBuffer(bytes),
    layout,
    operations: Math.ceil(operations / threads),
    prefill: Math.ceil(prefill / threads),
    turns,
    start: new SharedArrayBuffer(4 * startWords),
  };
  const workers = Array.from({ length: threads }, (_, thread) => {
    const workerData: BenchThreadData = { ...data, thread };
    return new Worker(new URL("./skip-list-bench-thread.ts", import.meta.url), { workerData, execArgv: [] });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const done = Promise.all(workers.map((worker) => once(worker, "message")));
    const started = new Int32Array(data.start);
    const startMs = now();
    Atomics.store(started, 0, 1);
    Atomics.notify(started, 0);
    const counts = (await done).map(([count]) => count as number);
    const elapsedMs = now() - startMs;
    return { operationsPerS: (1000 * counts.reduce((sum, count) => sum + count, 0)) / elapsedMs };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
