/** Who gets the workers: tenants by their shares, urgent tasks by preemption, idle workers by stealing. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import {
  imbalance,
  preemptions,
  sharesOf,
  sharesOverTime,
  virtualTimeSpread,
  waitsOf,
  workDone,
} from "../../../harness/measure/scheduler-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import type { TaskScript } from "../../../harness/plan/task-script.ts";
import { taskScriptStage } from "../../../harness/task-script-stage.ts";
import type { ScriptVariant } from "../../../harness/task-script-stage.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { valueOf } from "../consensus/performance.ts";
import { backlog, groupOf, merged, named, oneByOne, sleeping } from "./scripts.ts";

const both = ["minimal", "production"] as const;
type OfProfile<Value> = Readonly<Record<Profile, Value>>;

const workers = 4;
const tenants = "flood:1,second:1,third:2";
const second = { atMs: 3000, tasks: 450 } as const;
const third = { atMs: 6000, tasks: 250 } as const;
/** The third tenant has got all it wants at about 11 s. */
const shownMs = 9000;
/** Everybody's shares settle within some tasks' time. */
const settleMs = 300;
const contended = { fromMs: second.atMs + settleMs, toMs: third.atMs } as const;
const weighted = { fromMs: third.atMs + settleMs, toMs: shownMs } as const;
const equals = { ownerOf: groupOf, weights: { flood: 1, second: 1 } } as const;
const all = { ownerOf: groupOf, weights: { flood: 1, second: 1, third: 2 } } as const;

const tenantBlocks: OfProfile<number> = { smoke: 1, quick: 3, full: 12 };

export const schedulerTenants: Experiment = {
  id: "scheduler-tenants",
  module: "scheduler",
  title: "Tenants beside a flood",
  purpose:
    "What does a tenant get of the workers in virtual time, when another has flooded them before, of equal weight and " +
    "of twice the weight?",
  stages: (profile, seed) =>
    Array.from({ length: tenantBlocks[profile] }, (_, block) => {
      const blockSeed = `${seed}/tenants/${block}`;
      return taskScriptStage({
        experiment: "scheduler-tenants",
        block,
        label: "a flood, then a second tenant, then a third of twice the weight (simulated)",
        implementations: both,
        substrate: "simulated",
        seed: blockSeed,
        estimateS: 1,
        variants: [
          {
            name: "",
            script: tenantScript(blockSeed),
            probes: [
              named("contended", sharesOf(equals, contended)),
              named("contended", virtualTimeSpread(equals, contended)),
              named("weighted", sharesOf(all, weighted)),
              named("weighted", virtualTimeSpread(all, weighted)),
            ],
            timeline: sharesOverTime(groupOf, 250, shownMs),
          },
        ],
      });
    }),
};

function tenantScript(seed: string): TaskScript {
  const random = seededRandom(seed).fork("durations");
  const of = (tenant: string) => (id: string) => sleeping(id, 20 + random.below(41), { tenant });
  return {
    nodes: 1,
    settings: { workers, "production.tenants": tenants },
    submissions: merged(
      backlog("flood", 0, 1500, of("flood")),
      backlog("second", second.atMs, second.tasks, of("second")),
      backlog("third", third.atMs, third.tasks, of("third")),
    ),
    untilMs: shownMs,
  };
}

const checkpointMs = 10;
const longMs = 2000;
const urgentMs = 15;
const preemptionBlocks: OfProfile<number> = { smoke: 1, quick: 2, full: 10 };

export const schedulerPreemption: Experiment = {
  id: "scheduler-preemption",
  module: "scheduler",
  title: "Urgent tasks while long ones run",
  purpose: "How long does an urgent task wait in virtual time, when tasks of 2 s of low priority hold every worker?",
  stages: (profile, seed) =>
    Array.from({ length: preemptionBlocks[profile] }, (_, block) => {
      const blockSeed = `${seed}/preemption/${block}`;
      return taskScriptStage({
        experiment: "scheduler-preemption",
        block,
        label: "urgent tasks among tasks of 2 s with checkpoints (simulated)",
        implementations: both,
        substrate: "simulated",
        seed: blockSeed,
        estimateS: 0.1,
        variants: [
          {
            name: "",
            script: urgentScript(blockSeed),
            probes: [
              waitsOf("urgent-wait", { isCounted: (task) => groupOf(task) === "urgent" }),
              preemptions,
              workDone((task) => (groupOf(task) === "urgent" ? urgentMs : longMs)),
            ],
          },
        ],
      });
    }),
};

