/**
 * Scenarios that only the production pool can be asked for: affinities with and without stealing, a high priority
 * against a flood, tenants of equal weight, and how fast a running task makes room.
 *
 * Each opens pools of its own, whose threads have started before anything is measured, and closes them. Times of starts
 * and ends are the workers' own, not those at which the main thread heard of them.
 */

import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { AttemptLog } from "./attempt-log.ts";
import { drive, incomplete, quantile, spinFor } from "./pool-bench.ts";
import type { Measurement } from "./pool-bench.ts";
import { submitTask } from "./pool.ts";
import type { PoolTask } from "./pool.ts";
import { TaskPool } from "./task-pool.ts";
import type { PoolObserver } from "./task-pool.ts";

const highPriority = 90;

export interface ImbalanceOptions {
  readonly workers?: number;
  readonly tasks?: number;
  readonly ms?: Millis;
  /** The share of the tasks that is bound to the first worker; the others are bound to the second. */
  readonly share: number;
}

/**
 * (d) and (e) The same tasks, bound to workers by affinity, once without stealing and once with it: all are there from
 * the beginning, and the makespan is until the last has ended. Imbalance: by how much the shares of the work of the
 * busiest and of the idlest worker differ, as a part of all work; 0.8 for 90/10 if nothing is stolen.
 */
export async function imbalance({
  workers = 2,
  tasks = 400,
  ms = 1,
  share,
}: ImbalanceOptions): Promise<readonly Measurement[]> {
  const without = await bound({ workers, tasks, ms, share, stealing: false });
  const stealing = await bound({ workers, tasks, ms, share, stealing: true });
  const reduction = without.imbalance === 0 ? 0 : 1 - stealing.imbalance / without.imbalance;
  return [
    { metric: "makespan-without-stealing-ms", value: without.makespanMs, unit: "ms" },
    { metric: "makespan-with-stealing-ms", value: stealing.makespanMs, unit: "ms" },
    { metric: "stealing-speed-up", value: without.makespanMs / stealing.makespanMs, unit: "ratio" },
    { metric: "stealing-overhead", value: stealing.makespanMs / without.makespanMs - 1, unit: "ratio" },
    { metric: "imbalance-without-stealing", value: without.imbalance, unit: "ratio" },
    { metric: "imbalance-with-stealing", value: stealing.imbalance, unit: "ratio" },
    { metric: "imbalance-reduction", value: reduction, unit: "ratio" },
    { metric: "stolen-tasks", value: stealing.stealMs.length, unit: "count" },
    { metric: "steal-mean-ms", value: mean(stealing.stealMs), unit: "ms" },
    { metric: "steal-p99-ms", value: quantile(stealing.stealMs, 0.99), unit: "ms" },
  ];
}

async function bound(options: Required<ImbalanceOptions> & { readonly stealing: boolean }): Promise<{
  readonly makespanMs: Millis;
  readonly imbalance: number;
  readonly stealMs: readonly Millis[];
}> {
  const { workers, tasks, ms, share, stealing } = options;
  const observer = new AttemptLog();
  const pool = await TaskPool.open({ workers, stealing, observer, quantumMs: 0 });
  try {
    const toFirst = Math.round(tasks * share);
    const body = spinFor(ms);
    const makespanMs = await drive(pool, tasks, tasks, (index) => {
      // Spread evenly, as they would arrive: the n-th is the first worker's where its share passes a whole number.
      const isFirst = Math.floor(((index + 1) * toFirst) / tasks) > Math.floor((index * toFirst) / tasks);
      return { body, affinity: isFirst ? 0 : 1 };
    });
    const worked = observer.workedMs(workers);
    const all = worked.reduce((sum, each) => sum + each, 0);
    const stealMs = observer.stealMs();
    return { makespanMs, imbalance: (Math.max(...worked) - Math.min(...worked)) / all, stealMs };
  } finally {
    await pool.close();
  }
}

export interface FloodOptions {
  readonly workers?: number;
  /** High-priority tasks, one every `intervalMs`. */
  readonly tasks?: number;
  readonly intervalMs?: Millis;
  readonly ms?: Millis;
  /** Low-priority tasks that arrive with each high one; 0: the baseline. */
  readonly flood: number;
  readonly quantumMs?: Millis;
}

/**
 * (f) How long high-priority tasks wait while a flood of low priority comes in: an open loop, arrivals by the clock.
 * With more flood than the workers can do a backlog of low priority grows for as long as the scenario lasts.
 */
export async function flooded(options: FloodOptions): Promise<readonly Measurement[]> {
  const { workers = 2, tasks = 100, intervalMs = 10, ms = 2, flood, quantumMs = 0 } = options;
  const observer = new AttemptLog();
  const pool = await TaskPool.open({ workers, quantumMs, observer });
  try {
    await new Promise<void>((resolve, reject) => {
      let [arrived, left] = [0, tasks];
      const body = spinFor(ms);
      const arrive = (): void => {
        arrived++;
        if (arrived < tasks) nodeClock.after(intervalMs, arrive);
        for (let count = 0; count < flood; count++) pool.submit({ body, priority: 0 }, () => undefined);
        pool.submit({ body, priority: highPriority }, (end) => {
          if (end.state !== "completed") reject(incomplete(end));
          if (--left === 0) resolve();
        });
      };
      arrive();
    });
  } finally {
    await pool.close();
  }
  const waits = observer.attempts.filter(({ task }) => task.priority === highPriority).map(({ waitMs }) => waitMs);
  return [
    { metric: "high-wait-mean-ms", value: mean(waits), unit: "ms" },
    { metric: "high-wait-p50-ms", value: quantile(waits, 0.5), unit: "ms" },
    { metric: "high-wait-p99-ms", value: quantile(waits, 0.99), unit: "ms" },
  ];
}

