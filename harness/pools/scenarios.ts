/**
 * What pools are measured by: scenarios by name, each with what its measurements are called here.
 *
 * The scenarios themselves stand beside the pools (`assembly/scheduler/pool-bench.ts` and `task-pool-bench.ts`).
 */

import os from "node:os";
import { openPool } from "../../implementations/assembly/scheduler/open-pool.ts";
import {
  drive,
  emptyTasks,
  mixedTasks,
  scaling,
  uniformTasks,
} from "../../implementations/assembly/scheduler/pool-bench.ts";
import { imbalance, preemptionLatency, shares } from "../../implementations/assembly/scheduler/task-pool-bench.ts";
import { TaskPool } from "../../implementations/assembly/scheduler/task-pool.ts";
import type { Pool } from "../../implementations/assembly/scheduler/pool.ts";
import { raceForTasks } from "../../implementations/assembly/scheduler/run-queue-race.ts";
import { runSkipListBench } from "../../implementations/assembly/scheduler/skip-list-bench.ts";
import type { TaskBody } from "../../implementations/scheduler/contract.ts";
import { median } from "../measure/order.ts";
import type { Measurement } from "../measure/probes.ts";
import { inversionsOf } from "../stress/stress-run-queue.ts";

/** How much of a scenario is done: 1 is what a full run does. */
export interface ScenarioOptions {
  readonly implementation: string;
  readonly scale: number;
  readonly directory: string;
}

type Scenario = (options: ScenarioOptions) => Promise<readonly Measurement[]>;

const twoWorkers = 2;
const publishedWorkers = 8;
const queueRounds = 3;
const fewestQueueOperations = 1_000_000;
const backlogTasks = 50_000;
const leastArrivals = 200;

