/** Throughput by cluster size, latency by offered load, single operations against batches, and reads. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import type { Variant } from "../../../harness/block-stage.ts";
import { batchTimes, operationTimes, sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import type { Measurement, Probe } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { Plan, KeyWorkloadSpec } from "../../../harness/plan/plan.ts";

/** Synced 256-byte writes over so many keys that none is contended. */
export const writes: KeyWorkloadSpec = {
  ...{ id: "register", valueBytes: 256, keys: 1000, readFraction: 0, casFraction: 0 },
};
export const reads: KeyWorkloadSpec = { ...writes, readFraction: 1 };

/** A closed loop intends no start that could be missed; its generator only must not starve. */
export const closedLoopGeneratorLimitMs = 60;
/** Load before anything is measured: compilers warm up, connections settle. */
export const warmUps: Readonly<Record<Profile, number>> = { smoke: 400, quick: 600, full: 1500 };

/** A closed loop of `clients`, measured for `measuredMs` after the warm-up. */
export function closedLoop(
  profile: Profile,
  clients: number,
  measuredMs: number,
  warmUpMs = warmUps[profile],
): Omit<Partial<Plan>, "seed"> {
  return {
    workload: writes,
    load: { loop: "closed", clients },
    durationMs: warmUpMs + measuredMs,
    warmUpMs,
    deadlineMs: 5000,
    generatorLimitMs: closedLoopGeneratorLimitMs,
  };
}

/** Seconds that a run takes besides its load: processes start, agree and are checked. */
export const overheadS = 1;

const throughputSizes: Readonly<Record<Profile, readonly number[]>> = {
  smoke: [3],
  quick: [1, 3, 5, 7],
  full: [1, 3, 5, 7],
};
const throughputBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 5 };
const throughputMs: Readonly<Record<Profile, number>> = { smoke: 1000, quick: 900, full: 1500 };
/** Minimal keeps its log in memory: its throughput is a yardstick, and a few blocks show it. */
const minimalBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 2 };

export const consensusThroughput: Experiment = {
  id: "consensus-throughput",
  module: "consensus",
  title: "Throughput by cluster size",
  purpose: "How many synced 256-byte writes per second do clusters of 1, 3, 5 and 7 nodes acknowledge (closed loop)?",
  stages: (profile, seed) =>
    Array.from({ length: throughputBlocks[profile] }, (_, block) => {
      const sizes = throughputSizes[profile];
      const implementations = block < minimalBlocks[profile] ? ["minimal", "production"] : ["production"];
      const plan = closedLoop(profile, 64, throughputMs[profile]);
      return seriesStage({
        experiment: "consensus-throughput",
        block,
        label: `clusters of ${sizes.join(", ")} nodes, 64 clients, closed loop`,
        implementations,
        substrate: "cluster",
        seed: `${seed}/throughput/${block}`,
        variants: sizes.map((nodes) => ({
          name: `${nodes}-nodes`,
          plan: planOf({ ...plan, nodes, seed: `${seed}/throughput/${block}/${nodes}` }),
        })),
        probes: [sustainedThroughput],
        relate: (measured) => ratiosToThree(measured, sizes),
        estimateS: sizes.length * implementations.length * ((plan.durationMs ?? 0) / 1000 + overheadS),
        measures: ["throughput", "latency"],
      });
    }),
};

function ratiosToThree(measured: MeasuredVariants, sizes: readonly number[]): readonly Measurement[] {
  const of3 = valueOf(measured, "3-nodes", "throughput-per-s");
  return sizes
    .filter((nodes) => nodes !== 3)
    .map((nodes) => ({
      metric: `throughput-ratio-to-3-nodes@${nodes}-nodes`,
      value: valueOf(measured, `${nodes}-nodes`, "throughput-per-s") / of3,
      unit: "ratio",
    }));
}

/** The measurement of one variant; NaN, which no table takes, when its probe did not measure it. */
export function valueOf(measured: MeasuredVariants, variant: string, metric: string): number {
  return measured.get(variant)?.find((each) => each.metric === metric)?.value ?? Number.NaN;
}

const latencyBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 2 };
const latencyMs: Readonly<Record<Profile, number>> = { smoke: 1000, quick: 1200, full: 2000 };
/** Arrivals per second, up to beyond what two cores take. */
const rates: Readonly<Record<Profile, readonly number[]>> = {
  smoke: [500],
  quick: [500, 2000, 5000, 10_000],
  full: [500, 1000, 2000, 4000, 7000, 12_000],
};
/** Enough that the queue, and not the number of clients, is what an overloaded system shows. */
const openLoopClients = 512;