export interface ShareOptions {
  readonly workers?: number;
  /** Length of the tasks of each tenant: all have the same weight and always more to do. */
  readonly taskMs?: readonly Millis[];
  readonly windows?: number;
  readonly windowMs?: Millis;
}

/**
 * (g) Of the work done in each window of time, the share of each tenant. `tenant-share-N` comes once per window, in
 * their order; `share-deviation` is the largest relative distance from an equal share, of all time together.
 */
export async function shares(options: ShareOptions): Promise<readonly Measurement[]> {
  const { workers = 2, taskMs = [1, 1], windows = 10, windowMs = 100 } = options;
  const names = taskMs.map((_, tenant) => `tenant-${tenant}`);
  const tenants = names.map((name) => ({ name, weight: 1 }));
  const worked = Array.from({ length: windows }, () => new Array<Millis>(names.length).fill(0));
  let startedMs = Infinity;
  const observer: PoolObserver = {
    started: () => undefined,
    // What it ran, not what it was to run: on a busy machine these differ, and shares are of the former.
    ended: ({ tenant = "" }, { ranMs }) => {
      const window = worked[Math.floor((nodeClock.nowMs() - startedMs) / windowMs)];
      if (window !== undefined) window[names.indexOf(tenant)]! += ranMs;
    },
  };
  const pool = await TaskPool.open({ workers, tenants, observer });
  try {
    startedMs = nodeClock.nowMs();
    const keepBusy = (tenant: number): void => {
      const task: PoolTask = { body: spinFor(taskMs[tenant] ?? 0), tenant: names[tenant] ?? "" };
      const submit = (): void => pool.submit(task, submit);
      for (let count = 0; count < 8 * workers; count++) submit();
    };
    for (const tenant of names.keys()) keepBusy(tenant);
    await new Promise<void>((resolve) => nodeClock.after(windows * windowMs, resolve));
  } finally {
    await pool.close();
  }
  const total = names.map((_, tenant) => worked.reduce((sum, window) => sum + (window[tenant] ?? 0), 0));
  const deviation = Math.max(...sharesOf(total).map((share) => Math.abs(share * names.length - 1)));
  return [
    { metric: "share-deviation", value: deviation, unit: "ratio" },
    ...worked.flatMap((window) =>
      sharesOf(window).map((value, tenant) => ({ metric: `tenant-share-${tenant}`, value, unit: "ratio" })),
    ),
  ];
}

export interface PreemptionOptions {
  readonly workers?: number;
  readonly arrivals?: number;
  readonly checkpointMs?: Millis;
}

/**
 * (h) All workers have a task that does not end by itself and asks every `checkpointMs` whether it shall yield; now and
 * then one of high priority arrives. `yield`: from the request to the checkpoint. `arrival-to-start`: what the arrival
 * waits for in all.
 */
export async function preemptionLatency(options: PreemptionOptions): Promise<readonly Measurement[]> {
  const { workers = 2, arrivals = 200, checkpointMs = 5 } = options;
  const observer = new AttemptLog();
  const pool = await TaskPool.open({ workers, observer });
  try {
    for (let worker = 0; worker < workers; worker++) {
      pool.submit({ body: spinFor(3_600_000, checkpointMs) }, () => undefined);
    }
    for (let arrival = 0; arrival < arrivals; arrival++) {
      await observer.untilRunning(workers);
      // At another phase of the checkpoints each time.
      await new Promise<void>((resolve) => nodeClock.after((arrival % 7) + 0.3, resolve));
      const task: PoolTask = { body: spinFor(0.5), priority: highPriority };
      const end = await submitTask(pool, task);
      if (end.state !== "completed") throw incomplete(end);
    }
  } finally {
    await pool.close();
  }
  const waits = observer.attempts.filter(({ task }) => task.priority === highPriority).map(({ waitMs }) => waitMs);
  const yields = observer.attempts.flatMap(({ ended }) => (ended?.end === "yielded" ? [ended.yieldMs ?? 0] : []));
  return [
    { metric: "yields", value: yields.length, unit: "count" },
    { metric: "yield-p50-ms", value: quantile(yields, 0.5), unit: "ms" },
    { metric: "yield-p99-ms", value: quantile(yields, 0.99), unit: "ms" },
    { metric: "arrival-to-start-p50-ms", value: quantile(waits, 0.5), unit: "ms" },
    { metric: "arrival-to-start-p99-ms", value: quantile(waits, 0.99), unit: "ms" },
  ];
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sharesOf(amounts: readonly number[]): readonly number[] {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  return amounts.map((amount) => (sum === 0 ? 0 : amount / sum));
}
