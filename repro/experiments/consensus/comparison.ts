/** Production, minimal and the peers side by side: the same load, in the same minutes, synced on a majority. */

import { seriesStage } from "../../../harness/block-stage.ts";
import { operationTimes, sustainedThroughput } from "../../../harness/measure/load-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import { closedLoop, overheadS, reads } from "./performance.ts";

const blocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
/** Longer warm-ups than elsewhere: one side compiles while it runs and the other does not. */
const comparedWarmUpMs: Readonly<Record<Profile, number>> = { smoke: 400, quick: 1000, full: 1500 };
const measuredMs: Readonly<Record<Profile, number>> = { smoke: 500, quick: 1000, full: 1500 };

interface Load {
  readonly name: string;
  readonly clients: number;
  readonly readFraction: number;
  /** How the peers talk; encrypted, as production does, unless it is said. */
  readonly peers?: keyof typeof settingsOf;
}

/** A few writes go with the reads, so that keys have values and the commit index moves while reads are confirmed. */
const loads = [
  { name: "writes-1", clients: 1, readFraction: 0 },
  { name: "writes-64", clients: 64, readFraction: 0 },
  { name: "writes-256", clients: 256, readFraction: 0 },
  { name: "reads-64", clients: 64, readFraction: 0.995 },
  { name: "writes-64-plain", clients: 64, readFraction: 0, peers: "plain" },
  { name: "writes-256-plain", clients: 256, readFraction: 0, peers: "plain" },
] as const satisfies readonly Load[];

/** What a load's plan adds for peers that can do without encryption: production cannot, and keeps it. */
const settingsOf = { encrypted: {}, plain: { "etcd.tls": false } } as const;

/** @param implementations those that run in every block; minimal, the yardstick, runs in the first alone. */
export function consensusComparisonOf(implementations: readonly string[]): Experiment {
  return {
    id: "consensus-comparison",
    module: "consensus",
    title: "Throughput and latency side by side",
    purpose:
      "How do production, minimal and the peers compare at 1, 64 and 256 clients that write, and at 64 that read, on " +
      "three nodes?",
    stages: (profile, seed) =>
      Array.from({ length: blocks[profile] }, (_, block) => {
        const ran = block === 0 ? ["minimal", ...implementations] : implementations;
        return seriesStage({
          experiment: "consensus-comparison",
          block,
          label: `${ran.join(", ")}: 1, 64, 256 writers, 64 readers`,
          implementations: ran,
          substrate: "cluster",
          seed: `${seed}/comparison/${block}`,
          variants: loads.map(({ name, clients, readFraction, ...rest }: Load) => {
            const plan = closedLoop(profile, clients, measuredMs[profile], comparedWarmUpMs[profile]);
            const workload = { ...reads, readFraction };
            const settings = settingsOf[rest.peers ?? "encrypted"];
            return { name, plan: planOf({ ...plan, workload, settings, seed: `${seed}/comparison/${block}/${name}` }) };
          }),
          estimateS: loads.length * ran.length * ((comparedWarmUpMs[profile] + measuredMs[profile]) / 1000 + overheadS),
          probes: [sustainedThroughput, operationTimes],
          measures: ["throughput", "latency"],
        });
      }),
  };
}