export function consensusLatencyOf(implementations: readonly string[]): Experiment {
  return {
    id: "consensus-latency",
    module: "consensus",
    title: "Latency against offered load",
    purpose: "How long do synced 256-byte writes take from their intended start, from a light load up to saturation?",
    stages: (profile, seed) =>
      Array.from({ length: latencyBlocks[profile] }, (_, block) => {
        const warmUpMs = warmUps[profile];
        const durationMs = warmUpMs + latencyMs[profile];
        return seriesStage({
          experiment: "consensus-latency",
          block,
          label: `3 nodes, ${rates[profile].join(", ")} arrivals/s, open loop`,
          implementations,
          substrate: "cluster",
          seed: `${seed}/latency/${block}`,
          variants: rates[profile].map((ratePerS) => ({
            name: `${ratePerS}-per-s`,
            plan: planOf({
              seed: `${seed}/latency/${block}/${ratePerS}`,
              workload: writes,
              load: { loop: "open", clients: openLoopClients, ratePerS },
              durationMs,
              warmUpMs,
              deadlineMs: 5000,
              // Past saturation arrivals wait for longer than the load lasts; that is what the figure shows.
              mayDropArrivals: true,
              generatorLimitMs: closedLoopGeneratorLimitMs,
            }),
          })),
          estimateS: rates[profile].length * implementations.length * (durationMs / 1000 + overheadS),
          measures: ["latency", "throughput"],
        });
      }),
  };
}

const batchBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 3, full: 8 };
const batchMs: Readonly<Record<Profile, number>> = { smoke: 500, quick: 500, full: 1000 };

export const consensusBatches: Experiment = {
  id: "consensus-batches",
  module: "consensus",
  title: "One entry and a batch of a hundred",
  purpose: "How long does one synced 256-byte write take, and how much longer a hundred submitted together?",
  stages: (profile, seed) =>
    Array.from({ length: batchBlocks[profile] }, (_, block) => {
      const variants: readonly Variant[] = [
        {
          name: "single",
          plan: planOf({ ...closedLoop(profile, 1, batchMs[profile]), seed: `${seed}/single/${block}` }),
        },
        {
          name: "batch-of-100",
          plan: planOf({
            ...closedLoop(profile, 100, batchMs[profile]),
            load: { loop: "batch", clients: 100 },
            seed: `${seed}/batch/${block}`,
          }),
        },
      ];
      return seriesStage({
        experiment: "consensus-batches",
        block,
        label: "3 nodes, single writes and batches of 100",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/batches/${block}`,
        variants,
        probes: [singleOrBatch],
        relate: (measured) => [
          {
            metric: "batch-of-100-to-single",
            value: valueOf(measured, "batch-of-100", "batch-p50-ms") / valueOf(measured, "single", "operation-p50-ms"),
            unit: "ratio",
          },
        ],
        estimateS: 2 * (batchMs[profile] / 1000 + 0.6 + overheadS),
      });
    }),
};

const singleOrBatch: Probe = (block) => (block.plan.load.loop === "batch" ? batchTimes(block) : operationTimes(block));

const readBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 6 };
const readMs: Readonly<Record<Profile, number>> = { smoke: 300, quick: 500, full: 1500 };

export const consensusReads: Experiment = {
  id: "consensus-reads",
  module: "consensus",
  title: "Reads of a single client",
  purpose: "How long does a read take whose leader asks a majority whether it still leads, and one under a lease?",
  stages: (profile, seed) =>
    Array.from({ length: readBlocks[profile] }, (_, block) => {
      const plan = { ...closedLoop(profile, 1, readMs[profile]), workload: reads };
      return seriesStage({
        experiment: "consensus-reads",
        block,
        label: "3 nodes, one client that reads",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/reads/${block}`,
        variants: [false, true].map((leaseReads) => ({
          name: leaseReads ? "lease" : "read-index",
          plan: planOf({ ...plan, settings: { leaseReads }, seed: `${seed}/reads/${block}/${leaseReads}` }),
        })),
        probes: [operationTimes],
        estimateS: 2 * ((plan.durationMs ?? 0) / 1000 + overheadS),
      });
    }),
};
