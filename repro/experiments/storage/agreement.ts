/** Minimal and production hold the same entries: step by step without faults, at rest with them. */

import { blockStage } from "../../../harness/block-stage.ts";
import { swarmSchedule } from "../../../harness/nemesis/swarm.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { KeyWorkloadSpec } from "../../../harness/plan/plan.ts";
import { stepStage } from "../../../harness/step-stage.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { memorySparing } from "./safety.ts";

const both = ["minimal", "production"] as const;
const stepRuns: Readonly<Record<Profile, number>> = { smoke: 3, quick: 12, full: 100 };
const restRuns: Readonly<Record<Profile, number>> = { smoke: 5, quick: 15, full: 200 };
const clusterRuns: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 6 };

export const storageStepByStep: Experiment = {
  id: "storage-step-by-step",
  module: "storage",
  title: "Minimal and production stores step by step",
  purpose: "With one client and no fault, are results, versions and canonical states equal after every operation?",
  stages: (profile, seed) =>
    Array.from({ length: stepRuns[profile] }, (_, block) =>
      stepStage({
        module: "storage",
        experiment: "storage-step-by-step",
        block,
        implementations: both,
        substrate: "simulated",
        nodes: [3, 5, 1, 4][block % 4] ?? 3,
        steps: 150,
        seed: `${seed}/steps/${block}`,
        estimateS: 0.4,
      }),
    ),
};

export const storageAtRest: Experiment = {
  id: "storage-at-rest",
  module: "storage",
  title: "Minimal and production stores at rest, after faults",
  purpose: "Under the same faults and a workload with only one possible outcome, do both end with the same entries?",
  stages: (profile, seed) => [
    ...Array.from({ length: restRuns[profile] }, (_, block) => restStage(seed, block)),
    ...Array.from({ length: clusterRuns[profile] }, (_, index) => clusterStage(seed, restRuns[profile] + index)),
  ],
};

const confluent: KeyWorkloadSpec = {
  ...{ id: "confluent", valueBytes: 32, keys: 2, readFraction: 0.2, casFraction: 0.3, deleteFraction: 0.1 },
};

function restStage(seed: string, block: number): ReturnType<typeof blockStage> {
  const blockSeed = `${seed}/rest/${block}`;
  const nodes = block % 3 === 2 ? 5 : 3;
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
  const random = seededRandom(blockSeed).fork("faults");
  const schedule = { kinds: memorySparing, nodes: names, durationMs: 1500, electionTimeoutMs: 150, messages: [] };
  return blockStage({
    experiment: "storage-at-rest",
    block,
    label: `${nodes} simulated nodes under random faults`,
    implementations: both,
    substrate: "simulated",
    plan: planOf({
      module: "storage",
      seed: blockSeed,
      nodes,
      workload: confluent,
      load: { loop: "open", clients: 4, ratePerS: 120 },
      durationMs: 8000,
      operationsPerClient: 60,
      faults: swarmSchedule(schedule, random),
      everyFaultMustAct: false,
      convergenceMs: 20_000,
    }),
    estimateS: 0.4,
    compareAtRest: true,
  });
}

function clusterStage(seed: string, block: number): ReturnType<typeof blockStage> {
  return blockStage({
    experiment: "storage-at-rest",
    block,
    label: "3 nodes in real processes, one cut off, one stopped",
    implementations: both,
    substrate: "cluster",
    plan: planOf({
      module: "storage",
      seed: `${seed}/rest-cluster/${block}`,
      workload: confluent,
      load: { loop: "open", clients: 4, ratePerS: 100 },
      durationMs: 6000,
      operationsPerClient: 60,
      generatorLimitMs: 200,
      faults: [
        { kind: "isolate-one", target: "one", placement: { at: "time", ms: 300 }, durationMs: 800 },
        { kind: "pause", target: "one", placement: { at: "time", ms: 1300 }, durationMs: 400 },
      ],
    }),
    estimateS: 10,
    compareAtRest: true,
  });
}
