/** Throughput by cluster size, latency under an open load, and both over time while faults strike. */

import { blockStage } from "../../harness/block-stage.ts";
import type { Experiment, Profile } from "../../harness/plan/experiment.ts";
import { planOf } from "../../harness/plan/plan.ts";

const both = ["minimal", "production"] as const;
const writes = { id: "register", valueBytes: 256, keys: 1000, readFraction: 0, casFraction: 0 } as const;

const throughputSizes: Readonly<Record<Profile, readonly number[]>> = {
  smoke: [3],
  quick: [1, 3, 5, 7],
  full: [1, 3, 5, 7],
};
const throughputBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 3, full: 10 };
const throughputMs: Readonly<Record<Profile, number>> = { smoke: 2000, quick: 3000, full: 10_000 };

export const consensusThroughput: Experiment = {
  id: "consensus-throughput",
  module: "consensus",
  title: "Throughput by cluster size",
  purpose: "How many synced 256-byte writes per second do clusters of 1, 3, 5 and 7 nodes acknowledge (closed loop)?",
  stages: (profile, seed) => {
    const sizes = throughputSizes[profile];
    return Array.from({ length: throughputBlocks[profile] * sizes.length }, (_, block) => {
      const nodes = sizes[block % sizes.length] ?? 3;
      const warmUpMs = 1000;
      const durationMs = warmUpMs + throughputMs[profile];
      return blockStage({
        experiment: "consensus-throughput",
        block,
        label: `${nodes} nodes, 64 clients, closed loop`,
        implementations: both,
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/throughput/${block}`,
          nodes,
          workload: writes,
          load: { loop: "closed", clients: 64 },
          durationMs,
          warmUpMs,
          deadlineMs: 5000,
        }),
        estimateS: 2 * (durationMs / 1000 + 3),
        measures: ["throughput", "latency"],
      });
    });
  },
};

const latencyBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 5, full: 20 };
const latencyMs: Readonly<Record<Profile, number>> = { smoke: 2000, quick: 4000, full: 15_000 };

export const consensusLatency: Experiment = {
  id: "consensus-latency",
  module: "consensus",
  title: "Latency under an open load",
  purpose: "How long do synced 256-byte writes take from their intended start, at 500 arrivals a second?",
  stages: (profile, seed) =>
    Array.from({ length: latencyBlocks[profile] }, (_, block) => {
      const warmUpMs = 1000;
      const durationMs = warmUpMs + latencyMs[profile];
      return blockStage({
        experiment: "consensus-latency",
        block,
        label: "3 nodes, 500 arrivals/s, open loop",
        implementations: both,
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/latency/${block}`,
          workload: writes,
          load: { loop: "open", clients: 64, ratePerS: 500 },
          durationMs,
          warmUpMs,
        }),
        estimateS: 2 * (durationMs / 1000 + 3),
        measures: ["latency"],
      });
    }),
};

const timelineBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 3 };

export const consensusTimeline: Experiment = {
  id: "consensus-timeline",
  module: "consensus",
  title: "Throughput over time while faults strike",
  purpose: "What do clients see while the leader is cut off, stopped, and cut off again?",
  stages: (profile, seed) =>
    Array.from({ length: timelineBlocks[profile] }, (_, block) =>
      blockStage({
        experiment: "consensus-timeline",
        block,
        label: "3 nodes, leader cut off and stopped",
        implementations: both,
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/timeline/${block}`,
          workload: { ...writes, keys: 50, readFraction: 0.3 },
          load: { loop: "open", clients: 64, ratePerS: 300 },
          durationMs: 8000,
          deadlineMs: 1500,
          faults: [
            { kind: "leader", target: "leader", placement: { at: "time", ms: 1500 }, durationMs: 1000 },
            { kind: "pause", target: "leader", placement: { at: "time", ms: 4000 }, durationMs: 800 },
            { kind: "halves", target: "one", placement: { at: "time", ms: 6000 }, durationMs: 800 },
          ],
        }),
        estimateS: 26,
        measures: ["throughput"],
        windowS: 0.1,
      }),
    ),
};
