/** How long the pure operations under everything else take on this machine. */

import type { Measurement } from "../../harness/measure/probes.ts";
import { microbenchStage, relatedMicrobenchStage } from "../../harness/microbench-stage.ts";
import type { Experiment, Profile } from "../../harness/plan/experiment.ts";
import { inProcessTasks, microbenchTasks, schedulingTasks, shardingTasks } from "../microbench/tasks.ts";

export const microbench: Experiment = {
  id: "microbench",
  module: "all",
  title: "Micro-benchmarks of pure operations",
  purpose: "What do checksums, random numbers, messages, and a store of three replicas in memory cost by themselves?",
  // A smoke run has no time for numbers that no claim is judged by.
  stages: (profile) => (profile === "smoke" ? [] : microbenchTasks.map((task) => microbenchStage(task))),
};

const inProcessBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 3, full: 8 };
/** A thousand entries take several milliseconds: a sample is one of them. */
const sampling: Readonly<Record<Profile, number>> = { smoke: 100, quick: 200, full: 1000 };

export const consensusInProcess: Experiment = {
  id: "consensus-in-process",
  module: "consensus",
  title: "Minimal consensus within one process",
  purpose:
    "What do an election among 3, 5 and 7 nodes and the replication of 100 and 1000 entries cost as function calls?",
  stages: (profile) =>
    Array.from({ length: inProcessBlocks[profile] }, (_, block) =>
      relatedMicrobenchStage({
        experiment: "consensus-in-process",
        block,
        label: "elections and replication as function calls",
        implementation: "minimal",
        tasks: Object.values(inProcessTasks),
        sampling: { measureMs: sampling[profile], sampleMs: 1 },
        relate: inProcessMeasurements,
      }),
    ),
};

export const storageInProcess: Experiment = {
  id: "storage-in-process",
  module: "storage",
  title: "Shards of minimal storage within one process",
  purpose: "What do 16 and 256 shards add to a put and a get on three replicas as function calls?",
  stages: (profile) =>
    Array.from({ length: inProcessBlocks[profile] }, (_, block) =>
      relatedMicrobenchStage({
        experiment: "storage-in-process",
        block,
        label: "puts and gets over 1, 16 and 256 shards as function calls",
        implementation: "minimal",
        tasks: Object.values(shardingTasks),
        sampling: { measureMs: sampling[profile], sampleMs: 1 },
        relate: shardingMeasurements,
      }),
    ),
};

const schedulingBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 2, full: 6 };

export const schedulerInProcess: Experiment = {
  id: "scheduler-in-process",
  module: "scheduler",
  title: "Minimal scheduling within one process",
  purpose:
    "What does it cost to take 1000 tasks in, to choose the next one, and to be told of its end, as function calls?",
  stages: (profile) =>
    Array.from({ length: schedulingBlocks[profile] }, (_, block) =>
      relatedMicrobenchStage({
        experiment: "scheduler-in-process",
        block,
        label: "submissions, starts and ends as function calls",
        implementation: "minimal",
        tasks: Object.values(schedulingTasks),
        sampling: { measureMs: sampling[profile], sampleMs: 1 },
        relate: schedulingMeasurements,
      }),
    ),
};

function schedulingMeasurements(p50Ns: ReadonlyMap<string, number>): readonly Measurement[] {
  const ms = ({ id }: { readonly id: string }): number => (p50Ns.get(id) ?? Number.NaN) / 1e6;
  const { cycle, submit1000, process1000, reversed300 } = schedulingTasks;
  return [
    { metric: "cycles-per-s", value: 1000 / ms(cycle), unit: "tasks/s" },
    // Of one task: 1000 microseconds in a millisecond, 1000 tasks.
    { metric: "submit-us", value: ms(submit1000), unit: "us" },
    // What is left of their whole way once they are taken in.
    { metric: "schedule-us", value: ms(process1000) - ms(submit1000), unit: "us" },
    { metric: "submit-ms@1000-tasks", value: ms(submit1000), unit: "ms" },
    { metric: "process-ms@1000-tasks", value: ms(process1000), unit: "ms" },
    // The benchmark itself fails when the first hundred that run are not the hundred high ones.
    { metric: "reversed-ms@300-tasks", value: ms(reversed300), unit: "ms" },
  ];
}

function shardingMeasurements(p50Ns: ReadonlyMap<string, number>): readonly Measurement[] {
  const us = ({ id }: { readonly id: string }): number => (p50Ns.get(id) ?? Number.NaN) / 1000;
  const { over1Shard, over16Shards, over256Shards } = shardingTasks;
  const overhead = (task: { readonly id: string }): number => us(task) / us(over1Shard) - 1;
  return [
    { metric: "put-and-get-us@1-shard", value: us(over1Shard), unit: "us" },
    { metric: "sharding-overhead@16-shards", value: overhead(over16Shards), unit: "ratio" },
    { metric: "sharding-overhead@256-shards", value: overhead(over256Shards), unit: "ratio" },
  ];
}

function inProcessMeasurements(p50Ns: ReadonlyMap<string, number>): readonly Measurement[] {
  const us = ({ id }: { readonly id: string }): number => (p50Ns.get(id) ?? Number.NaN) / 1000;
  const { electionOf3, electionOf5, electionOf7, replicationOf100, replicationOf1000 } = inProcessTasks;
  const time = (metric: string, value: number): Measurement => ({ metric, value, unit: "us" });
  const ratio = (metric: string, value: number): Measurement => ({ metric, value, unit: "ratio" });
  return [
    time("election-us@3-nodes", us(electionOf3)),
    time("election-us@5-nodes", us(electionOf5)),
    time("election-us@7-nodes", us(electionOf7)),
    ratio("election-ratio@5-nodes", us(electionOf5) / us(electionOf3)),
    ratio("election-ratio@7-nodes", us(electionOf7) / us(electionOf3)),
    time("replication-us@100-entries", us(replicationOf100)),
    time("replication-us@1000-entries", us(replicationOf1000)),
    ratio("replication-ratio@1000-to-100", us(replicationOf1000) / us(replicationOf100)),
  ];
}
