/** The correctness claims of the scheduler: order, dependencies, progress, single effects, quotas, under faults. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { everyFault, memorySparingFaults } from "../fault-sets.ts";
import { safetyStages } from "../safety-stages.ts";
import type { SafetyOptions } from "../safety-stages.ts";
import { inTurn } from "../storage/loads.ts";
import { everything } from "./loads.ts";

/**
 * Its members are the founders, for good, and it has no leader. What it alone has accepted nobody can give back to a
 * node whose disk is gone or damaged.
 */
const notOfSchedulers: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...faultKinds.membership,
  ...(["leader", "wipe", "bit-flip", "misdirect"] as const),
]);
const ofSchedulers = (kind: FaultKind): boolean => !notOfSchedulers.has(kind);
const stormKinds = [
  "kill",
  "thread-kill",
  "pause",
  "isolate-one",
  "thread-stall",
  "one-way",
  "graceful-restart",
] as const;

const options: SafetyOptions = {
  experiment: { id: "scheduler-safety", module: "scheduler" },
  kinds: {
    production: [...everyFault, ...faultKinds.thread].filter(ofSchedulers),
    minimal: [...memorySparingFaults, ...faultKinds.thread].filter(ofSchedulers),
  },
  sweeps: { smoke: { stages: 1, runs: 8 }, quick: { stages: 1, runs: 25 }, full: { stages: 10, runs: 110 } },
  sweepsPerS: 12,
  storms: {
    smoke: { blocks: 0, durationMs: 0 },
    quick: { blocks: 1, durationMs: 3500 },
    full: { blocks: 2, durationMs: 20_000 },
  },
  storm: (durationMs) => ({
    workload: everything,
    load: { loop: "closed", clients: 8 },
    faults: inTurn(stormKinds, durationMs, 1200),
    everyFaultMustAct: false,
    convergenceMs: 30_000,
  }),
  stormOverheadS: 5,
  sieges: { smoke: 0, quick: 0, full: 8 },
  siegeS: 5,
};

export const schedulerSafety: Experiment = {
  id: options.experiment.id,
  module: "scheduler",
  title: "The correctness claims of the scheduler under faults",
  purpose:
    "Do tasks start in order and after what they depend on, does every one end, with one effect, and hold quotas and " +
    "capacity, under random mixes of all faults in the simulator, and in real processes whose threads are killed too?",
  stages: (profile, seed) => safetyStages(options, profile, seed),
};
