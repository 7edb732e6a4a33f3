/** The correctness claims of consensus, checked at every traced step under every kind of fault. */

import type { Experiment } from "../../../harness/plan/experiment.ts";
import type { FaultSpec } from "../../../harness/plan/plan.ts";
import { everyFault, memorySparingMessageFaults } from "../fault-sets.ts";
import { safetyStages } from "../safety-stages.ts";
import type { SafetyOptions } from "../safety-stages.ts";

const options: SafetyOptions = {
  experiment: { id: "consensus-safety", module: "consensus" },
  kinds: { production: everyFault, minimal: memorySparingMessageFaults },
  sweeps: { smoke: { stages: 1, runs: 16 }, quick: { stages: 3, runs: 40 }, full: { stages: 3, runs: 300 } },
  sweepsPerS: 20,
  storms: {
    smoke: { blocks: 1, durationMs: 2400 },
    quick: { blocks: 1, durationMs: 9000 },
    full: { blocks: 3, durationMs: 20_000 },
  },
  storm: (durationMs) => ({
    workload: { id: "register", valueBytes: 64, keys: 5, readFraction: 0.4, casFraction: 0.2 },
    load: { loop: "closed", clients: 8 },
    faults: storm(durationMs),
  }),
  stormOverheadS: 4,
  sieges: { smoke: 0, quick: 1, full: 6 },
  siegeS: 3,
};

export const consensusSafety: Experiment = {
  id: options.experiment.id,
  module: "consensus",
  title: "The safety claims of consensus under faults",
  purpose:
    "Do the four correctness claims hold at every step, under random mixes of all faults in the simulator, and in real " +
    "processes that are killed, stopped and cut off?",
  stages: (profile, seed) => safetyStages(options, profile, seed),
};

/** Kill, stop, cut and replace in turn, each aimed at the leader or a follower, with time to recover in between. */
function storm(durationMs: number): FaultSpec[] {
  const kinds = [
    "kill",
    "pause",
    "isolate-one",
    "replace",
    "lost-sync",
    "transfer",
    "one-way",
    "graceful-restart",
  ] as const;
  const periodMs = 900;
  const count = Math.floor((durationMs - 500) / periodMs);
  return Array.from({ length: count }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? "kill",
    target: index % 2 === 0 ? "leader" : "one",
    placement: { at: "time", ms: 400 + index * periodMs },
    durationMs: 500,
  }));
}
