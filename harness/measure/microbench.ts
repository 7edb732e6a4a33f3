/**
 * Micro-benchmarks of pure operations: each task in a child process of its own, so that no task inherits the other's
 * compiled code, inline caches or heap.
 *
 * A sample is the time of a batch of operations, long enough for the timer to see. Throughput is operations over
 * time, not tinybench's mean of the samples' rates, which is biased upward. Numbers of one machine: shown and compared
 * within a run, never claimed.
 */

import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import type { Row } from "../record/tables.ts";
import { nearestRank, sorted } from "./order.ts";

/**
 * A task by name: the child imports `exportName` from the module at `module` (a file URL), a function without
 * parameters that prepares its input and returns the operation to measure. What the operation returns is kept, so that
 * the compiler cannot drop it.
 */
export interface MicrobenchTask {
  readonly id: string;
  readonly module: string;
  readonly exportName: string;
}

/** What a task module exports. */
export type MicrobenchOperation = () => unknown;

export interface MicrobenchOptions {
  /** How long samples are taken for, after a quarter of it as warm-up. */
  readonly measureMs: number;
  /** How long one sample should take; the operations per sample follow from it. */
  readonly sampleMs: number;
}

export const microbenchDefaults: MicrobenchOptions = { measureMs: 1000, sampleMs: 1 };

/** Samples in the order in which they were taken. */
export interface MicrobenchSamples {
  readonly iterationsPerSample: number;
  readonly samplesNs: readonly number[];
}

const samplesShape = z.object({
  iterationsPerSample: z.int().positive(),
  samplesNs: z.array(z.number().positive()).min(1),
});
const reply = z.union([z.object({ samples: samplesShape }), z.object({ error: z.string() })]);

/** Start-up and a slow machine, on top of the measuring itself. */
const childLimitMs = 60_000;

/**
 * Measures one task in a fresh process.
 *
 * @throws HarnessError when the task cannot be imported, throws, or its process ends without an answer.
 */
export async function sampleTask(
  task: MicrobenchTask,
  options: MicrobenchOptions = microbenchDefaults,
): Promise<MicrobenchSamples> {
  const child = execa({
    node: true,
    ipc: true,
    nodePath: process.execPath,
    timeout: childLimitMs + 2 * options.measureMs,
    reject: false,
  })`${[fileURLToPath(new URL("microbench-process.ts", import.meta.url)), JSON.stringify({ task, options })]}`;
  const ended = await child;
  const answer = reply.safeParse(ended.ipcOutput[0]);
  if (!answer.success) {
    const why = ended.timedOut
      ? "it ran out of time"
      : `it ended without an answer. ${ended.stderr.trim().slice(0, 500)}`;
    throw new HarnessError(`Cannot measure ${task.id}: ${why}`);
  }
  if ("error" in answer.data) throw new HarnessError(`Cannot measure ${task.id}: ${answer.data.error}`);
  return answer.data.samples;
}

/** Returns the `microbench` row of a task's samples. */
export function microbenchRow(id: string, { iterationsPerSample, samplesNs }: MicrobenchSamples): Row<"microbench"> {
  const ordered = sorted(samplesNs);
  const totalNs = samplesNs.reduce((sum, sample) => sum + sample, 0);
  return {
    task: id,
    samples: samplesNs.length,
    iterations_per_sample: iterationsPerSample,
    p50_ns: nearestRank(ordered, 0.5) / iterationsPerSample,
    p99_ns: nearestRank(ordered, 0.99) / iterationsPerSample,
    throughput_per_s: (samplesNs.length * iterationsPerSample * 1e9) / totalNs,
  };
}
