/** Minimal and production schedule the same: start by start without faults, task by task at rest with them. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import { restStages, stepStages } from "../agreement-stages.ts";
import type { RestOptions, StepOptions } from "../agreement-stages.ts";
import { confluent } from "./loads.ts";

const steps: StepOptions = {
  experiment: { id: "scheduler-step-by-step", module: "scheduler" },
  runs: { smoke: 2, quick: 10, full: 100 },
  nodes: [1],
  steps: 60,
  // Nobody makes room for another task of the only tenant: minimal cannot.
  settings: { "production.quantumMs": 0 },
  estimateS: 0.3,
};

export const schedulerStepByStep: Experiment = {
  ...steps.experiment,
  title: "Minimal and production schedulers step by step",
  purpose:
    "With one tenant, one client and no preemption, do both start the same tasks in the same order and end them in the " +
    "same way, for random graphs and priorities?",
  stages: (profile, seed) => stepStages(steps, profile, seed),
};

const rest: RestOptions = {
  experiment: { id: "scheduler-at-rest", module: "scheduler" },
  workload: confluent,
  simulated: {
    runs: { smoke: 3, quick: 10, full: 100 },
    // Minimal exchanges no messages that a fault could be placed at.
    schedule: { kinds: ["pause", ...faultKinds.thread], messages: [] },
    estimateS: 0.3,
  },
  cluster: {
    runs: { smoke: 0, quick: 0, full: 3 },
    label: "threads killed, one process stopped",
    // Of jobs, which take as long as their longest chain.
    ratePerS: 20,
    operationsPerClient: 20,
    faults: [
      { kind: "thread-kill", target: "one", placement: { at: "time", ms: 300 }, durationMs: 200 },
      { kind: "pause", target: "one", placement: { at: "time", ms: 800 }, durationMs: 400 },
      { kind: "thread-kill", target: "one", placement: { at: "time", ms: 1500 }, durationMs: 200 },
    ],
    estimateS: 10,
  },
};

export const schedulerAtRest: Experiment = {
  ...rest.experiment,
  title: "Minimal and production schedulers at rest, after faults",
  purpose: "Under the same killed threads and pauses, do all tasks end in the same way on both?",
  stages: (profile, seed) => restStages(rest, profile, seed),
};
