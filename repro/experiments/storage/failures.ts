/** Stores whose nodes are killed, whose disks fail or are slow, and whose members change while clients write. */

import { blockStage } from "../../../harness/block-stage.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import { lostWrites } from "../../../harness/measure/lost-writes.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import { damagedRecords, latencyAround } from "../../../harness/measure/storage-probes.ts";
import { backgroundOverTime, latencyOverTime } from "../../../harness/measure/storage-timelines.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec } from "../../../harness/plan/plan.ts";
import { overheadS, valueOf } from "../consensus/performance.ts";
import { inTurn, mixed, puts, storageLoop } from "./loads.ts";

const killBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 3 };
const killMs: Readonly<Record<Profile, number>> = { smoke: 2400, quick: 8000, full: 20_000 };

export const storageKills: Experiment = {
  id: "storage-kills",
  module: "storage",
  title: "Kill storms on a store",
  purpose:
    "Is an acknowledged write ever lost while nodes of a real store are killed again and again, also two at a time?",
  stages: (profile, seed) =>
    Array.from({ length: killBlocks[profile] }, (_, block) => {
      const durationMs = killMs[profile];
      return blockStage({
        experiment: "storage-kills",
        block,
        label: `SIGKILL every 700 ms for ${durationMs / 1000} s`,
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          module: "storage",
          seed: `${seed}/kills/${block}`,
          nodes: 3,
          workload: { ...puts, valueBytes: 64, keys: 200, readFraction: 0.3 },
          // A write that was under way to a killed node keeps its client until the deadline.
          load: { loop: "open", clients: 200, ratePerS: 200 },
          durationMs,
          deadlineMs: 800,
          generatorLimitMs: 500,
          faults: killStorm(durationMs),
          convergenceMs: 30_000,
        }),
        estimateS: durationMs / 1000 + 4,
        probes: [lostWrites, damagedRecords],
        measures: ["throughput"],
        windowS: 0.1,
      });
    }),
};

/** One node at a time, every fourth time two, and at the end all. */
function killStorm(durationMs: number): FaultSpec[] {
  const storm = inTurn(["kill"], durationMs - 1200, 700).map((fault, index) => ({
    ...fault,
    target: index % 4 === 3 ? ("majority" as const) : fault.target,
  }));
  return [...storm, { kind: "kill", target: "all", placement: { at: "time", ms: durationMs - 1000 }, durationMs: 300 }];
}

const diskBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 3 };
const diskMs: Readonly<Record<Profile, number>> = { smoke: 1500, quick: 4000, full: 6000 };

/** Writes fail on every node for the whole load; reads on one node, which is restarted so that it has to read. */
function diskErrors(probability: number, durationMs: number): FaultSpec[] {
  const parameters = { probability };
  return [
    { kind: "write-error", target: "all", placement: { at: "time", ms: 0 }, durationMs, parameters },
    {
      ...{ kind: "read-error", target: "one", durationMs: durationMs * 0.8, parameters },
      placement: { at: "time", ms: durationMs * 0.1 },
    },
  ];
}

