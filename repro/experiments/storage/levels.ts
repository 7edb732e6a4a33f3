/** What waiting for more replicas costs: one client, each quorum level, replication factors 1 and 3. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import { operationTimes, sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { Plan } from "../../../harness/plan/plan.ts";
import type { QuorumLevel } from "../../../implementations/storage/contract.ts";
import { overheadS, valueOf } from "../consensus/performance.ts";
import { puts, storageLoop } from "./loads.ts";

/** The claims are about one client: its blocks are enough for an interval. */
const clientsOfBlocks: Readonly<Record<Profile, readonly (1 | 64)[]>> = {
  ...{ smoke: [], quick: [1], full: [1, 64, 1, 1, 1, 1] },
};
const measuredMs: Readonly<Record<Profile, number>> = { smoke: 400, quick: 500, full: 1000 };

interface Level {
  readonly name: string;
  readonly level: QuorumLevel;
  readonly copies: 1 | 3;
  readonly readFraction: number;
}

/** Of replication factor 1 every level is the same. */
const levels: readonly Level[] = [
  { name: "put-single", level: "majority", copies: 1, readFraction: 0 },
  { name: "put-one", level: "one", copies: 3, readFraction: 0 },
  { name: "put-majority", level: "majority", copies: 3, readFraction: 0 },
  { name: "put-all", level: "all", copies: 3, readFraction: 0 },
  { name: "get-one", level: "one", copies: 3, readFraction: 0.98 },
  { name: "get-majority", level: "majority", copies: 3, readFraction: 0.98 },
  { name: "get-all", level: "all", copies: 3, readFraction: 0.98 },
];

export const storageLevels: Experiment = {
  id: "storage-levels",
  module: "storage",
  title: "Latency and throughput by quorum level and replication factor",
  purpose:
    "What do puts and gets take at each quorum level, and with one replica, for one client and for 64 (closed loop)?",
  stages: (profile, seed) =>
    clientsOfBlocks[profile].map((clients, block) => {
      const plan = storageLoop(profile, clients, measuredMs[profile]);
      return seriesStage({
        experiment: "storage-levels",
        block,
        label: `each quorum level, ${clients} ${clients === 1 ? "client" : "clients"}`,
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/levels/${block}`,
        variants: levels.map((each) => ({ name: each.name, plan: planAt(each, plan, `${seed}/levels/${block}`) })),
        probes: [operationTimes, sustainedThroughput],
        relate: clients === 1 ? ratios : () => [],
        estimateS: levels.length * ((plan.durationMs ?? 0) / 1000 + overheadS),
        measures: ["throughput", "latency"],
      });
    }),
};

function planAt({ name, level, copies, readFraction }: Level, plan: Omit<Partial<Plan>, "seed">, seed: string): Plan {
  const workload = { ...puts, level, readFraction };
  return planOf({ ...plan, workload, settings: { replicationFactor: copies }, seed: `${seed}/${name}` });
}

function ratios(measured: MeasuredVariants): readonly Measurement[] {
  const p50 = (variant: string): number => valueOf(measured, variant, "operation-p50-ms");
  const ratio = (metric: string, of: string, to: string): Measurement => ({
    metric,
    value: p50(of) / p50(to),
    unit: "ratio",
  });
  return [
    ratio("put-majority-to-single", "put-majority", "put-single"),
    ratio("put-all-to-single", "put-all", "put-single"),
    ratio("get-majority-to-one", "get-majority", "get-one"),
  ];
}
