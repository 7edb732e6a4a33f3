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
/** A closed loop intends no start that could be missed; its generator only must not starve. */
const closedLoopGeneratorLimitMs = 60;
/** Load before anything is measured: compilers warm up, connections settle. */
const warmUps: Readonly<Record<Profile, number>> = { smoke: 400, quick: 1000, full: 2000 };
const throughputMs: Readonly<Record<Profile, number>> = { smoke: 1200, quick: 2500, full: 10_000 };

export const consensusThroughput: Experiment = {
  id: "consensus-throughput",
  module: "consensus",
  title: "Throughput by cluster size",
  purpose: "How many synced 256-byte writes per second do clusters of 1, 3, 5 and 7 nodes acknowledge (closed loop)?",
  stages: (profile, seed) => {
    const sizes = throughputSizes[profile];
    return Array.from({ length: throughputBlocks[profile] * sizes.length }, (_, block) => {
      const nodes = sizes[block % sizes.length] ?? 3;
      const warmUpMs = warmUps[profile];
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
          generatorLimitMs: closedLoopGeneratorLimitMs,
        }),
        estimateS: 2 * (durationMs / 1000 + 1.5),
        measures: ["throughput", "latency"],
      });
    });
  },
};

const latencyBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 5, full: 20 };
const latencyMs: Readonly<Record<Profile, number>> = { smoke: 1200, quick: 3200, full: 15_000 };

export const consensusLatency: Experiment = {
  id: "consensus-latency",
  module: "consensus",
  title: "Latency under an open load",
  purpose: "How long do synced 256-byte writes take from their intended start, at 500 arrivals a second?",
  stages: (profile, seed) =>
    Array.from({ length: latencyBlocks[profile] }, (_, block) => {
      const warmUpMs = warmUps[profile];
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
        estimateS: 2 * (durationMs / 1000 + 1.5),
        measures: ["latency"],
      });
    }),
};

const timelineBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 3 };
/** The schedule below fills one unit of eight parts. */
const timelineMs: Readonly<Record<Profile, number>> = { smoke: 3200, quick: 10_000, full: 16_000 };

export const consensusTimeline: Experiment = {
  id: "consensus-timeline",
  module: "consensus",
  title: "Throughput over time while faults strike",
  purpose: "What do clients see while the leader is cut off, stopped, and cut off again?",
  stages: (profile, seed) =>
    Array.from({ length: timelineBlocks[profile] }, (_, block) => {
      const durationMs = timelineMs[profile];
      const part = durationMs / 8;
      return blockStage({
        experiment: "consensus-timeline",
        block,
        label: "3 nodes, leader cut off and stopped",
        implementations: both,
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/timeline/${block}`,
          workload: { ...writes, keys: 50, readFraction: 0.3 },
          load: { loop: "open", clients: 64, ratePerS: 300 },
          durationMs,
          deadlineMs: 1500,
          generatorLimitMs: 60,
          faults: [
            { kind: "leader", target: "leader", placement: { at: "time", ms: part }, durationMs: part },
            { kind: "pause", target: "leader", placement: { at: "time", ms: 3 * part }, durationMs: part },
            { kind: "halves", target: "leader", placement: { at: "time", ms: 5 * part }, durationMs: part },
          ],
        }),
        estimateS: 2 * (durationMs / 1000 + 1.5),
        measures: ["throughput"],
        windowS: 0.1,
      });
    }),
};
