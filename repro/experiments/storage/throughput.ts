/** Stores of several sizes, in batches, and beside the systems they are measured against. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import type { Variant } from "../../../harness/block-stage.ts";
import { batchTimes, operationTimes, sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import { writeAmplification } from "../../../harness/measure/storage-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { closedLoop, overheadS, valueOf, warmUps } from "../consensus/performance.ts";
import { puts, storageLoop } from "./loads.ts";

const sizes: Readonly<Record<Profile, readonly number[]>> = { smoke: [3], quick: [1, 3, 5, 7], full: [1, 3, 5, 7] };
const sizeBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
const sizeMs: Readonly<Record<Profile, number>> = { smoke: 800, quick: 600, full: 1200 };

export const storageThroughput: Experiment = {
  id: "storage-throughput",
  module: "storage",
  title: "Throughput of stores by cluster size",
  purpose: "How many synced 256-byte puts per second do stores of 1, 3, 5 and 7 nodes acknowledge at majority?",
  stages: (profile, seed) =>
    Array.from({ length: sizeBlocks[profile] }, (_, block) => {
      const plan = storageLoop(profile, 64, sizeMs[profile]);
      const ofProfile = sizes[profile];
      return seriesStage({
        experiment: "storage-throughput",
        block,
        label: `stores of ${ofProfile.join(", ")} nodes, 64 clients, closed loop`,
        implementations: block === 0 ? ["minimal", "production"] : ["production"],
        substrate: "cluster",
        seed: `${seed}/throughput/${block}`,
        variants: ofProfile.map((nodes) => ({
          name: `${nodes}-nodes`,
          plan: planOf({ ...plan, nodes, seed: `${seed}/throughput/${block}/${nodes}` }),
        })),
        probes: [sustainedThroughput],
        relate: (measured) => ratiosToThree(measured, ofProfile),
        estimateS: ofProfile.length * ((plan.durationMs ?? 0) / 1000 + overheadS) * (block === 0 ? 2 : 1),
        measures: ["throughput", "latency"],
      });
    }),
};

function ratiosToThree(measured: MeasuredVariants, ofProfile: readonly number[]): readonly Measurement[] {
  const of3 = valueOf(measured, "3-nodes", "throughput-per-s");
  return ofProfile
    .filter((nodes) => nodes !== 3)
    .map((nodes) => ({
      metric: `throughput-ratio-to-3-nodes@${nodes}-nodes`,
      value: valueOf(measured, `${nodes}-nodes`, "throughput-per-s") / of3,
      unit: "ratio",
    }));
}

const comparedBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 2, full: 5 };
const comparedMs: Readonly<Record<Profile, number>> = { smoke: 500, quick: 1000, full: 1500 };

/** Production at majority and at one, single servers as yardsticks, and etcd's synced writes, in one block. */
export const storageComparison: Experiment = {
  id: "storage-comparison",
  module: "storage",
  title: "Stores side by side with etcd, PostgreSQL and Redis",
  purpose:
    "How do synced 256-byte puts of 64 clients on three nodes compare with etcd's writes, and with single servers that " +
    "replicate nothing?",
  stages: (profile, seed) =>
    Array.from({ length: comparedBlocks[profile] }, (_, block) => {
      const blockSeed = `${seed}/storage-comparison/${block}`;
      const variants = comparedVariants(profile, blockSeed);
      const runs = variants.reduce((sum, { implementations = [] }) => sum + implementations.length, 0);
      return seriesStage({
        experiment: "storage-comparison",
        block,
        label: "64 writers: production, etcd, PostgreSQL, Redis",
        implementations: ["production"],
        substrate: "cluster",
        seed: blockSeed,
        variants,
        probes: [sustainedThroughput, operationTimes],
        estimateS: runs * ((comparedMs[profile] + warmUps[profile]) / 1000 + overheadS),
        measures: ["throughput", "latency"],
      });
    }),
};

function comparedVariants(profile: Profile, seed: string): readonly Variant[] {
  const loop = storageLoop(profile, 64, comparedMs[profile]);
  const atOne = { ...loop, workload: { ...puts, level: "one" as const } };
  const plain = { ...closedLoop(profile, 64, comparedMs[profile]), settings: { "etcd.tls": false } };
  return [
    { name: "put-majority", plan: planOf({ ...loop, seed: `${seed}/majority` }), implementations: ["production"] },
    { name: "put-one", plan: planOf({ ...atOne, seed: `${seed}/one` }), implementations: ["production"] },
    {
      name: "put-single-server",
      plan: planOf({ ...loop, seed: `${seed}/single` }),
      implementations: ["postgresql", "redis"],
    },
    {
      name: "etcd-writes",
      plan: planOf({ ...closedLoop(profile, 64, comparedMs[profile]), seed: `${seed}/etcd` }),
      implementations: ["etcd"],
    },
    { name: "etcd-writes-plain", plan: planOf({ ...plain, seed: `${seed}/etcd-plain` }), implementations: ["etcd"] },
  ];
}

const batchBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 2, full: 5 };
const batchMs: Readonly<Record<Profile, number>> = { smoke: 400, quick: 500, full: 1000 };

export const storageBatches: Experiment = {
  id: "storage-batches",
  module: "storage",
  title: "Single puts against batches of 100",
  purpose: "What does a put cost alone, and what in a batch of a hundred that are submitted at once?",
  stages: (profile, seed) =>
    Array.from({ length: batchBlocks[profile] }, (_, block) => {
      const variants = [1, 100].map((size) => {
        const plan = storageLoop(profile, size, batchMs[profile]);
        const load = { loop: "batch", clients: size } as const;
        return { name: `${size}-puts`, plan: planOf({ ...plan, load, seed: `${seed}/batches/${block}/${size}` }) };
      });
      return seriesStage({
        experiment: "storage-batches",
        block,
        label: "1 put and 100 puts at once",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/batches/${block}`,
        variants,
        probes: [batchTimes],
        relate: efficiency,
        estimateS: 2 * ((batchMs[profile] + warmUps[profile]) / 1000 + overheadS),
      });
    }),
};

/** The part of the time of a hundred single puts that submitting them at once saves. */
function efficiency(measured: MeasuredVariants): readonly Measurement[] {
  const single = valueOf(measured, "1-puts", "batch-p50-ms");
  const batch = valueOf(measured, "100-puts", "batch-p50-ms");
  return [{ metric: "batch-efficiency", value: 1 - batch / (100 * single), unit: "ratio" }];
}

const amplificationBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
const amplificationMs: Readonly<Record<Profile, number>> = { smoke: 1000, quick: 4000, full: 10_000 };

export const storageAmplification: Experiment = {
  id: "storage-amplification",
  module: "storage",
  title: "Bytes written per byte",
  purpose: "How many bytes do three replicas give their devices for each byte of an acknowledged 4 KiB value?",
  stages: (profile, seed) =>
    Array.from({ length: amplificationBlocks[profile] }, (_, block) => {
      const plan = storageLoop(profile, 16, amplificationMs[profile], 0);
      return seriesStage({
        experiment: "storage-amplification",
        block,
        label: "4 KiB puts on three nodes",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/amplification/${block}`,
        variants: [
          {
            name: "4-kib",
            plan: planOf({
              ...plan,
              workload: { ...puts, valueBytes: 4096, keys: 5000 },
              seed: `${seed}/amplification/${block}`,
            }),
          },
        ],
        probes: [writeAmplification],
        estimateS: amplificationMs[profile] / 1000 + overheadS,
      });
    }),
};
