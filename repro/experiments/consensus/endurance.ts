/** A node under sustained writes: its memory, its disk, and how soon it is back on a large log. */

import { blockStage } from "../../../harness/block-stage.ts";
import { haulStage } from "../../../harness/haul-stage.ts";
import { logBytes, residentMemory, restartTime } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";

/** At 16 KiB a write, the full run writes a log of more than 1 GB. */
const durations: Readonly<Record<Profile, number>> = { smoke: 0, quick: 6000, full: 60_000 };

export const consensusEndurance: Experiment = {
  id: "consensus-endurance",
  module: "consensus",
  title: "Sustained writes and a restart",
  purpose:
    "Does memory stay flat while snapshots compact the log, and how soon does a node killed after that serve again?",
  stages: (profile, seed) => {
    const durationMs = durations[profile];
    if (durationMs === 0) return [];
    return [
      blockStage({
        experiment: "consensus-endurance",
        block: 0,
        label: `16 KiB writes for ${durationMs / 1000} s, a node killed near the end`,
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/endurance`,
          workload: { id: "register", valueBytes: 16 * 1024, keys: 200, readFraction: 0, casFraction: 0 },
          load: { loop: "closed", clients: 16 },
          durationMs,
          deadlineMs: 5000,
          generatorLimitMs: 200,
          faults: [{ kind: "kill", target: "one", placement: { at: "time", ms: durationMs * 0.92 }, durationMs: 100 }],
        }),
        estimateS: durationMs / 1000 + 3,
        probes: [residentMemory, restartTime, logBytes],
        sampleResources: true,
      }),
    ];
  },
};

const hauls: Readonly<Record<Profile, number>> = { smoke: 0, quick: 100_000, full: 10_000_000 };
/** Closed-loop clients of a haul, and what two cores put through with them. */
const haulClients = 256;
const haulEntriesPerS = 35_000;

export const consensusHaul: Experiment = {
  id: "consensus-haul",
  module: "consensus",
  title: "Ten million entries and a restart",
  purpose:
    "Does each node's memory stay flat after its first snapshot however many entries follow, and how soon is a node back?",
  stages: (profile, seed) => {
    const entries = hauls[profile];
    if (entries === 0) return [];
    return [
      haulStage({
        experiment: "consensus-haul",
        block: 0,
        implementation: "production",
        seed: `${seed}/haul`,
        entries,
        valueBytes: 256,
        clients: haulClients,
        estimateS: entries / haulEntriesPerS + 5,
      }),
    ];
  },
};
