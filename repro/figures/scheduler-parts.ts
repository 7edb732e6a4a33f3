/** What the figures of the scheduler share: which rows they draw, values by implementation, the colours of tenants. */

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { TableRow } from "../../harness/chart/figure.ts";
import { formatQuantity } from "../../harness/report/number-text.ts";
import type { Series } from "./parts.ts";

/** Returns the rows of `experiment` on `substrate`: virtual durations are never drawn as speed, nor the other way. */
export function rowsOf(
  rows: readonly TableRow[] | undefined,
  experiment: string,
  substrate: "simulated" | "cluster",
): readonly TableRow[] {
  return (rows ?? []).filter(
    (row) => textOf(row, "experiment") === experiment && textOf(row, "substrate") === substrate,
  );
}

/** Returns the values that `metric` has on `implementation`, one per block. */
export function valuesOf(rows: readonly TableRow[], metric: string, implementation: string): readonly number[] {
  return rows
    .filter((row) => textOf(row, "metric") === metric && textOf(row, "implementation") === implementation)
    .flatMap((row) => numberOf(row, "value") ?? []);
}

export function blocksOf(rows: readonly TableRow[]): string {
  return formatQuantity(new Set(rows.map((row) => textOf(row, "block"))).size, "block");
}

/** Of the ticks of a logarithmic axis those for whose labels a panel beside columns of figures has room. */
export function roomyTicks(ticks: readonly number[]): number[] {
  return ticks.length > 6 ? ticks.filter((value) => Number.isInteger(Math.log10(value))) : [...ticks];
}

/** Of the same palette as the implementations, and none of their colours. */
export const tenantSeries = [
  { name: "flood", colour: "#56b4e9", dash: [1, 0], shape: "square", isMarkOnly: true },
  { name: "second", colour: "#e69f00", dash: [1, 0], shape: "square", isMarkOnly: true },
  { name: "third", colour: "#009e73", dash: [1, 0], shape: "square", isMarkOnly: true },
] as const satisfies readonly Series[];
