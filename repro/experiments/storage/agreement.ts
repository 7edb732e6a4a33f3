/** Minimal and production hold the same entries: step by step without faults, at rest with them. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import { restStages, stepStages } from "../agreement-stages.ts";
import type { RestOptions, StepOptions } from "../agreement-stages.ts";
import { memorySparingFaults } from "../fault-sets.ts";

const steps: StepOptions = {
  experiment: { id: "storage-step-by-step", module: "storage" },
  runs: { smoke: 3, quick: 12, full: 100 },
  nodes: [3, 5, 1, 4],
  steps: 150,
  estimateS: 0.4,
};

export const storageStepByStep: Experiment = {
  ...steps.experiment,
  title: "Minimal and production stores step by step",
  purpose: "With one client and no fault, are results, versions and canonical states equal after every operation?",
  stages: (profile, seed) => stepStages(steps, profile, seed),
};

const rest: RestOptions = {
  experiment: { id: "storage-at-rest", module: "storage" },
  workload: { id: "confluent", valueBytes: 32, keys: 2, readFraction: 0.2, casFraction: 0.3, deleteFraction: 0.1 },
  simulated: {
    runs: { smoke: 5, quick: 15, full: 80 },
    // Minimal exchanges no messages that a fault could be placed at.
    schedule: { kinds: memorySparingFaults, messages: [] },
    estimateS: 0.4,
  },
  cluster: {
    runs: { smoke: 0, quick: 1, full: 6 },
    label: "one cut off, one stopped",
    faults: [
      { kind: "isolate-one", target: "one", placement: { at: "time", ms: 300 }, durationMs: 800 },
      { kind: "pause", target: "one", placement: { at: "time", ms: 1300 }, durationMs: 400 },
    ],
    estimateS: 10,
  },
};

export const storageAtRest: Experiment = {
  ...rest.experiment,
  title: "Minimal and production stores at rest, after faults",
  purpose: "Under the same faults and a workload with only one possible outcome, do both end with the same entries?",
  stages: (profile, seed) => restStages(rest, profile, seed),
};
