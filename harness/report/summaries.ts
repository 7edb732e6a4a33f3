/**
 * Condenses the result tables for a reader: performance, faults and checks by experiment and implementation.
 *
 * A block is one observation: performance is the median over blocks, with the range of the blocks beside it. Only real
 * processes have performance; simulated rows are left out of it.
 */

import { ascending, groupBy, numberOf, quantile, textOf } from "../chart/figure.ts";
import type { FigureTables, TableRow } from "../chart/figure.ts";
import { orderImplementations } from "../chart/theme.ts";

/** A median over blocks with the lowest and highest block. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface PerformanceSummary {
  /** With the name of its plan where a block has several: "consensus-latency: 500-per-s". */
  readonly experiment: string;
  readonly implementation: string;
  readonly nodes: number;
  readonly blocks: number;
  readonly throughputPerS: Spread | undefined;
  /** From the intended start, all operations. */
  readonly latencyMs: { readonly [Column in (typeof latencyColumns)[number]]: Spread | undefined };
}

export interface FaultSummary {
  readonly fault: string;
  readonly implementation: string;
  readonly substrate: string;
  readonly injected: number;
  /** Faults that did nothing, which voids their block. */
  readonly inert: number;
  /** What they did altogether, by unit: `812 messages cut`. */
  readonly efficacy: readonly { readonly count: number; readonly unit: string }[];
}

export interface CheckSummary {
  readonly check: string;
  readonly implementation: string;
  readonly substrate: string;
  readonly valid: number;
  readonly invalid: number;
  readonly unknown: number;
  /** How much was judged altogether, in `unit`. */
  readonly judged: number;
  readonly unit: string;
  /** The first summary that is not of a valid check. */
  readonly problem: string | undefined;
}

export const latencyColumns = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"] as const;

/** Returns one entry per experiment, cluster size and implementation that was measured on real processes. */
export function summarisePerformance({ throughput = [], latency = [] }: FigureTables): readonly PerformanceSummary[] {
  const rates = throughput.filter((row) => isReal(row) && textOf(row, "window_s") === "all");
  const latencies = latency.filter(
    (row) => isReal(row) && textOf(row, "measure") === "intended" && textOf(row, "operation") === "all",
  );
  const groups = groupInOrder([...rates, ...latencies], (row) =>
    [textOf(row, "experiment"), textOf(row, "nodes").padStart(4, "0"), naturalOrder(textOf(row, "variant"))].join(" "),
  );
  return groups.map((rows) => {
    const [first] = rows;
    const spreadIn = (column: string): Spread | undefined =>
      spreadOf(rows.flatMap((row) => numberOf(row, column) ?? []));
    return {
      experiment: [cellOf(first, "experiment"), cellOf(first, "variant")].filter((part) => part !== "").join(": "),
      implementation: cellOf(first, "implementation"),
      nodes: Number(cellOf(first, "nodes")),
      blocks: new Set(rows.map((row) => textOf(row, "block"))).size,
      throughputPerS: spreadIn("throughput_per_s"),
      latencyMs: {
        p50_ms: spreadIn("p50_ms"),
        p90_ms: spreadIn("p90_ms"),
        p99_ms: spreadIn("p99_ms"),
        p999_ms: spreadIn("p999_ms"),
        max_ms: spreadIn("max_ms"),
      },
    };
  });
}

/** Returns one entry per kind of fault, substrate and implementation. */
export function summariseFaults({ faults = [] }: FigureTables): readonly FaultSummary[] {
  return groupInOrder(faults, (row) => `${textOf(row, "fault")} ${textOf(row, "substrate")}`).map((rows) => ({
    fault: cellOf(rows[0], "fault"),
    implementation: cellOf(rows[0], "implementation"),
    substrate: cellOf(rows[0], "substrate"),
    injected: rows.length,
    inert: rows.filter((row) => numberOf(row, "efficacy") === 0).length,
    efficacy: [...groupBy(rows, (row) => textOf(row, "efficacy_unit"))].map(([unit, ofUnit]) => ({
      count: sumOf(ofUnit, "efficacy"),
      unit,
    })),
  }));
}

/** Returns one entry per check, substrate and implementation. */
export function summariseChecks({ checks = [] }: FigureTables): readonly CheckSummary[] {
  const key = (row: TableRow): string => ["check", "unit", "substrate"].map((column) => textOf(row, column)).join(" ");
  return groupInOrder(checks, key).map((rows) => {
    const having = (verdict: string): readonly TableRow[] => rows.filter((row) => textOf(row, "verdict") === verdict);
    const [problem] = [...having("invalid"), ...having("unknown")];
    return {
      check: cellOf(rows[0], "check"),
      implementation: cellOf(rows[0], "implementation"),
      substrate: cellOf(rows[0], "substrate"),
      valid: having("valid").length,
      invalid: having("invalid").length,
      unknown: having("unknown").length,
      judged: sumOf(rows, "count"),
      unit: cellOf(rows[0], "unit"),
      problem: problem === undefined ? undefined : textOf(problem, "summary"),
    };
  });
}

/** Groups by `keyOf` and implementation: keys ascending, within a key minimal, production, then peers. */
function groupInOrder(rows: readonly TableRow[], keyOf: (row: TableRow) => string): readonly (readonly TableRow[])[] {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  return [...groupBy(rows, keyOf).values()].flatMap((ofKey) =>
    names.flatMap((name) => {
      const group = ofKey.filter((row) => textOf(row, "implementation") === name);
      return group.length === 0 ? [] : [group];
    }),
  );
}

function isReal(row: TableRow): boolean {
  return textOf(row, "substrate") === "cluster";
}

function cellOf(row: TableRow | undefined, column: string): string {
  return row === undefined ? "" : textOf(row, column);
}

function sumOf(rows: readonly TableRow[], column: string): number {
  return rows.reduce((sum, row) => sum + (numberOf(row, column) ?? 0), 0);
}

function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = ascending(values);
  const [low] = sorted;
  const high = sorted.at(-1);
  return low === undefined || high === undefined ? undefined : { median: quantile(sorted, 0.5), low, high };
}

/** Numbers in a name are ordered as numbers: 500 before 10000. */
function naturalOrder(name: string): string {
  return name.replaceAll(/\d+/g, (digits) => digits.padStart(9, "0"));
}
