/** Stages that time pure operations, each in a process of its own. */

import { measurementRows } from "./block-rows.ts";
import { microbenchRow, sampleTask } from "./measure/microbench.ts";
import type { MicrobenchOptions, MicrobenchTask } from "./measure/microbench.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Stage, StageResult } from "./plan/experiment.ts";
import type { Row } from "./record/tables.ts";

/** Returns the stage of `task`; its row goes to the `microbench` table. */
export function microbenchStage(task: MicrobenchTask): Stage {
  return {
    label: task.id,
    seed: "none",
    estimateS: 2.5,
    run: async () => {
      const row = microbenchRow(task.id, await sampleTask(task));
      const summary = `${task.id}: ${row.p50_ns} ns`;
      return { rows: { microbench: [row] }, files: [], implementations: [], validity: "valid", summary };
    },
  };
}

export interface RelatedMicrobenchOptions {
  readonly experiment: string;
  readonly block: number;
  readonly label: string;
  /** Whose code the tasks time. */
  readonly implementation: string;
  readonly tasks: readonly MicrobenchTask[];
  readonly sampling: MicrobenchOptions;
  /** Measurements from the median time of one operation of each task, in nanoseconds, by the task's id. */
  readonly relate: (p50Ns: ReadonlyMap<string, number>) => readonly Measurement[];
}

/**
 * Returns the stage that times several tasks one after the other, so that what they are to each other is measured in
 * one block; its rows go to `microbench`, what `relate` says to `measurements`.
 */
export function relatedMicrobenchStage(options: RelatedMicrobenchOptions): Stage {
  const { label, tasks, sampling } = options;
  const estimateS = tasks.length * (0.4 + (1.5 * sampling.measureMs) / 1000);
  return { label, seed: "none", estimateS, run: () => timeRelated(options) };
}

async function timeRelated(options: RelatedMicrobenchOptions): Promise<StageResult> {
  const { experiment, block, implementation, tasks, sampling, relate } = options;
  const rows: Row<"microbench">[] = [];
  const p50Ns = new Map<string, number>();
  for (const task of tasks) {
    const row = microbenchRow(task.id, await sampleTask(task, sampling));
    rows.push(row);
    p50Ns.set(task.id, Number(row.p50_ns));
  }
  const key = { experiment, block, implementation, substrate: "none", nodes: 0, seed: "none" };
  const measurements = relate(p50Ns);
  return {
    rows: { microbench: rows, measurements: measurementRows(key, measurements) },
    files: [],
    implementations: [{ name: implementation, status: "sound", voids: [] }],
    validity: "valid",
    summary: measurements.map(({ metric, value, unit }) => `${metric} ${value.toPrecision(3)} ${unit}`).join(", "),
  };
}
