/**
 * The stages that a module's correctness claims rest on: sweeps of both implementations through the simulator, a storm
 * on real processes, and sieges.
 */

import { blockStage } from "../../harness/block-stage.ts";
import type { Experiment, Profile, Stage } from "../../harness/plan/experiment.ts";
import { planOf } from "../../harness/plan/plan.ts";
import type { Plan } from "../../harness/plan/plan.ts";
import { roomOf } from "../../harness/rooms/rooms.ts";
import { sweepStage } from "../../harness/sweep-stage.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";

type OfProfile<Value> = Readonly<Record<Profile, Value>>;

export interface SafetyOptions {
  readonly experiment: Pick<Experiment, "id"> & { readonly module: Plan["module"] };
  /** What each implementation is swept with: minimal, which remembers in memory, only with what spares that. */
  readonly kinds: { readonly production: readonly FaultKind[]; readonly minimal: readonly FaultKind[] };
  /** Simulated runs of each implementation, in stages of equal size so that an interrupted run loses little. */
  readonly sweeps: OfProfile<{ readonly stages: number; readonly runs: number }>;
  readonly sweepsPerS: number;
  readonly storms: OfProfile<{ readonly blocks: number; readonly durationMs: number }>;
  /** What is asked of real processes meanwhile, and what befalls them. */
  readonly storm: (durationMs: number) => Omit<Partial<Plan>, "seed" | "module" | "durationMs">;
  /** A storm's launch and convergence. */
  readonly stormOverheadS: number;
  /** Runs of half an hour of simulated time. */
  readonly sieges: OfProfile<number>;
  readonly siegeS: number;
}

export function safetyStages(options: SafetyOptions, profile: Profile, seed: string): readonly Stage[] {
  const { kinds, sweeps, storms } = options;
  const { stages } = sweeps[profile];
  return [
    ...sweepStages(options, profile, seed, "production", kinds.production, 0),
    ...sweepStages(options, profile, seed, "minimal", kinds.minimal, stages),
    ...stormStages(options, profile, seed, 2 * stages),
    // The last of the stages, so that the numbers of the others stay.
    ...siegeStages(options, profile, seed, 2 * stages + storms[profile].blocks),
  ];
}

function sweepStages(
  { experiment: { id, module }, sweeps, sweepsPerS }: SafetyOptions,
  profile: Profile,
  seed: string,
  implementation: string,
  kinds: readonly FaultKind[],
  offset: number,
): Stage[] {
  const { stages, runs } = sweeps[profile];
  return Array.from({ length: stages }, (_, index) =>
    sweepStage({
      module,
      experiment: id,
      block: offset + index,
      implementation,
      kinds,
      seed: `${seed}/${implementation}/${index}`,
      runs,
      estimateS: runs / sweepsPerS,
    }),
  );
}

function stormStages(options: SafetyOptions, profile: Profile, seed: string, offset: number): Stage[] {
  const { experiment, storms, storm, stormOverheadS } = options;
  const { blocks, durationMs } = storms[profile];
  return Array.from({ length: blocks }, (_, index) =>
    blockStage({
      experiment: experiment.id,
      block: offset + index,
      label: `storm on real processes, ${durationMs / 1000} s`,
      implementations: ["production"],
      substrate: "cluster",
      plan: planOf({
        ...storm(durationMs),
        module: experiment.module,
        seed: `${seed}/storm/${index}`,
        durationMs,
        generatorLimitMs: 200,
      }),
      estimateS: durationMs / 1000 + stormOverheadS,
      keepHistory: true,
    }),
  );
}

function siegeStages(options: SafetyOptions, profile: Profile, seed: string, block: number): Stage[] {
  const { experiment, kinds, sieges, siegeS } = options;
  const runs = sieges[profile];
  if (runs === 0) return [];
  return [
    sweepStage({
      module: experiment.module,
      experiment: experiment.id,
      block,
      implementation: "production",
      kinds: kinds.production,
      seed: `${seed}/siege`,
      runs,
      plan: roomOf(experiment.module).sweepPlans.siege,
      label: "of half an hour under every kind of fault",
      estimateS: runs * siegeS,
    }),
  ];
}
