/** A stage that launches a real cluster and tries to speak to it with a certificate of another authority. */

import type { Module } from "../implementations/foundation/deployment.ts";
import { measurementRows } from "./block-rows.ts";
import { implementationOf, missingImplementations } from "./rooms/rooms.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import type { ImplementationRecord } from "./record/manifest.ts";

export interface KnockStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly module: Module;
  readonly implementation: string;
  readonly seed: string;
}

const nodes = 3;

/** Returns the stage; it measures `refused-strangers` and `tried-strangers`. */
export function knockStage(options: KnockStageOptions): Stage {
  const label = `${options.implementation}: a stranger knocks (cluster)`;
  return { label, seed: options.seed, estimateS: 3, run: (context) => knock(options, context) };
}

async function knock(options: KnockStageOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, module, implementation, seed } = options;
  const reason = (await missingImplementations(module, [implementation])).get(implementation);
  if (reason !== undefined) {
    const left: ImplementationRecord = {
      name: implementation,
      status: "void",
      voids: [{ kind: "not-installed", reason }],
    };
    return { rows: {}, files: [], implementations: [left], validity: "void", summary: reason };
  }
  const deployment = await implementationOf(module, implementation).deploy({
    substrate: "cluster",
    nodes,
    seed,
    directory: context.workDirectory,
  });
  try {
    const answer = await deployment.knock();
    if (answer === undefined) {
      return { rows: {}, files: [], implementations: [], validity: "unknown", summary: "nodes without certificates" };
    }
    const key = { experiment, block, implementation, substrate: "cluster", nodes, seed };
    const rows = measurementRows(key, [
      { metric: "tried-strangers", value: answer.tried, unit: "count" },
      { metric: "refused-strangers", value: answer.refused, unit: "count" },
    ]);
    const validity = answer.refused === answer.tried ? "valid" : "invalid";
    const summary = `${answer.refused} of ${answer.tried} nodes refused the stranger`;
    const implementations = [{ name: implementation, status: "sound", voids: [] }] as const;
    return { rows: { measurements: rows }, files: [], implementations, validity, summary };
  } finally {
    await deployment.stop();
  }
}
