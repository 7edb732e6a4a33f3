/** The claim that minimal and production reach the same state: step by step without faults, at rest with them. */

import { blockStage } from "../../../harness/block-stage.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { swarmSchedule } from "../../../harness/nemesis/swarm.ts";
import { stepStage } from "../../../harness/step-stage.ts";
import { memorySparingFaults } from "../fault-sets.ts";

const both = ["minimal", "production"] as const;
const stepRuns: Readonly<Record<Profile, number>> = { smoke: 4, quick: 12, full: 200 };
const restRuns: Readonly<Record<Profile, number>> = { smoke: 8, quick: 25, full: 400 };
const clusterRuns: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 10 };

export const consensusStepByStep: Experiment = {
  id: "consensus-step-by-step",
  module: "consensus",
  title: "Minimal and production step by step",
  purpose: "With one client and no fault, are results and canonical states equal after every operation?",
  stages: (profile, seed) =>
    Array.from({ length: stepRuns[profile] }, (_, block) =>
      stepStage({
        module: "consensus",
        experiment: "consensus-step-by-step",
        block,
        implementations: both,
        substrate: "simulated",
        nodes: [3, 5, 1, 7][block % 4] ?? 3,
        steps: 150,
        seed: `${seed}/steps/${block}`,
        estimateS: 0.3,
      }),
    ),
};

export const consensusAtRest: Experiment = {
  id: "consensus-at-rest",
  module: "consensus",
  title: "Minimal and production at rest, after faults",
  purpose: "Under the same faults and a workload with only one possible outcome, do both end in the same state?",
  stages: (profile, seed) => [
    ...Array.from({ length: restRuns[profile] }, (_, block) => restStage(seed, block)),
    ...Array.from({ length: clusterRuns[profile] }, (_, index) => clusterStage(seed, restRuns[profile] + index)),
  ],
};

const confluent = { id: "confluent", valueBytes: 32, keys: 2, readFraction: 0.2, casFraction: 0.3 } as const;

function restStage(seed: string, block: number): ReturnType<typeof blockStage> {
  const blockSeed = `${seed}/rest/${block}`;
  const nodes = block % 3 === 2 ? 5 : 3;
  const durationMs = 8000;
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
  const random = seededRandom(blockSeed).fork("faults");
  return blockStage({
    experiment: "consensus-at-rest",
    block,
    label: `${nodes} simulated nodes under random faults`,
    implementations: both,
    substrate: "simulated",
    plan: planOf({
      seed: blockSeed,
      nodes,
      workload: confluent,
      load: { loop: "open", clients: 4, ratePerS: 120 },
      durationMs,
      operationsPerClient: 60,
      faults: swarmSchedule(
        { kinds: memorySparingFaults, nodes: names, durationMs: 1500, electionTimeoutMs: 150 },
        random,
      ),
      everyFaultMustAct: false,
      convergenceMs: 20_000,
    }),
    estimateS: 0.3,
    compareAtRest: true,
  });
}

function clusterStage(seed: string, block: number): ReturnType<typeof blockStage> {
  return blockStage({
    experiment: "consensus-at-rest",
    block,
    label: "3 nodes in real processes, leader cut off and stopped",
    implementations: both,
    substrate: "cluster",
    plan: planOf({
      seed: `${seed}/rest-cluster/${block}`,
      workload: confluent,
      load: { loop: "open", clients: 4, ratePerS: 100 },
      durationMs: 6000,
      operationsPerClient: 60,
      generatorLimitMs: 200,
      faults: [
        { kind: "leader", target: "leader", placement: { at: "time", ms: 300 }, durationMs: 800 },
        { kind: "pause", target: "leader", placement: { at: "time", ms: 1300 }, durationMs: 400 },
      ],
    }),
    estimateS: 12,
    compareAtRest: true,
  });
}
