/** What waits for what: chains of tasks, dependencies from one home to another, and the order of priorities. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { attemptsOf } from "../../../harness/measure/attempts.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import { completionTime, dependenciesKept } from "../../../harness/measure/scheduler-probes.ts";
import type { ScheduleProbe } from "../../../harness/measure/scheduler-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import type { Submission, TaskScript } from "../../../harness/plan/task-script.ts";
import { taskScriptStage } from "../../../harness/task-script-stage.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import type { TaskSpec } from "../../../implementations/scheduler/contract.ts";
import { limits } from "../../../implementations/scheduler/contract.ts";
import { valueOf } from "../consensus/performance.ts";
import { groupOf, sleeping } from "./scripts.ts";

const both = ["minimal", "production"] as const;
type OfProfile<Value> = Readonly<Record<Profile, Value>>;

const depths = [10, 50, 100, 500] as const;
const linkMs = 1000;
/** Then the chain goes on in another job, which mostly has another home. */
const linksOfJob = 25;
const cycleLengths = [1, 2, 3, 4, 10, 100, limits.tasks] as const;

export const schedulerChains: Experiment = {
  id: "scheduler-chains",
  module: "scheduler",
  title: "Chains of dependencies, and cycles",
  purpose:
    "How long do chains of 10 to 500 tasks of a second take in virtual time, over the homes of three nodes, is their " +
    "order kept, and is a cycle of any length refused?",
  stages: (_profile, seed) => [
    taskScriptStage({
      experiment: "scheduler-chains",
      block: 0,
      label: `chains of ${depths.join(", ")} tasks; cycles (simulated)`,
      implementations: both,
      substrate: "simulated",
      seed: `${seed}/chains`,
      estimateS: 1.5,
      variants: [
        ...depths.map((depth) => ({
          name: `depth-${depth}`,
          script: chain(depth),
          probes: [completionTime, dependenciesKept],
        })),
        { name: "cycles", script: cycles(), probes: [] },
      ],
      relate: (measured) => [linearity(measured)],
    }),
  ],
};

function chain(depth: number): TaskScript {
  const idOf = (link: number): string => `chain-${Math.floor(link / linksOfJob)}.link-${link}`;
  const links = Array.from({ length: depth }, (_, link) =>
    sleeping(idOf(link), linkMs, link === 0 ? {} : { dependencies: [idOf(link - 1)] }),
  );
  const jobs = Array.from({ length: Math.ceil(depth / linksOfJob) }, (_, job): Submission => ({
    at: "answered",
    tasks: links.slice(job * linksOfJob, (job + 1) * linksOfJob),
  }));
  return { nodes: 3, settings: { workers: 2 }, submissions: jobs };
}

/** Each a submission of its own: only tasks of one can wait for each other in a circle. */
function cycles(): TaskScript {
  const submissions = cycleLengths.map((length): Submission => {
    const idOf = (index: number): string => `cycle-${length}.${index % length}`;
    const tasks = Array.from({ length }, (_, index) => sleeping(idOf(index), 1, { dependencies: [idOf(index + 1)] }));
    return { at: "answered", tasks, refusedWith: "DEPENDENCY_CYCLE" };
  });
  return { nodes: 3, settings: { workers: 2 }, submissions };
}

/** R² of the straight line that fits completion against depth best. */
function linearity(measured: MeasuredVariants): Measurement {
  const points = depths.map((depth) => ({ x: depth, y: valueOf(measured, `depth-${depth}`, "completion-s") }));
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const covariance = mean(points.map(({ x, y }) => (x - meanX) * (y - meanY)));
  const varianceX = mean(points.map(({ x }) => (x - meanX) ** 2));
  const varianceY = mean(points.map(({ y }) => (y - meanY) ** 2));
  return { metric: "chain-linearity", value: covariance ** 2 / (varianceX * varianceY), unit: "ratio" };
}

const homeBlocks: OfProfile<number> = { smoke: 1, quick: 2, full: 10 };
const jobs = 12;
const tasksOfJob = 20;

export const schedulerHomes: Experiment = {
  id: "scheduler-homes",
  module: "scheduler",
  title: "Dependencies from one scheduler to another",
  purpose: "On how many schedulers do tasks of one graph live, and is every dependency kept from one to another?",
  stages: (profile, seed) =>
    Array.from({ length: homeBlocks[profile] }, (_, block) =>
      taskScriptStage({
        experiment: "scheduler-homes",
        block,
        label: `${jobs} jobs that depend on each other, three nodes (simulated)`,
        implementations: both,
        substrate: "simulated",
        seed: `${seed}/homes/${block}`,
        estimateS: 0.2,
        variants: [{ name: "", script: entangled(`${seed}/homes/${block}`), probes: [dependenciesKept] }],
      }),
    ),
};

/** Every task waits for up to three earlier ones, of any job. */
function entangled(seed: string): TaskScript {
  const random = seededRandom(seed).fork("graph");
  const earlier: string[] = [];
  const submissions = Array.from({ length: jobs }, (_, job): Submission => {
    const tasks = Array.from({ length: tasksOfJob }, (__, index): TaskSpec => {
      const id = `job-${job}.${index}`;
      const dependencies = new Set<string>();
      for (let draw = random.below(4); draw > 0 && earlier.length > 0; draw--) {
        dependencies.add(earlier[random.below(earlier.length)] ?? "");
      }
      earlier.push(id);
      return sleeping(id, 5 + random.below(30), { dependencies: [...dependencies] });
    });
    return { at: "answered", tasks };
  });
  return { nodes: 3, settings: { workers: 2 }, submissions };
}

const ofLevel = 100;
const levels = { low: 0, medium: 5, high: 9 } as const;

export const schedulerPriorities: Experiment = {
  id: "scheduler-priorities",
  module: "scheduler",
  title: "300 tasks in reverse order of priority",
  purpose:
    "When 100 tasks each of low, medium and high priority are submitted in this order, which are the first to run?",
  stages: (_profile, seed) => [
    taskScriptStage({
      experiment: "scheduler-priorities",
      block: 0,
      label: "low, medium, high, on one worker (simulated)",
      implementations: both,
      substrate: "simulated",
      seed: `${seed}/priorities`,
      estimateS: 0.1,
      variants: [{ name: "", script: reversed(), probes: [highAmongFirst] }],
    }),
  ],
};

/** All are there before the first of them can start. */
function reversed(): TaskScript {
  const first = sleeping("first.task", 1000, { priority: limits.priority });
  const submissions = Object.entries(levels).map(([level, priority]): Submission => ({
    at: "answered",
    tasks: Array.from({ length: ofLevel }, (_, index) => sleeping(`${level}.${index}`, 1, { priority })),
  }));
  return { nodes: 1, settings: { workers: 1 }, submissions: [{ at: 0, tasks: [first] }, ...submissions] };
}

const highAmongFirst: ScheduleProbe = ({ trace }) => {
  const started = attemptsOf(trace).filter(({ task, isFirst }) => isFirst && groupOf(task) !== "first");
  const high = started.slice(0, ofLevel).filter(({ task }) => groupOf(task) === "high").length;
  return [{ metric: "high-among-first-100", value: high, unit: "count" }];
};
