/** The correctness claims of the store: linearizable, durable, versions in order, under every kind of fault. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import { everyFault, memorySparingFaults } from "../fault-sets.ts";
import { safetyStages } from "../safety-stages.ts";
import type { SafetyOptions } from "../safety-stages.ts";
import { inTurn, mixed } from "./loads.ts";

const stormKinds = ["kill", "pause", "isolate-one", "wipe", "replace", "one-way", "graceful-restart"] as const;

const options: SafetyOptions = {
  experiment: { id: "storage-safety", module: "storage" },
  kinds: {
    // A store has no office to hand over.
    production: everyFault.filter((kind) => kind !== "transfer"),
    minimal: memorySparingFaults,
  },
  sweeps: { smoke: { stages: 1, runs: 10 }, quick: { stages: 2, runs: 35 }, full: { stages: 3, runs: 200 } },
  sweepsPerS: 15,
  storms: {
    smoke: { blocks: 1, durationMs: 2400 },
    quick: { blocks: 1, durationMs: 7500 },
    full: { blocks: 3, durationMs: 20_000 },
  },
  storm: (durationMs) => ({
    workload: mixed,
    load: { loop: "closed", clients: 8 },
    faults: inTurn(stormKinds, durationMs, 1400),
    convergenceMs: 30_000,
  }),
  stormOverheadS: 5,
  sieges: { smoke: 0, quick: 0, full: 4 },
  siegeS: 4,
};

export const storageSafety: Experiment = {
  id: options.experiment.id,
  module: "storage",
  title: "The correctness claims of the store under faults",
  purpose:
    "Are gets, puts, deletes and compare-and-swaps linearizable at majority, acknowledged writes kept and versions in " +
    "order, under random mixes of all faults in the simulator, and in real processes that are killed, stopped, wiped " +
    "and cut off?",
  stages: (profile, seed) => safetyStages(options, profile, seed),
};
