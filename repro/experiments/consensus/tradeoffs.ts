/** The documented tradeoffs between minimal and production, each shown on both sides. */

import { blockStage } from "../../../harness/block-stage.ts";
import { knockStage } from "../../../harness/knock-stage.ts";
import { counterProbe, lostAppends } from "../../../harness/measure/probes.ts";
import type { Experiment } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { durabilityStages } from "../durability-stages.ts";
import type { DurabilityOptions } from "../durability-stages.ts";

const both = ["minimal", "production"] as const;
const appends = { id: "append", valueBytes: 64, keys: 1, readFraction: 0, casFraction: 0 } as const;

const durability: DurabilityOptions = {
  experiment: { id: "consensus-durability", module: "consensus" },
  blocks: {
    smoke: { simulated: 3, cluster: 0 },
    quick: { simulated: 10, cluster: 0 },
    full: { simulated: 30, cluster: 3 },
  },
  workload: appends,
  durationMs: 3000,
  killedAtMs: 1000,
  probe: lostAppends,
  clusterS: 12,
};

export const consensusDurability: Experiment = {
  ...durability.experiment,
  title: "All nodes crash at once",
  purpose:
    "Does production keep every acknowledged write when all nodes crash, and does minimal, as documented, lose them?",
  stages: (profile, seed) => durabilityStages(durability, profile, seed),
};

export const consensusTradeoffs: Experiment = {
  id: "consensus-tradeoffs",
  module: "consensus",
  title: "Calls and messages, one thread and several, log and snapshots",
  purpose: "Do the two differ as documented in network, concurrency and snapshotting?",
  stages: (_profile, seed) => [
    blockStage({
      experiment: "consensus-tradeoffs",
      block: 0,
      label: "network and threads (cluster)",
      implementations: both,
      substrate: "cluster",
      plan: planOf({
        seed: `${seed}/tradeoffs/0`,
        workload: appends,
        load: { loop: "open", clients: 16, ratePerS: 300 },
        durationMs: 1200,
        generatorLimitMs: 200,
      }),
      estimateS: 8,
      probes: [
        counterProbe("node-to-node-bytes", "node to node bytes", "bytes"),
        counterProbe("disk-thread-lock-acquisitions", "disk thread lock acquisitions", "count"),
        counterProbe("threads", "threads", "count", "max"),
      ],
    }),
    blockStage({
      experiment: "consensus-tradeoffs",
      block: 1,
      label: "snapshots and a node that was away (simulated)",
      implementations: both,
      substrate: "simulated",
      plan: planOf({
        seed: `${seed}/tradeoffs/1`,
        workload: appends,
        load: { loop: "open", clients: 8, ratePerS: 200 },
        durationMs: 5000,
        faults: [{ kind: "isolate-one", target: ["n2"], placement: { at: "time", ms: 1000 }, durationMs: 2500 }],
        settings: { snapshotEveryEntries: 100, trailingEntries: 10 },
      }),
      estimateS: 1,
      probes: [
        counterProbe("log-entries-after-load", "log entries", "entries", "max"),
        counterProbe("snapshots-taken", "snapshots taken", "count"),
        counterProbe("snapshot-installs", "snapshots installed", "count"),
      ],
    }),
    knockStage({
      module: "consensus",
      experiment: "consensus-tradeoffs",
      block: 2,
      implementation: "production",
      seed: `${seed}/tradeoffs/2`,
    }),
  ],
};
