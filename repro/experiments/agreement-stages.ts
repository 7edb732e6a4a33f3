/** The stages that compare minimal and production: step by step without faults, at rest with them. */

import { blockStage } from "../../harness/block-stage.ts";
import { swarmSchedule } from "../../harness/nemesis/swarm.ts";
import type { SwarmOptions } from "../../harness/nemesis/swarm.ts";
import type { Experiment, Profile, Stage } from "../../harness/plan/experiment.ts";
import { planOf } from "../../harness/plan/plan.ts";
import type { FaultSpec, Plan, WorkloadSpec } from "../../harness/plan/plan.ts";
import { stepStage } from "../../harness/step-stage.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";

const both = ["minimal", "production"] as const;
type Of = Pick<Experiment, "id"> & { readonly module: Plan["module"] };
type OfProfile<Value> = Readonly<Record<Profile, Value>>;

export interface StepOptions {
  readonly experiment: Of;
  readonly runs: OfProfile<number>;
  /** Cluster sizes, in turn. */
  readonly nodes: readonly number[];
  readonly steps: number;
  readonly settings?: Plan["settings"];
  readonly estimateS: number;
}

export function stepStages(options: StepOptions, profile: Profile, seed: string): readonly Stage[] {
  const { experiment, runs, nodes, steps, settings = {}, estimateS } = options;
  return Array.from({ length: runs[profile] }, (_, block) =>
    stepStage({
      module: experiment.module,
      experiment: experiment.id,
      block,
      implementations: both,
      substrate: "simulated",
      nodes: nodes[block % nodes.length] ?? 1,
      steps,
      settings,
      seed: `${seed}/steps/${block}`,
      estimateS,
    }),
  );
}

export interface RestOptions {
  readonly experiment: Of;
  /** Of which there is only one possible outcome. */
  readonly workload: WorkloadSpec;
  readonly simulated: {
    readonly runs: OfProfile<number>;
    /** Faults the schedules draw from: minimal is part of it. */
    readonly schedule: Pick<SwarmOptions, "kinds" | "messages">;
    readonly estimateS: number;
  };
  readonly cluster: {
    readonly runs: OfProfile<number>;
    /** What befalls the nodes, for a person. */
    readonly label: string;
    readonly faults: readonly FaultSpec[];
    /** 100 unless it is said. */
    readonly ratePerS?: number;
    /** 60 unless it is said; all clients must get through theirs, or two runs do not ask for the same. */
    readonly operationsPerClient?: number;
    readonly estimateS: number;
  };
}

export function restStages(options: RestOptions, profile: Profile, seed: string): readonly Stage[] {
  const { simulated, cluster } = options;
  const runs = simulated.runs[profile];
  return [
    ...Array.from({ length: runs }, (_, block) => simulatedRest(options, seed, block)),
    ...Array.from({ length: cluster.runs[profile] }, (_, index) => clusterRest(options, seed, runs + index)),
  ];
}

function simulatedRest({ experiment, workload, simulated }: RestOptions, seed: string, block: number): Stage {
  const { schedule, estimateS } = simulated;
  const blockSeed = `${seed}/rest/${block}`;
  const nodes = block % 3 === 2 ? 5 : 3;
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
  const random = seededRandom(blockSeed).fork("faults");
  const swarm = { ...schedule, nodes: names, durationMs: 1500, electionTimeoutMs: 150 };
  return blockStage({
    experiment: experiment.id,
    block,
    label: `${nodes} simulated nodes under random faults`,
    implementations: both,
    substrate: "simulated",
    plan: planOf({
      module: experiment.module,
      seed: blockSeed,
      nodes,
      workload,
      load: { loop: "open", clients: 4, ratePerS: 120 },
      durationMs: 8000,
      operationsPerClient: 60,
      faults: swarmSchedule(swarm, random),
      everyFaultMustAct: false,
      convergenceMs: 20_000,
    }),
    estimateS,
    compareAtRest: true,
  });
}

function clusterRest({ experiment, workload, cluster }: RestOptions, seed: string, block: number): Stage {
  const { label, faults, ratePerS = 100, operationsPerClient = 60, estimateS } = cluster;
  return blockStage({
    experiment: experiment.id,
    block,
    label: `3 nodes in real processes, ${label}`,
    implementations: both,
    substrate: "cluster",
    plan: planOf({
      module: experiment.module,
      seed: `${seed}/rest-cluster/${block}`,
      workload,
      load: { loop: "open", clients: 4, ratePerS },
      durationMs: 6000,
      operationsPerClient,
      generatorLimitMs: 200,
      faults,
    }),
    estimateS,
    compareAtRest: true,
  });
}