export const scenarios = {
  /** Handing in, running and acknowledging tasks that do nothing. */
  empty: (options) =>
    withPool(options, twoWorkers, async (pool) => {
      const tasks = scaled(options.implementation === "bullmq" ? 20_000 : 400_000, options);
      // What was compiled while it warmed up is not measured.
      await emptyTasks(pool, { tasks: Math.ceil(tasks / 5) });
      return rateOf("empty", await emptyTasks(pool, { tasks }), "empty-tasks-per-s");
    }),
  /** The same with as many handed in at once as a queue is there for. */
  backlog: (options) =>
    withPool(options, twoWorkers, async (pool) => {
      const tasks = Math.max(2 * backlogTasks, scaled(400_000, options));
      await emptyTasks(pool, { tasks: backlogTasks, window: backlogTasks });
      return rateOf("backlog", await emptyTasks(pool, { tasks, window: backlogTasks }), "empty-tasks-per-s");
    }),
  /** Tasks of 100 us on 8 workers, as published. */
  uniform: (options) =>
    withPool(options, publishedWorkers, async (pool) =>
      rateOf("uniform-8-workers", await uniformTasks(pool, { tasks: scaled(40_000, options) }), "uniform-tasks-per-s"),
    ),
  /** Four short tasks to every long one, to short ones alone. */
  mixed: (options) =>
    withPool(options, twoWorkers, async (pool) => {
      const tasks = scaled(20_000, options);
      const [uniform] = rateOf("uniform", await uniformTasks(pool, { tasks }), "uniform-tasks-per-s");
      const [mixed] = rateOf("mixed", await mixedTasks(pool, { tasks }), "mixed-tasks-per-s");
      if (uniform === undefined || mixed === undefined) return [];
      return [uniform, mixed, { metric: "mixed-to-uniform", value: mixed.value / uniform.value, unit: "ratio" }];
    }),
  /** One worker, one per processor, and more. */
  scaling: async (options) => {
    const workers = [1, twoWorkers, 4];
    const open = (count: number): Promise<Pool> => openPool(options.implementation, { ...options, workers: count });
    const measured = await scaling(open, { tasks: scaled(3000, options), workers });
    const rates = workers.map((count) => ({ count, perS: valueOf(measured, `throughput-${count}-workers-per-s`) }));
    const processors = os.availableParallelism();
    const most = rates.findLast(({ count }) => count <= processors) ?? rates[0];
    const one = rates[0]?.perS ?? Number.NaN;
    return [
      ...rates.map(({ count, perS }) => ({
        ...{
          metric: `throughput-per-s@scaling-${count}-worker${count === 1 ? "" : "s"}`,
          value: perS,
          unit: "tasks/s",
        },
      })),
      ...(most === undefined || most.count < 2
        ? []
        : [{ metric: "scaling-efficiency", value: most.perS / (most.count * one), unit: "ratio" }]),
    ];
  },
  /** All tasks in the lane of one worker of four, and evenly in two lanes; without stealing and with it. */
  stealing: async (options) => {
    const imbalanced = { workers: 4, tasks: scaled(1200, options), body: { kind: "sleep", ms: 2 }, lanes: 1 } as const;
    const balanced = { workers: 2, tasks: scaled(12_000, options), body: { kind: "spin", ms: 0.2 }, lanes: 2 } as const;
    const measured: Measurement[] = [];
    for (const [name, load] of Object.entries({ imbalanced, balanced })) {
      for (const stealing of [false, true]) {
        const value = await inLanes({ ...load, stealing });
        const metric = `throughput-per-s@${name}-${stealing ? "stealing" : "no-stealing"}`;
        measured.push({ metric, value, unit: "tasks/s" });
      }
    }
    return measured;
  },
  /** How evenly two workers work with uneven lanes, and how long a thief takes. */
  imbalance: async (options) => {
    const measured: Measurement[] = [];
    for (const share of [0.9, 0.8, 0.7]) {
      const of = await imbalance({ share, tasks: scaled(1000, options) });
      const first = Math.round(100 * share);
      const value = valueOf(of, "imbalance-reduction");
      measured.push({ metric: `imbalance-reduction@${first}-${100 - first}`, value, unit: "ratio" });
      if (share === 0.9) measured.push(...of.filter(({ metric }) => metric.startsWith("steal-")));
    }
    return measured;
  },
  /** Two tenants of equal weight whose tasks differ in length. */
  tenants: async (options) => {
    const measured = await shares({ taskMs: [1, 3], windows: Math.max(2, scaled(30, options)) });
    return [{ metric: "tenant-deviation", value: valueOf(measured, "share-deviation"), unit: "ratio" }];
  },
  /** How far beyond the interval of its checkpoints a task takes to make room. */
  preemption: async (options) => {
    const checkpointMs = 5;
    // The nearest rank of a p99 is the maximum of anything less than a hundred.
    const arrivals = Math.max(leastArrivals, scaled(400, options));
    const measured = await preemptionLatency({ arrivals, checkpointMs });
    const p99Ms = valueOf(measured, "yield-p99-ms");
    return [
      { metric: "yield-p99-ms", value: p99Ms, unit: "ms" },
      { metric: "preemption-beyond-checkpoint-p99-ms", value: p99Ms - checkpointMs, unit: "ms" },
      { metric: "arrival-to-start-p99-ms", value: valueOf(measured, "arrival-to-start-p99-ms"), unit: "ms" },
    ];
  },
  /** Starts while a better task was there to be found, of a queue that all workers share. */
  inversions: async (options) => {
    const { attempts, problems } = await raceForTasks({
      ...{
        seed: "inversions",
        threads: twoWorkers,
        slots: 256,
        tasks: scaled(6000, options),
        burst: 64,
        isFlood: true,
      },
      shares: [{ weight: 1, cpuMilli: Infinity, memoryMb: Infinity }],
      capacity: { cpuMilli: twoWorkers * 1000, memoryMb: 1_000_000 },
      ...{ stealing: true, inLanes: 0, deaths: 0 },
    });
    if (problems.length > 0) throw new Error(problems.join("; "));
    const started = attempts.filter(({ ended }) => ended !== undefined).length;
    return [
      { metric: "priority-inversion-rate", value: [...inversionsOf(attempts)].length / started, unit: "ratio" },
      { metric: "starts-judged", value: started, unit: "count" },
    ];
  },
  /**
   * The priority queue by itself, by one thread and by two, in turn: production's skip list; and a heap under a lock,
   * which is what minimal's would be among several threads.
   */
  queue: async (options) => {
    const structure = options.implementation === "minimal" ? "locked-heap" : "skip-list";
    const perS = { one: [] as number[], two: [] as number[] };
    const run = async (threads: number): Promise<number> => {
      // Fewer would measure how long compiling takes.
      const operations = Math.max(fewestQueueOperations, scaled(2_000_000, options));
      return (await runSkipListBench({ structure, threads, operations, now: () => performance.now() })).operationsPerS;
    };
    for (let round = 0; round < queueRounds; round++) {
      perS.one.push(await run(1));
      perS.two.push(await run(2));
    }
    const [one, two] = [median(perS.one), median(perS.two)];
    return [
      { metric: "queue-ops-per-s@1-thread", value: one, unit: "ops/s" },
      { metric: "queue-ops-per-s@2-threads", value: two, unit: "ops/s" },
      { metric: "queue-speed-up@2-threads", value: two / one, unit: "ratio" },
    ];
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof scenarios;

function scaled(count: number, { scale }: ScenarioOptions): number {
  return Math.max(1, Math.round(count * scale));
}

async function withPool(
  { implementation, directory }: ScenarioOptions,
  workers: number,
  work: (pool: Pool) => Promise<readonly Measurement[]>,
): Promise<readonly Measurement[]> {
  const pool = await openPool(implementation, { workers, directory });
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}

interface LaneLoad {
  readonly workers: number;
  readonly tasks: number;
  readonly body: TaskBody;
  /** The first so many workers' lanes, in turn. */
  readonly lanes: number;
  readonly stealing: boolean;
}

async function inLanes({ workers, tasks, body, lanes, stealing }: LaneLoad): Promise<number> {
  const pool = await TaskPool.open({ workers, stealing, quantumMs: 0 });
  try {
    const elapsedMs = await drive(pool, tasks, tasks, (index) => ({ body, affinity: index % lanes }));
    return (tasks * 1000) / elapsedMs;
  } finally {
    await pool.close();
  }
}

function valueOf(measured: readonly Measurement[], metric: string): number {
  const found = measured.find((each) => each.metric === metric);
  if (found === undefined) throw new Error(`The scenario does not measure ${metric}`);
  return found.value;
}

function rateOf(name: string, measured: readonly Measurement[], metric: string): readonly Measurement[] {
  return [{ metric: `throughput-per-s@${name}`, value: valueOf(measured, metric), unit: "tasks/s" }];
}