export const storageDiskErrors: Experiment = {
  id: "storage-disk-errors",
  module: "storage",
  title: "A store whose disks fail now and then, and fill up",
  purpose:
    "With 1 % and 5 % of reads and writes failing on every node, and with a full disk, is anything damaged or lost?",
  stages: (profile, seed) => {
    const durationMs = diskMs[profile];
    const full: FaultSpec = {
      kind: "full",
      target: "one",
      placement: { at: "time", ms: durationMs * 0.3 },
      durationMs: durationMs * 0.4,
    };
    const faultsOf = {
      "1-percent": diskErrors(0.01, durationMs),
      "5-percent": diskErrors(0.05, durationMs),
      full: [full],
    };
    return Array.from({ length: diskBlocks[profile] }, (_, block) =>
      seriesStage({
        experiment: "storage-disk-errors",
        block,
        label: "1 % and 5 % of disk operations fail; a disk is full",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/disk-errors/${block}`,
        variants: Object.entries(faultsOf).map(([name, faults]) => ({
          name,
          plan: planOf({
            module: "storage",
            seed: `${seed}/disk-errors/${block}/${name}`,
            workload: { ...mixed, keys: 50 },
            load: { loop: "open", clients: 300, ratePerS: 500 },
            durationMs,
            deadlineMs: 1500,
            generatorLimitMs: 500,
            faults,
            everyFaultMustAct: false,
            // A small cache, so that records are read from the disk again.
            settings: { recordCacheBytes: 4000 },
          }),
        })),
        estimateS: 3 * (durationMs / 1000 + overheadS),
        probes: [lostWrites, damagedRecords],
      }),
    );
  },
};

const slowBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 2, full: 5 };
const slowMs: Readonly<Record<Profile, number>> = { smoke: 500, quick: 800, full: 2500 };
/** A synced write takes about 0.4 ms on a disk of today: this makes it about ten times that. */
const extraMs = 3.6;

export const storageSlowDisk: Experiment = {
  id: "storage-slow-disk",
  module: "storage",
  title: "A store on disks that are ten times slower",
  purpose: "How much throughput do 64 clients lose when every write of every node takes ten times as long?",
  stages: (profile, seed) =>
    Array.from({ length: slowBlocks[profile] }, (_, block) => {
      const plan = storageLoop(profile, 64, slowMs[profile]);
      const slow: FaultSpec = {
        kind: "slow",
        target: "all",
        placement: { at: "time", ms: 0 },
        durationMs: plan.durationMs ?? 0,
        parameters: { extraMs },
      };
      return seriesStage({
        experiment: "storage-slow-disk",
        block,
        label: `64 clients, ${extraMs} ms added to every write`,
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/slow/${block}`,
        variants: [
          { name: "fast", plan: planOf({ ...plan, seed: `${seed}/slow/${block}/fast` }) },
          { name: "slow", plan: planOf({ ...plan, faults: [slow], seed: `${seed}/slow/${block}/slow` }) },
        ],
        probes: [sustainedThroughput],
        relate: throughputChange,
        estimateS: 2 * ((plan.durationMs ?? 0) / 1000 + overheadS),
      });
    }),
};

function throughputChange(measured: MeasuredVariants): readonly Measurement[] {
  const [slow, fast] = ["slow", "fast"].map((variant) => valueOf(measured, variant, "throughput-per-s"));
  return [{ metric: "slow-disk-throughput-change", value: (slow ?? 0) / (fast ?? 0) - 1, unit: "ratio" }];
}

const joinBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
const joinMs: Readonly<Record<Profile, number>> = { smoke: 3000, quick: 7000, full: 11_000 };
/** Well below what three nodes and a fourth that is fed can take on two cores. */
const joinRatePerS = 1000;

export const storageJoin: Experiment = {
  id: "storage-join",
  module: "storage",
  title: "A node joins a store while clients write",
  purpose: "What do writers notice while a fourth node is given its share of the keys, and how many keys move?",
  stages: (profile, seed) =>
    Array.from({ length: joinBlocks[profile] }, (_, block) => {
      const durationMs = joinMs[profile];
      return blockStage({
        experiment: "storage-join",
        block,
        label: `a fourth node joins under ${joinRatePerS} writes/s`,
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          module: "storage",
          seed: `${seed}/join/${block}`,
          workload: { ...puts, keys: 5000 },
          load: { loop: "open", clients: 500, ratePerS: joinRatePerS },
          durationMs,
          warmUpMs: 1200,
          deadlineMs: 3000,
          generatorLimitMs: 100,
          faults: [
            {
              kind: "add",
              target: "one",
              placement: { at: "time", ms: durationMs * 0.45 },
              durationMs,
            },
          ],
          convergenceMs: 30_000,
        }),
        estimateS: durationMs / 1000 + 4,
        probes: [latencyAround("rebalance"), lostWrites],
        // About 300 writes in each window: enough for a p99 that is not the slowest write.
        timeline: [latencyOverTime(200), backgroundOverTime],
        measures: ["latency", "throughput"],
        windowS: 0.1,
      });
    }),
};
