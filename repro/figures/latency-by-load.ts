/**
 * Figure: latency at p50 and p99 against the load that was offered, up to saturation, implementations against each
 * other.
 *
 * One observation is one block: the line joins the medians over blocks of a percentile. Latency counts from the
 * intended start, so that beyond saturation it is the length of the queue, and not the system's idea of a fast answer.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatQuantity } from "../../harness/report/number-text.ts";
import { countLabelExpression, implementationEncoding, legendPanel, logarithmicAxis, median } from "./parts.ts";
import { vegaLiteSchema } from "./parts.ts";
import type { LogarithmicAxis, Panel } from "./parts.ts";

export const latencyByLoad: Figure = {
  id: "latency-by-load",
  title: "Latency against offered load",
  caption:
    "Latency from the intended start of each operation against the mean rate of arrivals (open loop), at the median and " +
    "at the 99th percentile. Each mark is one block; the line joins the medians over blocks. All axes are logarithmic. " +
    "Where a line turns upwards, arrivals come faster than they are served: the queue grows for as long as the load lasts.",
  needs: ["latency"],
  build: ({ latency = [] }) => {
    const rows = latency.filter(
      (row) =>
        textOf(row, "substrate") === "cluster" &&
        textOf(row, "measure") === "intended" &&
        textOf(row, "operation") === "all" &&
        (numberOf(row, "offered_per_s") ?? 0) > 0,
    );
    // A curve needs loads: the experiment and cluster size with most of them.
    const [shown] = [...groupBy(rows, (row) => `${textOf(row, "experiment")} ${textOf(row, "nodes")}`).values()].sort(
      (a, b) => ratesOf(b).length - ratesOf(a).length,
    );
    return shown === undefined ? undefined : specOf(shown);
  },
};

const panels = [
  { column: "p50_ms", title: "p50" },
  { column: "p99_ms", title: "p99" },
] as const;

/** A latency of zero has no logarithm; a clock's resolution is not far below this. */
const floorMs = 0.001;

interface Mark {
  readonly implementation: string;
  readonly offeredPerS: number;
  readonly latencyMs: number;
}

function ratesOf(rows: readonly TableRow[]): readonly number[] {
  return [...new Set(rows.map((row) => numberOf(row, "offered_per_s") ?? 0))];
}

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const marks = panels.map(({ column }) => marksOf(rows, column));
  const values = marks.flat().map(({ latencyMs }) => latencyMs);
  const y = logarithmicAxis(Math.min(...values), Math.max(...values));
  const x = logarithmicAxis(Math.min(...ratesOf(rows)), Math.max(...ratesOf(rows)));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Latency against offered load", subtitle: describe(rows) },
    spacing: 14,
    vconcat: [
      legendPanel(names, sizes.plotWidth),
      ...panels.map(({ title }, index) => panelOf(title, marks[index] ?? [], names, { x, y }, index === 1)),
    ],
  };
}

function marksOf(rows: readonly TableRow[], column: string): readonly Mark[] {
  return rows.flatMap((row) => {
    const latencyMs = numberOf(row, column);
    if (latencyMs === undefined) return [];
    return [
      {
        implementation: textOf(row, "implementation"),
        offeredPerS: numberOf(row, "offered_per_s") ?? 0,
        latencyMs: Math.max(latencyMs, floorMs),
      },
    ];
  });
}

function panelOf(
  title: string,
  marks: readonly Mark[],
  names: readonly string[],
  axes: { readonly x: LogarithmicAxis; readonly y: LogarithmicAxis },
  last: boolean,
): Panel {
  const x = {
    field: "offeredPerS",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...axes.x.domain], nice: false },
    axis: {
      title: last ? "arrivals per s" : null,
      values: [...axes.x.ticks],
      labelExpr: countLabelExpression,
      labels: last,
    },
  };
  const y = {
    field: "latencyMs",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...axes.y.domain], nice: false },
    axis: { title: "latency (ms)", values: [...axes.y.ticks], format: ",~r", minExtent: 34 },
  };
  const medians = [
    ...groupBy(marks, ({ implementation, offeredPerS }) => `${implementation} ${offeredPerS}`).values(),
  ].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ ...first, latencyMs: median([first, ...others].map(({ latencyMs }) => latencyMs)) ?? 0 }],
  );
  const encoding = implementationEncoding(names);
  return {
    width: sizes.plotWidth,
    height: 150,
    title: { text: title, style: "panel-title", frame: "group", offset: 6 },
    layer: [
      {
        data: { values: medians },
        mark: { type: "line" },
        encoding: { x, y, color: encoding.color, strokeDash: encoding.strokeDash },
      },
      {
        data: { values: [...marks] },
        mark: { type: "point", filled: true, opacity: 0.8 },
        encoding: { x, y, color: encoding.color, shape: encoding.shape },
      },
    ],
  };
}

function describe(rows: readonly TableRow[]): string {
  const [row] = rows;
  if (row === undefined) return "";
  const blocks = new Set(rows.map((each) => textOf(each, "block"))).size;
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  return `${textOf(row, "experiment")}: ${nodes}, open loop, ${formatQuantity(blocks, "block")}`;
}
