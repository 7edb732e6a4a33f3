/** Throughput over time while faults strike. */

import { blockStage } from "../../../harness/block-stage.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { writes } from "./performance.ts";

const timelineBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 2 };
/** The schedule below fills one unit of eight parts. */
const timelineMs: Readonly<Record<Profile, number>> = { smoke: 2400, quick: 4800, full: 16_000 };

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
        implementations: ["minimal", "production"],
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
