/** Schedulers as clients meet them: real processes behind their doors, with a synced journal. */

import { seriesStage } from "../../../harness/block-stage.ts";
import { operationTimes, sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import type { Probe } from "../../../harness/measure/probes.ts";
import { waitsOf } from "../../../harness/measure/scheduler-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { TaskWorkloadSpec } from "../../../harness/plan/plan.ts";
import { closedLoop, overheadS, warmUps } from "../consensus/performance.ts";

const blocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 6 };
/** Fewer tasks than an ended one is remembered for: what is forgotten cannot be checked. */
const measuredMs: Readonly<Record<Profile, number>> = { smoke: 500, quick: 1000, full: 2500 };
const clients = 32;

/** A job is one submission and one sync of the journal, or a part of one. */
const jobs: TaskWorkloadSpec = {
  id: "tasks",
  tasks: { tasksPerJob: 32, isJobFull: true, kinds: [{ share: 1, kind: "spin", ms: 0 }], topPriority: 9 },
};

export const schedulerCluster: Experiment = {
  id: "scheduler-cluster",
  module: "scheduler",
  title: "Empty tasks through the door of real processes",
  purpose:
    "How many empty tasks per second do one process and three accept durably, run and acknowledge, and how long do tasks " +
    "wait for a thread?",
  stages: (profile, seed) =>
    Array.from({ length: blocks[profile] }, (_, block) => {
      const blockSeed = `${seed}/cluster/${block}`;
      return seriesStage({
        experiment: "scheduler-cluster",
        block,
        label: `${clients} clients with jobs of ${jobs.tasks.tasksPerJob} empty tasks, 1 process and 3`,
        implementations: ["production"],
        substrate: "cluster",
        seed: blockSeed,
        variants: [1, 3].map((nodes) => ({
          name: nodes === 1 ? "1-node" : `${nodes}-nodes`,
          plan: planOf({
            ...closedLoop(profile, clients, measuredMs[profile]),
            module: "scheduler",
            seed: `${blockSeed}/${nodes}`,
            nodes,
            workload: jobs,
          }),
        })),
        probes: [sustainedThroughput, tasksPerS, operationTimes, waitsOf("queue-wait")],
        estimateS: 2 * ((measuredMs[profile] + warmUps[profile]) / 1000 + overheadS + 1),
        measures: ["throughput", "latency"],
      });
    }),
};

const tasksPerS: Probe = (block) =>
  sustainedThroughput(block).map(({ value }) => ({
    ...{ metric: "tasks-per-s", value: value * jobs.tasks.tasksPerJob, unit: "tasks/s" },
  }));
