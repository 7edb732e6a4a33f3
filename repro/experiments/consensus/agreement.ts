/** The claim that minimal and production reach the same state: step by step without faults, at rest with them. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import { restStages, stepStages } from "../agreement-stages.ts";
import type { RestOptions, StepOptions } from "../agreement-stages.ts";
import { memorySparingMessageFaults } from "../fault-sets.ts";

const steps: StepOptions = {
  experiment: { id: "consensus-step-by-step", module: "consensus" },
  runs: { smoke: 4, quick: 12, full: 200 },
  nodes: [3, 5, 1, 7],
  steps: 150,
  estimateS: 0.3,
};

export const consensusStepByStep: Experiment = {
  ...steps.experiment,
  title: "Minimal and production step by step",
  purpose: "With one client and no fault, are results and canonical states equal after every operation?",
  stages: (profile, seed) => stepStages(steps, profile, seed),
};

const rest: RestOptions = {
  experiment: { id: "consensus-at-rest", module: "consensus" },
  workload: { id: "confluent", valueBytes: 32, keys: 2, readFraction: 0.2, casFraction: 0.3 },
  simulated: {
    runs: { smoke: 8, quick: 25, full: 150 },
    schedule: { kinds: memorySparingMessageFaults },
    estimateS: 0.3,
  },
  cluster: {
    runs: { smoke: 0, quick: 1, full: 10 },
    label: "leader cut off and stopped",
    faults: [
      { kind: "leader", target: "leader", placement: { at: "time", ms: 300 }, durationMs: 800 },
      { kind: "pause", target: "leader", placement: { at: "time", ms: 1300 }, durationMs: 400 },
    ],
    estimateS: 12,
  },
};

export const consensusAtRest: Experiment = {
  ...rest.experiment,
  title: "Minimal and production at rest, after faults",
  purpose: "Under the same faults and a workload with only one possible outcome, do both end in the same state?",
  stages: (profile, seed) => restStages(rest, profile, seed),
};
