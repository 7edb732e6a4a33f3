/** A stage that runs no system: it computes what a pure part of an implementation does, exactly. */

import { measurementRows } from "./block-rows.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Stage } from "./plan/experiment.ts";

export interface ComputedStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly label: string;
  readonly estimateS: number;
  /** By implementation, whose code computes it. */
  readonly compute: Readonly<Record<string, () => readonly Measurement[]>>;
}

export function computedStage({ experiment, block, label, estimateS, compute }: ComputedStageOptions): Stage {
  return {
    label,
    seed: "none",
    estimateS,
    run: () => {
      const measured = Object.entries(compute).map(([name, of]) => ({ name, measurements: of() }));
      const rows = measured.flatMap(({ name, measurements }) => {
        const key = { experiment, block, implementation: name, substrate: "none", nodes: 0, seed: "none" };
        return measurementRows(key, measurements);
      });
      const implementations = measured.map(({ name }) => ({ name, status: "sound", voids: [] }) as const);
      const summary = `${rows.length} values computed`;
      return Promise.resolve({ rows: { measurements: rows }, files: [], implementations, validity: "valid", summary });
    },
  };
}
