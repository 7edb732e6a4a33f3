/** The correctness claims of consensus, checked at every traced step under every kind of fault. */

import { blockStage } from "../../../harness/block-stage.ts";
import type { Experiment, Profile, Stage } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec } from "../../../harness/plan/plan.ts";
import { siegePlan } from "../../../harness/rooms/consensus/siege-plan.ts";
import { sweepStage } from "../../../harness/sweep-stage.ts";
import { everyFault, memorySparingFaults } from "../fault-sets.ts";

/** Simulated runs of each implementation, in stages of equal size so that an interrupted run loses little. */
const sweeps: Readonly<Record<Profile, { readonly stages: number; readonly runs: number }>> = {
  smoke: { stages: 1, runs: 24 },
  quick: { stages: 3, runs: 55 },
  full: { stages: 10, runs: 600 },
};
const sieges: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 60 };
const storms: Readonly<Record<Profile, { readonly blocks: number; readonly durationMs: number }>> = {
  smoke: { blocks: 1, durationMs: 2400 },
  quick: { blocks: 1, durationMs: 9000 },
  full: { blocks: 5, durationMs: 60_000 },
};

export const consensusSafety: Experiment = {
  id: "consensus-safety",
  module: "consensus",
  title: "The safety claims of consensus under faults",
  purpose:
    "Do the four correctness claims hold at every step, under random mixes of all faults in the simulator, and in real " +
    "processes that are killed, stopped and cut off?",
  stages(profile, seed) {
    const { stages, runs } = sweeps[profile];
    const sweepsOf = (implementation: string, kinds: typeof everyFault, offset: number): Stage[] =>
      Array.from({ length: stages }, (_, index) =>
        sweepStage({
          module: "consensus",
          experiment: "consensus-safety",
          block: offset + index,
          implementation,
          kinds,
          seed: `${seed}/${implementation}/${index}`,
          runs,
          estimateS: runs / 20,
        }),
      );
    return [
      ...sweepsOf("production", everyFault, 0),
      ...sweepsOf("minimal", memorySparingFaults, stages),
      ...stormStages(profile, seed, 2 * stages),
      ...siegeStages(profile, seed, 2 * stages + storms[profile].blocks),
    ];
  },
};

/** Half an hour of simulated time each; the last of the stages, so that the numbers of the others stay. */
function siegeStages(profile: Profile, seed: string, block: number): Stage[] {
  const runs = sieges[profile];
  if (runs === 0) return [];
  return [
    sweepStage({
      module: "consensus",
      experiment: "consensus-safety",
      block,
      implementation: "production",
      kinds: everyFault,
      seed: `${seed}/siege`,
      runs,
      plan: siegePlan,
      label: "of half an hour under every kind of fault",
      estimateS: runs * 3,
    }),
  ];
}

function stormStages(profile: Profile, seed: string, offset: number): Stage[] {
  const { blocks, durationMs } = storms[profile];
  return Array.from({ length: blocks }, (_, index) =>
    blockStage({
      experiment: "consensus-safety",
      block: offset + index,
      label: `storm on real processes, ${durationMs / 1000} s`,
      implementations: ["production"],
      substrate: "cluster",
      plan: planOf({
        seed: `${seed}/storm/${index}`,
        workload: { id: "register", valueBytes: 64, keys: 5, readFraction: 0.4, casFraction: 0.2 },
        load: { loop: "closed", clients: 8 },
        durationMs,
        faults: storm(durationMs),
        generatorLimitMs: 200,
      }),
      estimateS: durationMs / 1000 + 4,
      keepHistory: true,
    }),
  );
}

/** Kill, stop, cut and replace in turn, each aimed at the leader or a follower, with time to recover in between. */
function storm(durationMs: number): FaultSpec[] {
  const kinds = [
    "kill",
    "pause",
    "isolate-one",
    "replace",
    "lost-sync",
    "transfer",
    "one-way",
    "graceful-restart",
  ] as const;
  const periodMs = 900;
  const count = Math.floor((durationMs - 500) / periodMs);
  return Array.from({ length: count }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? "kill",
    target: index % 2 === 0 ? "leader" : "one",
    placement: { at: "time", ms: 400 + index * periodMs },
    durationMs: 500,
  }));
}
