/**
 * Scenarios that measure pools, each a function that returns plain measurements.
 *
 * Those of this file drive any `Pool`: empty tasks (what handing out and acknowledging costs), equal short tasks, and a
 * mix of short and long ones. A bounded number of tasks is in flight, the next is handed in by the callback of one that
 * ended: a closed loop, so they measure throughput and no latency. What only ours can be asked (affinities, stealing,
 * tenants, preemption) stands in `task-pool-bench.ts`.
 *
 * A task that does not complete stops the scenario with an error: no number without correctness.
 */

import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { TaskBody, TaskEnd } from "../../scheduler/contract.ts";
import type { Pool, PoolTask } from "./pool.ts";

/** As the harness has it (`harness/measure/probes.ts`). */
export interface Measurement {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export interface LoadOptions {
  readonly tasks: number;
  /** Tasks in flight at most: enough that no worker waits, and no more than the pool takes. */
  readonly window?: number;
}

export const poolBenchDefaults = { windowTasks: 1024, uniformMs: 0.1, shortMs: 0.1, longMs: 0.5 } as const;

/** (a) What a task itself costs: as many empty ones as the pool can hand out and acknowledge. */
export async function emptyTasks(pool: Pool, { tasks, window }: LoadOptions): Promise<readonly Measurement[]> {
  const task: PoolTask = { body: { kind: "spin", ms: 0 } };
  return rates("empty", tasks, await drive(pool, tasks, window, () => task));
}

/** (b) Equal tasks that need their processor for `ms`. */
export async function uniformTasks(
  pool: Pool,
  { tasks, window, ms = poolBenchDefaults.uniformMs }: LoadOptions & { readonly ms?: Millis },
): Promise<readonly Measurement[]> {
  const task: PoolTask = { body: { kind: "spin", ms } };
  return rates("uniform", tasks, await drive(pool, tasks, window, () => task));
}

/** (c) Four short tasks to every long one. */
export async function mixedTasks(
  pool: Pool,
  {
    tasks,
    window,
    shortMs = poolBenchDefaults.shortMs,
    longMs = poolBenchDefaults.longMs,
  }: LoadOptions & { readonly shortMs?: Millis; readonly longMs?: Millis },
): Promise<readonly Measurement[]> {
  const short: PoolTask = { body: { kind: "spin", ms: shortMs } };
  const long: PoolTask = { body: { kind: "spin", ms: longMs } };
  return rates("mixed", tasks, await drive(pool, tasks, window, (index) => (index % 5 === 4 ? long : short)));
}

/** (i) Throughput of equal tasks by the number of workers; `open` starts a pool of so many. */
export async function scaling(
  open: (workers: number) => Promise<Pool>,
  { tasks, window, workers = [1, 2], ms = 1 }: LoadOptions & { readonly workers?: readonly number[]; ms?: Millis },
): Promise<readonly Measurement[]> {
  const task: PoolTask = { body: { kind: "spin", ms } };
  const rateOf: number[] = [];
  for (const count of workers) {
    const pool = await open(count);
    try {
      rateOf.push(tasks / (await drive(pool, tasks, window, () => task)));
    } finally {
      await pool.close();
    }
  }
  const [baseRate = 1] = rateOf;
  const [baseWorkers = 1] = workers;
  return workers.flatMap((count, index) => {
    const rate = rateOf[index] ?? 0;
    return [
      { metric: `throughput-${count}-workers-per-s`, value: rate * 1000, unit: "tasks/s" },
      { metric: `efficiency-${count}-workers`, value: rate / baseRate / (count / baseWorkers), unit: "ratio" },
    ];
  });
}

/** Keeps up to `window` of `tasks` tasks in flight until all have completed. @returns how long that took, in ms. */
export function drive(
  pool: Pool,
  tasks: number,
  window: number = poolBenchDefaults.windowTasks,
  taskOf: (index: number) => PoolTask,
): Promise<Millis> {
  return new Promise((resolve, reject) => {
    const startedMs = nodeClock.nowMs();
    let [submitted, ended] = [0, 0];
    const onEnd = (end: TaskEnd): void => {
      ended++;
      if (end.state !== "completed") reject(incomplete(end));
      else if (submitted < tasks) pool.submit(taskOf(submitted++), onEnd);
      else if (ended === tasks) resolve(nodeClock.nowMs() - startedMs);
    };
    while (submitted < Math.min(tasks, window)) pool.submit(taskOf(submitted++), onEnd);
  });
}

export function incomplete(end: TaskEnd): Error {
  return new Error(`Cannot measure: a task failed (${end.state === "failed" ? `${end.reason} ${end.message}` : ""})`);
}

export function spinFor(ms: Millis, checkpointMs?: Millis): TaskBody {
  return checkpointMs === undefined ? { kind: "spin", ms } : { kind: "spin", ms, checkpointMs };
}

/** Returns the value below which `share` of `values` lie (nearest rank); 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function rates(name: string, tasks: number, elapsedMs: Millis): readonly Measurement[] {
  return [
    { metric: `${name}-tasks-per-s`, value: (tasks / elapsedMs) * 1000, unit: "tasks/s" },
    { metric: `${name}-us-per-task`, value: (elapsedMs / tasks) * 1000, unit: "us" },
  ];
}
