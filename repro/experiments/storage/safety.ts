/** The correctness claims of the store: linearizable, durable, versions in order, under every kind of fault. */

import { blockStage } from "../../../harness/block-stage.ts";
import type { Experiment, Profile, Stage } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { siegePlan } from "../../../harness/rooms/storage/sweep-plan.ts";
import { sweepStage } from "../../../harness/sweep-stage.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import { everyFault } from "../fault-sets.ts";
import { inTurn, mixed } from "./loads.ts";

const sweeps: Readonly<Record<Profile, { readonly stages: number; readonly runs: number }>> = {
  smoke: { stages: 1, runs: 14 },
  quick: { stages: 2, runs: 50 },
  full: { stages: 10, runs: 400 },
};
const sieges: Readonly<Record<Profile, number>> = { smoke: 0, quick: 0, full: 30 };
const storms: Readonly<Record<Profile, { readonly blocks: number; readonly durationMs: number }>> = {
  smoke: { blocks: 1, durationMs: 2400 },
  quick: { blocks: 1, durationMs: 7500 },
  full: { blocks: 4, durationMs: 60_000 },
};

/** Everything production can be subjected to in the simulator: a store has no office to hand over. */
export const everyStorageFault: readonly FaultKind[] = everyFault.filter((kind) => kind !== "transfer");

/** What leaves a memory intact: minimal is claimed to be right under these. */
export const memorySparing: readonly FaultKind[] = ["pause", ...faultKinds.partition];

export const storageSafety: Experiment = {
  id: "storage-safety",
  module: "storage",
  title: "The correctness claims of the store under faults",
  purpose:
    "Are gets, puts, deletes and compare-and-swaps linearizable at majority, acknowledged writes kept and versions in " +
    "order, under random mixes of all faults in the simulator, and in real processes that are killed, stopped, wiped " +
    "and cut off?",
  stages(profile, seed) {
    const { stages, runs } = sweeps[profile];
    const sweepsOf = (implementation: string, kinds: readonly FaultKind[], offset: number): Stage[] =>
      Array.from({ length: stages }, (_, index) =>
        sweepStage({
          module: "storage",
          experiment: "storage-safety",
          block: offset + index,
          implementation,
          kinds,
          seed: `${seed}/${implementation}/${index}`,
          runs,
          estimateS: runs / 15,
        }),
      );
    return [
      ...sweepsOf("production", everyStorageFault, 0),
      ...sweepsOf("minimal", memorySparing, stages),
      ...stormStages(profile, seed, 2 * stages),
      ...siegeStages(profile, seed, 2 * stages + storms[profile].blocks),
    ];
  },
};

function siegeStages(profile: Profile, seed: string, block: number): Stage[] {
  const runs = sieges[profile];
  if (runs === 0) return [];
  return [
    sweepStage({
      module: "storage",
      experiment: "storage-safety",
      block,
      implementation: "production",
      kinds: everyStorageFault,
      seed: `${seed}/siege`,
      runs,
      plan: siegePlan,
      label: "of half an hour under every kind of fault",
      estimateS: runs * 4,
    }),
  ];
}

const stormKinds = ["kill", "pause", "isolate-one", "wipe", "replace", "one-way", "graceful-restart"] as const;

function stormStages(profile: Profile, seed: string, offset: number): Stage[] {
  const { blocks, durationMs } = storms[profile];
  return Array.from({ length: blocks }, (_, index) =>
    blockStage({
      experiment: "storage-safety",
      block: offset + index,
      label: `storm on real processes, ${durationMs / 1000} s`,
      implementations: ["production"],
      substrate: "cluster",
      plan: planOf({
        module: "storage",
        seed: `${seed}/storm/${index}`,
        workload: mixed,
        load: { loop: "closed", clients: 8 },
        durationMs,
        faults: inTurn(stormKinds, durationMs, 1400),
        generatorLimitMs: 200,
        convergenceMs: 30_000,
      }),
      estimateS: durationMs / 1000 + 5,
      keepHistory: true,
    }),
  );
}
