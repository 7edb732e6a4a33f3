/**
 * More load than a cluster can take, while it takes snapshots: what becomes of the entries, the logs and the memory.
 */

import { blockStage } from "../../../harness/block-stage.ts";
import { commitRate } from "../../../harness/measure/load-probes.ts";
import { counterProbe } from "../../../harness/measure/probes.ts";
import { growthAfterFirstSnapshot } from "../../../harness/measure/recovery-probes.ts";
import { lagOverTime, residentOverTime } from "../../../harness/measure/timeline-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { writes } from "./performance.ts";

const blocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 2 };
const durations: Readonly<Record<Profile, number>> = { smoke: 3000, quick: 6000, full: 20_000 };
/** More than twice what three nodes acknowledge on two fast cores; what finds no client waits, and then is dropped. */
const ratePerS = 60_000;

export const consensusOverload: Experiment = {
  id: "consensus-overload",
  module: "consensus",
  title: "Overload with snapshots running",
  purpose:
    "With arrivals far above capacity and a snapshot every second or so, is what was admitted committed, and does " +
    "memory stay flat?",
  stages: (profile, seed) =>
    Array.from({ length: blocks[profile] }, (_, block) => {
      const durationMs = durations[profile];
      return blockStage({
        experiment: "consensus-overload",
        block,
        label: `${ratePerS} arrivals/s for ${durationMs / 1000} s, 3 nodes`,
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/overload/${block}`,
          workload: writes,
          load: { loop: "open", clients: 1000, ratePerS },
          durationMs,
          deadlineMs: 2000,
          mayDropArrivals: true,
          generatorLimitMs: 1000,
          // Fewer than there are clients, so that refusals are part of it.
          settings: { snapshotEveryEntries: 10_000, trailingEntries: 2000, maxPendingProposals: 500 },
        }),
        estimateS: durationMs / 1000 + 4,
        probes: [commitRate, growthAfterFirstSnapshot, counterProbe("snapshots-taken", "snapshots taken", "count")],
        timeline: [residentOverTime, lagOverTime(100)],
        sampleResources: true,
        measures: ["throughput"],
        windowS: 0.25,
      });
    }),
};
