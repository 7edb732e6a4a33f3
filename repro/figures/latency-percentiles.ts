/**
 * Figure: latency at p50, p90, p99, p99.9 and the maximum, implementations against each other.
 *
 * One observation is one block: the line is the median over blocks of a percentile, the band spans their minimum and
 * maximum. Percentiles are never pooled or averaged over requests. Latency counts from the intended start, so that a
 * stall is charged to every request that it delayed (Tene 2015, "How not to measure latency").
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatQuantity } from "../../harness/report/number-text.ts";
import { implementationEncoding, legendPanel, logarithmicAxis, median, vegaLiteSchema } from "./parts.ts";
import type { Layer, LogarithmicAxis } from "./parts.ts";

export const latencyPercentiles: Figure = {
  id: "latency-percentiles",
  title: "Latency by percentile",
  caption:
    "Latency from the intended start of each operation (open loop), all operations together. Line: median over blocks; " +
    "band: minimum to maximum over blocks. Both axes are logarithmic; the maximum has no place on the scale and is " +
    "set apart at its end.",
  needs: ["latency"],
  build: ({ latency = [] }) => {
    const rows = latency.filter(
      (row) =>
        textOf(row, "substrate") === "cluster" &&
        textOf(row, "measure") === "intended" &&
        textOf(row, "operation") === "all",
    );
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

/** Each percentile at -log10(1 - p): every further nine takes the same room. */
const percentiles = [
  { column: "p50_ms", position: -Math.log10(0.5), label: "p50" },
  { column: "p90_ms", position: 1, label: "p90" },
  { column: "p99_ms", position: 2, label: "p99" },
  { column: "p999_ms", position: 3, label: "p99.9" },
  { column: "max_ms", position: 3.7, label: "max" },
] as const;

/** Three panels are what a page holds; experiments that compare more implementations come first. */
const maximumPanels = 3;
/** A latency of zero has no logarithm; a clock's resolution is not far below this. */
const floorMs = 0.001;

interface Mark {
  readonly implementation: string;
  readonly position: number;
  readonly medianMs: number;
  readonly lowMs: number;
  readonly highMs: number;
}

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const panels = [...groupBy(rows, panelKey).values()]
    .sort((a, b) => implementationsOf(b).length - implementationsOf(a).length)
    .slice(0, maximumPanels);
  const shown = panels.flat();
  const names = orderImplementations(implementationsOf(shown));
  const marks = panels.map(marksOf);
  const lowestMs = Math.min(...marks.flat().map(({ lowMs }) => lowMs));
  const highestMs = Math.max(...marks.flat().map(({ highMs }) => highMs));
  const axis = logarithmicAxis(lowestMs, highestMs);
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Latency by percentile", subtitle: panels.length === 1 ? describe(panels[0] ?? []) : "" },
    spacing: 14,
    vconcat: [
      legendPanel(names, sizes.plotWidth),
      ...panels.map((panel, index) => ({
        width: sizes.plotWidth,
        height: panels.length === 1 ? 210 : 150,
        ...(panels.length === 1
          ? {}
          : { title: { text: describe(panel), style: "panel-title", frame: "group" as const } }),
        layer: layersOf(marks[index] ?? [], names, axis, index === panels.length - 1),
      })),
    ],
  };
}

function panelKey(row: TableRow): string {
  const rate = textOf(row, "offered_per_s").padStart(9, "0");
  return `${textOf(row, "experiment")} ${textOf(row, "nodes").padStart(4, "0")} ${rate}`;
}

function implementationsOf(rows: readonly TableRow[]): readonly string[] {
  return [...new Set(rows.map((row) => textOf(row, "implementation")))];
}

function describe(rows: readonly TableRow[]): string {
  const [row] = rows;
  if (row === undefined) return "";
  const blocks = new Set(rows.map((each) => textOf(each, "block"))).size;
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  const rate = formatCount(numberOf(row, "offered_per_s") ?? 0);
  return `${textOf(row, "experiment")}: ${nodes}, ${rate} arrivals per s, ${formatQuantity(blocks, "block")}`;
}

function marksOf(rows: readonly TableRow[]): readonly Mark[] {
  return [...groupBy(rows, (row) => textOf(row, "implementation"))].flatMap(([implementation, blocks]) =>
    percentiles.flatMap(({ column, position }) => {
      const values = blocks.flatMap((row) => numberOf(row, column) ?? []).map((value) => Math.max(value, floorMs));
      const medianMs = median(values);
      if (medianMs === undefined) return [];
      return [{ implementation, position, medianMs, lowMs: Math.min(...values), highMs: Math.max(...values) }];
    }),
  );
}

function layersOf(marks: readonly Mark[], names: readonly string[], latency: LogarithmicAxis, last: boolean): Layer[] {
  const x = {
    field: "position",
    type: "quantitative" as const,
    scale: { domain: [0.15, 3.85], nice: false },
    axis: {
      title: last ? "percentile of operations" : null,
      values: percentiles.map(({ position }) => position),
      labelExpr: labelExpression(),
    },
  };
  const y = {
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...latency.domain], nice: false },
    axis: { title: "latency (ms)", values: [...latency.ticks], format: ",~r", minExtent: 34 },
  };
  const encoding = implementationEncoding(names);
  return [
    {
      data: { values: [...marks] },
      mark: { type: "area", opacity: 0.18 },
      encoding: { x, y: { ...y, field: "lowMs" }, y2: { field: "highMs" }, color: encoding.color },
    },
    {
      data: { values: [...marks] },
      mark: { type: "line" },
      encoding: { x, y: { ...y, field: "medianMs" }, color: encoding.color, strokeDash: encoding.strokeDash },
    },
    {
      data: { values: [...marks] },
      mark: { type: "point", filled: false, fill: ink.background, opacity: 1 },
      encoding: { x, y: { ...y, field: "medianMs" }, color: encoding.color, shape: encoding.shape },
    },
  ];
}

/** Vega names the axis's positions by an expression over their values. */
function labelExpression(): string {
  return percentiles.reduceRight(
    (rest, { position, label }) => `abs(datum.value - ${position}) < 0.01 ? '${label}' : ${rest}`,
    "''",
  );
}
