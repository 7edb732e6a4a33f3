/** How long tasks wait: under a mix of short and long ones, and of high priority under a flood of low. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import { completedTasks, utilisation, waitsOf } from "../../../harness/measure/scheduler-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import type { TaskScript } from "../../../harness/plan/task-script.ts";
import { taskScriptStage } from "../../../harness/task-script-stage.ts";
import type { ScriptVariant } from "../../../harness/task-script-stage.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { valueOf } from "../consensus/performance.ts";
import { arrivals, groupOf, oneByOne, sleeping } from "./scripts.ts";

const both = ["minimal", "production"] as const;
type OfProfile<Value> = Readonly<Record<Profile, Value>>;

const mix = [
  { share: 0.4, ms: 10 },
  { share: 0.3, ms: 100 },
  { share: 0.2, ms: 1000 },
  { share: 0.1, ms: 10_000 },
] as const;
const meanS = mix.reduce((sum, { share, ms }) => sum + (share * ms) / 1000, 0);
/** As published; how many workers there were is not. Fewer wait longer at the same load: 10 s tasks hold several. */
const wantedUtilisation = 0.78;
const mixedWorkers = 30;
const mixedPerS = (wantedUtilisation * mixedWorkers) / meanS;
/** Until as many long tasks run as usually do. */
const fillingMs = 20_000;

const mixedBlocks: OfProfile<{ readonly blocks: number; readonly durationMs: number }> = {
  smoke: { blocks: 0, durationMs: 40_000 },
  quick: { blocks: 2, durationMs: 250_000 },
  full: { blocks: 6, durationMs: 900_000 },
};

export const schedulerMixed: Experiment = {
  id: "scheduler-mixed",
  module: "scheduler",
  title: "Queue wait under a mixed load",
  purpose: `How long do tasks of 10 ms to 10 s wait in virtual time, when arrivals keep 78 % of ${mixedWorkers} workers busy?`,
  stages: (profile, seed) => {
    const { blocks, durationMs } = mixedBlocks[profile];
    return Array.from({ length: blocks }, (_, block) => {
      const blockSeed = `${seed}/mixed/${block}`;
      return taskScriptStage({
        experiment: "scheduler-mixed",
        block,
        label: `tasks of 10 ms to 10 s for ${durationMs / 1000} s on ${mixedWorkers} workers (simulated)`,
        implementations: both,
        substrate: "simulated",
        seed: blockSeed,
        estimateS: durationMs / 150_000,
        variants: [
          {
            name: "",
            script: mixedScript(durationMs, blockSeed),
            probes: [
              completedTasks,
              waitsOf("queue-wait"),
              utilisation(mixedWorkers, { fromMs: fillingMs, toMs: durationMs }),
            ],
          },
        ],
      });
    });
  },
};

function mixedScript(durationMs: number, seed: string): TaskScript {
  const random = seededRandom(seed).fork("arrivals");
  const submissions = oneByOne(
    arrivals(mixedPerS, durationMs, random).map((at, index) => ({
      at,
      task: sleeping(`mixed-${index}.task`, drawnMs(random.float())),
    })),
  );
  return { nodes: 1, settings: { workers: mixedWorkers }, submissions };
}

function drawnMs(drawn: number): number {
  let passed = 0;
  return mix.find(({ share }) => drawn < (passed += share))?.ms ?? mix[0].ms;
}

const floodBlocks: OfProfile<{ readonly blocks: number; readonly durationMs: number }> = {
  smoke: { blocks: 1, durationMs: 500 },
  quick: { blocks: 2, durationMs: 2000 },
  full: { blocks: 8, durationMs: 4000 },
};
const floodWorkers = 4;
const floodTaskMs = 20;
const perWorkerS = 1000 / floodTaskMs;
/** High priority takes a third of the workers, and low priority wants somewhat more than is left of them. */
const highPerS = 0.33 * floodWorkers * perWorkerS;
const lowPerS = 0.72 * floodWorkers * perWorkerS;

interface Flood {
  readonly name: string;
  readonly times: number;
  readonly high: number;
  readonly settings?: TaskScript["settings"];
  readonly implementations?: readonly string[];
}

const floods: readonly Flood[] = [
  { name: "calm", times: 1, high: 9 },
  { name: "flood", times: 10, high: 9 },
  { name: "calm-without-priorities", times: 1, high: 0 },
  { name: "flood-without-priorities", times: 10, high: 0 },
  // A level every 100 ms: after 0.9 s a task of low priority is as urgent as a new one of high.
  {
    ...{ name: "flood-fast-ageing", times: 10, high: 9, implementations: ["production"] },
    settings: { "production.ageingMs": 100 },
  },
];

export const schedulerFlood: Experiment = {
  id: "scheduler-flood",
  module: "scheduler",
  title: "High priority under a flood of low",
  purpose:
    "How much longer do tasks of high priority wait in virtual time when ten times as many of low priority arrive, with " +
    "priorities, without any, and with fast ageing?",
  stages: (profile, seed) => {
    const { blocks, durationMs } = floodBlocks[profile];
    return Array.from({ length: blocks }, (_, block) => {
      const blockSeed = `${seed}/flood/${block}`;
      return taskScriptStage({
        experiment: "scheduler-flood",
        block,
        label: `low priority, and ten times as much of it, for ${durationMs / 1000} s (simulated)`,
        implementations: both,
        substrate: "simulated",
        seed: blockSeed,
        estimateS: durationMs / 1200,
        variants: floods.map((flood) => floodVariant(flood, durationMs, blockSeed)),
        relate: increase,
      });
    });
  },
};

function floodVariant(
  { name, times, high, settings, implementations }: Flood,
  untilMs: number,
  seed: string,
): ScriptVariant {
  const random = seededRandom(seed);
  // The same tasks of high priority at the same times, whatever else arrives.
  const urgent = arrivals(highPerS, untilMs, random.fork("high")).map((at, index) => ({
    at,
    task: sleeping(`high-${index}.task`, floodTaskMs, { priority: high }),
  }));
  // Enough that nobody is idle from the beginning: where somebody is, a flood cannot add to a wait, it makes it.
  const backlogged = Array.from({ length: 10 * floodWorkers }, (_, index) => ({
    at: 0,
    task: sleeping(`low-first-${index}.task`, floodTaskMs),
  }));
  const flood = arrivals(times * lowPerS, untilMs, random.fork("low")).map((at, index) => ({
    at,
    task: sleeping(`low-${index}.task`, floodTaskMs),
  }));
  return {
    name,
    script: {
      nodes: 1,
      settings: { workers: floodWorkers, ...settings },
      submissions: oneByOne([...backlogged, ...urgent, ...flood]),
      untilMs,
    },
    probes: [
      waitsOf("high-wait", { isCounted: (task) => groupOf(task) === "high", untilMs }),
      waitsOf("low-wait", { isCounted: (task) => groupOf(task) === "low", untilMs }),
    ],
    ...(implementations === undefined ? {} : { implementations }),
  };
}

function increase(measured: MeasuredVariants): readonly Measurement[] {
  const mean = (variant: string): number => valueOf(measured, variant, "high-wait-mean-ms");
  const by = (calm: string, flood: string): number => mean(flood) / mean(calm) - 1;
  return [
    { metric: "high-wait-increase", value: by("calm", "flood"), unit: "ratio" },
    {
      metric: "high-wait-increase@without-priorities",
      value: by("calm-without-priorities", "flood-without-priorities"),
      unit: "ratio",
    },
  ];
}
