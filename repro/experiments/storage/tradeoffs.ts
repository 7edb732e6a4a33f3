/** The documented tradeoffs between the minimal store and the production one, each shown on both sides. */

import { blockStage } from "../../../harness/block-stage.ts";
import { counterProbe } from "../../../harness/measure/probes.ts";
import { lostWrites } from "../../../harness/measure/lost-writes.ts";
import { copiesOfKeys, latencyAround, tombstonesLeft } from "../../../harness/measure/storage-probes.ts";
import type { Experiment } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { durabilityStages } from "../durability-stages.ts";
import type { DurabilityOptions } from "../durability-stages.ts";
import { puts } from "./loads.ts";

const both = ["minimal", "production"] as const;

const durability: DurabilityOptions = {
  experiment: { id: "storage-durability", module: "storage" },
  blocks: {
    smoke: { simulated: 3, cluster: 0 },
    quick: { simulated: 8, cluster: 1 },
    full: { simulated: 40, cluster: 6 },
  },
  workload: { ...puts, valueBytes: 64, keys: 40 },
  durationMs: 2500,
  // Late, so that keys remain that nobody writes again.
  killedAtMs: 2000,
  probe: lostWrites,
  clusterS: 10,
};

export const storageDurability: Experiment = {
  ...durability.experiment,
  title: "All nodes of a store crash at once",
  purpose:
    "Does production keep every acknowledged write when all nodes crash, and does minimal, as documented, lose them?",
  stages: (profile, seed) => durabilityStages(durability, profile, seed),
};

export const storageTradeoffs: Experiment = {
  id: "storage-tradeoffs",
  module: "storage",
  title: "Copies of keys, and what is left of deleted ones",
  purpose: "Do the two stores differ as documented in replication, compaction and rebalancing?",
  stages: (_profile, seed) => [
    blockStage({
      experiment: "storage-tradeoffs",
      block: 0,
      label: "copies of each key on five nodes (simulated)",
      implementations: both,
      substrate: "simulated",
      plan: planOf({
        module: "storage",
        seed: `${seed}/tradeoffs/0`,
        nodes: 5,
        workload: { ...puts, valueBytes: 32, keys: 40 },
        load: { loop: "open", clients: 8, ratePerS: 200 },
        durationMs: 2000,
      }),
      estimateS: 1,
      probes: [copiesOfKeys],
    }),
    blockStage({
      experiment: "storage-tradeoffs",
      block: 1,
      label: "deleted keys and overwritten ones (simulated)",
      implementations: both,
      substrate: "simulated",
      plan: planOf({
        module: "storage",
        seed: `${seed}/tradeoffs/1`,
        workload: { ...puts, valueBytes: 32, keys: 30, readFraction: 0.1, deleteFraction: 0.4 },
        load: { loop: "open", clients: 8, ratePerS: 300 },
        durationMs: 6000,
        // Nothing is cut off: it only gives what goes on in the background time after the load.
        settings: { tombstoneGraceMs: 200, antiEntropyIntervalMs: 300, compactionBytes: 20_000 },
      }),
      estimateS: 2,
      probes: [
        tombstonesLeft,
        counterProbe("compactions", "compactions", "count"),
        counterProbe("tombstones-collected", "tombstones collected", "count"),
      ],
    }),
    blockStage({
      experiment: "storage-tradeoffs",
      block: 2,
      label: "a node joins (simulated)",
      implementations: ["production"],
      substrate: "simulated",
      plan: planOf({
        module: "storage",
        seed: `${seed}/tradeoffs/2`,
        workload: { ...puts, valueBytes: 32, keys: 40 },
        load: { loop: "open", clients: 8, ratePerS: 200 },
        durationMs: 2500,
        faults: [{ kind: "add", target: "one", placement: { at: "time", ms: 500 }, durationMs: 2000 }],
      }),
      estimateS: 1,
      probes: [latencyAround("rebalance")],
    }),
  ],
};
