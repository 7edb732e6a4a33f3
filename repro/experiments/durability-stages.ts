/** The stages in which all nodes crash at once: what is acknowledged survives on disks, and in memory it does not. */

import { blockStage } from "../../harness/block-stage.ts";
import type { Probe } from "../../harness/measure/probes.ts";
import type { Experiment, Profile, Stage } from "../../harness/plan/experiment.ts";
import { planOf } from "../../harness/plan/plan.ts";
import type { Plan, WorkloadSpec } from "../../harness/plan/plan.ts";

export interface DurabilityOptions {
  readonly experiment: Pick<Experiment, "id"> & { readonly module: Plan["module"] };
  readonly blocks: Readonly<Record<Profile, { readonly simulated: number; readonly cluster: number }>>;
  readonly workload: WorkloadSpec;
  readonly load?: Plan["load"];
  readonly durationMs: number;
  readonly killedAtMs: number;
  /** Counts what was lost. */
  readonly probe: Probe;
  readonly clusterS: number;
}

export function durabilityStages(options: DurabilityOptions, profile: Profile, seed: string): readonly Stage[] {
  const { experiment, blocks, workload, durationMs, killedAtMs, probe, clusterS } = options;
  const { load = { loop: "open", clients: 16, ratePerS: 100 } } = options;
  const { simulated, cluster } = blocks[profile];
  return Array.from({ length: simulated + cluster }, (_, block) => {
    const substrate = block < simulated ? "simulated" : "cluster";
    return blockStage({
      experiment: experiment.id,
      block,
      label: `all nodes killed (${substrate})`,
      implementations: ["minimal", "production"],
      substrate,
      plan: planOf({
        module: experiment.module,
        seed: `${seed}/durability/${block}`,
        workload,
        load,
        durationMs,
        deadlineMs: 1000,
        generatorLimitMs: 200,
        faults: [{ kind: "kill", target: "all", placement: { at: "time", ms: killedAtMs }, durationMs: 400 }],
      }),
      estimateS: substrate === "cluster" ? clusterS : 0.3,
      probes: [probe],
      mustFail: (implementation) => implementation === "minimal",
    });
  });
}
