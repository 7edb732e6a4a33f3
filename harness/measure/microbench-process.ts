/**
 * The child process of one micro-benchmark: imports the task, measures it, sends the samples to its parent, ends.
 *
 * tinybench schedules warm-up and sampling and decides when enough was measured; the times are taken here and kept in
 * the order in which they came, which tinybench sorts away.
 */

import { pathToFileURL } from "node:url";
import { sendMessage } from "execa";
import { Bench } from "tinybench";
import type { MicrobenchOperation, MicrobenchOptions, MicrobenchSamples, MicrobenchTask } from "./microbench.ts";

/** Everything measured passes through here, so that no operation can be seen to be useless. */
let sink: unknown;

/** Operations per sample when even that many take less than a sample should. */
const maxIterations = 10_000_000;

/** Enough calls of any operation worth measuring for the compiler to have had its turn. */
const warmUpSamples = 50;

/** Measures `operation`; times in milliseconds come from `now`. */
export function sample(
  operation: MicrobenchOperation,
  options: MicrobenchOptions,
  now: () => number,
): MicrobenchSamples {
  const iterationsPerSample = calibrate(operation, options.sampleMs, now);
  let samplesNs: number[] = [];
  const bench = new Bench({ time: options.measureMs, warmupTime: options.measureMs / 4, iterations: 1, throws: true });
  bench.add(
    "task",
    () => {
      const elapsedMs = batchMs(operation, iterationsPerSample, now);
      samplesNs.push(elapsedMs * 1e6);
      return { overriddenDuration: elapsedMs };
    },
    {
      beforeAll: () => {
        samplesNs = [];
      },
    },
  );
  bench.runSync();
  // A batch below the timer's resolution reads 0: it took time, but less than can be told.
  return { iterationsPerSample, samplesNs: samplesNs.map((ns) => Math.max(ns, 1)) };
}

/**
 * Doubles the batch until it takes as long as a sample should. The operation is warmed up first: the first call of cold
 * code can take a thousand times as long as the next ones, and would pass for a whole sample.
 */
function calibrate(operation: MicrobenchOperation, sampleMs: number, now: () => number): number {
  const warmUntilMs = now() + warmUpSamples * sampleMs;
  for (let call = 0; call < maxIterations && now() < warmUntilMs; call++) sink = operation();
  let iterations = 1;
  while (iterations < maxIterations && batchMs(operation, iterations, now) < sampleMs) iterations *= 2;
  return Math.min(iterations, maxIterations);
}

function batchMs(operation: MicrobenchOperation, iterations: number, now: () => number): number {
  const start = now();
  for (let iteration = 0; iteration < iterations; iteration++) sink = operation();
  return now() - start;
}

async function answer(argument: string): Promise<void> {
  try {
    const { task, options } = JSON.parse(argument) as { task: MicrobenchTask; options: MicrobenchOptions };
    const prepare = ((await import(task.module)) as Record<string, unknown>)[task.exportName];
    if (typeof prepare !== "function") throw new Error(`${task.module} exports no function "${task.exportName}"`);
    const operation = (prepare as () => MicrobenchOperation)();
    await sendMessage({ samples: sample(operation, options, () => performance.now()) });
  } catch (error) {
    await sendMessage({ error: error instanceof Error ? error.message : String(error) });
  }
  void sink;
}

const [, script, argument] = process.argv;
if (script !== undefined && argument !== undefined && import.meta.url === pathToFileURL(script).href) {
  await answer(argument);
}