function urgentScript(seed: string): TaskScript {
  const random = seededRandom(seed).fork("urgent");
  const urgent = Array.from({ length: 25 }, (_, index) => ({
    at: 100 + index * 70 + random.below(60),
    task: sleeping(`urgent-${index}.task`, urgentMs, { priority: 9 }),
  }));
  const long = backlog("long", 0, 3 * workers, (id) => ({
    id,
    body: { kind: "sleep", ms: longMs, checkpointMs },
  }));
  return { nodes: 1, settings: { workers }, submissions: merged(long, oneByOne(urgent)) };
}

export const schedulerGantt: Experiment = {
  id: "scheduler-gantt",
  module: "scheduler",
  title: "One run, attempt by attempt",
  purpose: "Which task runs on which worker from when to when, when three tenants want more than there is?",
  stages: (_profile, seed) => [
    taskScriptStage({
      experiment: "scheduler-gantt",
      block: 0,
      label: "three tenants, four workers, two seconds (simulated)",
      implementations: both,
      substrate: "simulated",
      seed: `${seed}/gantt`,
      estimateS: 0.2,
      variants: [{ name: "", script: ganttScript(`${seed}/gantt`), probes: [preemptions], keepsAttempts: true }],
    }),
  ],
};

/** Long tasks of a flood; a second tenant that comes later; and an urgent task of the flood's own now and then. */
function ganttScript(seed: string): TaskScript {
  const random = seededRandom(seed).fork("durations");
  const of = (tenant: string, fromMs: number, toMs: number, priority: number) => (id: string) => ({
    ...{ id, tenant, priority },
    body: { kind: "sleep" as const, ms: fromMs + random.below(toMs - fromMs), checkpointMs },
  });
  const urgent = [650, 1150, 1500].map((at, index) => ({ at, task: of("flood", 60, 90, 9)(`urgent-${index}.task`) }));
  return {
    nodes: 1,
    settings: { workers, "production.tenants": tenants, "production.quantumMs": 150 },
    submissions: merged(
      backlog("flood", 0, 24, of("flood", 180, 520, 0)),
      backlog("second", 400, 16, of("second", 60, 160, 0)),
      backlog("third", 900, 16, of("third", 60, 160, 0)),
      oneByOne(urgent),
    ),
    untilMs: 2000,
  };
}

const splits = [
  [90, 10],
  [80, 20],
  [70, 30],
] as const;
const balancedTasks = 400;

export const schedulerBalance: Experiment = {
  id: "scheduler-balance",
  module: "scheduler",
  title: "Uneven lanes with and without stealing",
  purpose:
    "How unevenly do two workers work in virtual time, when 90, 80 or 70 % of all tasks wait in the lane of one of them, " +
    "and how much of that does stealing take away?",
  stages: (_profile, seed) => [
    taskScriptStage({
      experiment: "scheduler-balance",
      block: 0,
      label: `lanes of ${splits.map((split) => split.join("/")).join(", ")} (simulated)`,
      implementations: ["production"],
      substrate: "simulated",
      seed: `${seed}/balance`,
      estimateS: 0.5,
      variants: splits.flatMap(([first, other]) =>
        [true, false].map((stealing) => balanceVariant(first, other, stealing, `${seed}/balance`)),
      ),
      relate: reductions,
    }),
  ],
};

function splitName(first: number, other: number, stealing: boolean): string {
  return `${first}-${other}-${stealing ? "stealing" : "no-stealing"}`;
}

function balanceVariant(first: number, other: number, stealing: boolean, seed: string): ScriptVariant {
  const random = seededRandom(seed).fork("durations");
  const inFirst = (balancedTasks * first) / 100;
  return {
    name: splitName(first, other, stealing),
    script: {
      nodes: 1,
      settings: { workers: 2, "production.stealing": stealing },
      submissions: backlog("lane", 0, balancedTasks, (id, index) =>
        sleeping(id, 5 + random.below(11), { affinity: index < inFirst ? 0 : 1 }),
      ),
    },
    probes: [imbalance(2)],
  };
}

function reductions(measured: MeasuredVariants): readonly Measurement[] {
  return splits.map(([first, other]) => {
    const [stolen, uneven] = [true, false].map((stealing) =>
      valueOf(measured, splitName(first, other, stealing), "imbalance"),
    );
    const value = 1 - (stolen ?? Number.NaN) / (uneven ?? Number.NaN);
    return { metric: `imbalance-reduction@${first}-${other}`, value, unit: "ratio" };
  });
}
