/**
 * Figure: latency and throughput of a store by quorum level and replication factor, for one client and for 64.
 *
 * One client shows what waiting for more replicas costs an operation, 64 show what is left of it once replicas share
 * their syncs.
 */

import type { TopLevelSpec } from "vega-lite";

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatMeasure, formatQuantity } from "../../harness/report/number-text.ts";
import { dotPanel } from "./dot-rows.ts";
import type { DotPanel, Dots, RowLabel } from "./dot-rows.ts";
import { countLabelExpression, logarithmicAxis, percentileSeries, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Panel, Series } from "./parts.ts";

export const storageLevels: Figure = {
  id: "storage-levels",
  title: "Quorum levels and replication",
  caption:
    "Production on three nodes, closed loop, by what an operation waits for: one, a majority or all of three replicas, " +
    "or the only one there is (one copy). Each mark is one block, the line spans the blocks, the stroke is their " +
    "median, also given in figures. All axes are logarithmic. Gets share their load with 2 % puts, which count in their " +
    "throughput and not in their latency. Clients that wait for answers show what a level costs, not what a queue does.",
  needs: ["latency", "throughput"],
  build: ({ latency = [], throughput = [] }) => {
    const ofLatency = latency.filter((row) => isShown(row) && textOf(row, "measure") === "service" && isOwnKind(row));
    const ofThroughput = throughput.filter((row) => isShown(row) && textOf(row, "window_s") === "all");
    if (ofLatency.length === 0 && ofThroughput.length === 0) return undefined;
    return specOf({ latency: ofLatency, throughput: ofThroughput });
  },
};

const experiment = "storage-levels";
const variants = [
  { name: "put-single", label: "put, one copy" },
  { name: "put-one", label: "put at one" },
  { name: "put-majority", label: "put at majority" },
  { name: "put-all", label: "put at all" },
  { name: "get-one", label: "get at one" },
  { name: "get-majority", label: "get at majority" },
  { name: "get-all", label: "get at all" },
] as const;

const loads = {
  "1": { name: "1 client", colour: "#009e73", dash: [2, 2], shape: "square" },
  "64": { name: "64 clients", colour: "#cc79a7", dash: [8, 3, 2, 3], shape: "triangle-up" },
} as const satisfies Record<string, Series>;

/** Panels of one figure share the scales of their series. */
const allSeries = [...Object.values(percentileSeries), ...Object.values(loads)];

/** A latency or a rate of zero has no logarithm; it is drawn here. */
const floor = 0.001;
const rowPx = 19;
const columnPx = 54;
/** Between puts and gets. */
const gapPx = 7;
/** Two marks of one row stand above each other, so that neither hides the other. */
const shiftPx = 4;
const plotWidthPx = sizes.plotWidth - 2 * columnPx - 16;

function isShown(row: TableRow): boolean {
  return (
    textOf(row, "experiment") === experiment &&
    textOf(row, "substrate") === "cluster" &&
    textOf(row, "implementation") === "production" &&
    textOf(row, "clients") in loads &&
    variants.some(({ name }) => name === textOf(row, "variant"))
  );
}

/** Of gets the reads, of puts the writes. */
function isOwnKind(row: TableRow): boolean {
  return textOf(row, "operation") === (textOf(row, "variant").startsWith("get") ? "read" : "write");
}

function specOf({ latency = [], throughput = [] }: FigureTables): TopLevelSpec {
  const ofClients = (clients: string): readonly TableRow[] =>
    latency.filter((row) => textOf(row, "clients") === clients);
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Quorum levels and replication", subtitle: describe([...latency, ...throughput]) },
    spacing: 16,
    vconcat: [
      ...(latency.length === 0 ? [] : [seriesLegend(Object.values(percentileSeries), sizes.plotWidth - 84)]),
      ...loadsOf(latency).map(([clients, { name }]) => latencyPanel(`Latency, ${name}`, ofClients(clients))),
      ...(throughput.length === 0
        ? []
        : [
            seriesLegend(
              loadsOf(throughput).map(([, series]) => series),
              sizes.plotWidth - 84,
            ),
            throughputPanel(throughput),
          ]),
    ],
  };
}

function describe(rows: readonly TableRow[]): string {
  const blocks = new Set(rows.map((row) => textOf(row, "block"))).size;
  const nodes = formatQuantity(numberOf(rows[0] ?? {}, "nodes") ?? 0, "node");
  return `${experiment}: ${nodes}, closed loop, ${formatQuantity(blocks, "block")}`;
}

/** Those that some row was measured under. */
function loadsOf(rows: readonly TableRow[]): readonly (readonly [clients: string, Series])[] {
  return Object.entries(loads).filter(([clients]) => rows.some((row) => textOf(row, "clients") === clients));
}

function latencyPanel(title: string, rows: readonly TableRow[]): Panel {
  const dots = (["p50", "p99"] as const).flatMap((percentile, column) =>
    dotsOf(rows, `${percentile}_ms`, { series: percentile, column }),
  );
  return panelOf(title, dots, {
    columns: ["p50", "p99"],
    axis: { title: "latency (ms)", format: ",~r" },
    format: (value) => formatMeasure(value),
  });
}

function throughputPanel(rows: readonly TableRow[]): Panel {
  const dots = loadsOf(rows).flatMap(([clients, { name }], column) =>
    dotsOf(
      rows.filter((row) => textOf(row, "clients") === clients),
      "throughput_per_s",
      { series: name, column },
    ),
  );
  return panelOf("Throughput", dots, {
    columns: loadsOf(rows).map(([, { name }]) => name),
    axis: { title: "operations per s", labelExpr: countLabelExpression },
    format: formatCount,
  });
}

function dotsOf(
  rows: readonly TableRow[],
  column: string,
  of: { readonly series: string; readonly column: number },
): readonly Dots[] {
  const byVariant = Map.groupBy(rows, (row) => textOf(row, "variant"));
  return labels.flatMap(({ variant, yPx }) => {
    const values = (byVariant.get(variant) ?? []).flatMap((row) => numberOf(row, column) ?? []);
    return values.length === 0 ? [] : [{ ...of, values, yPx, shiftPx: of.column === 0 ? -shiftPx : shiftPx }];
  });
}

const labels: readonly (RowLabel & { readonly variant: string })[] = variants.map(({ name, label }, index) => ({
  variant: name,
  title: label,
  yPx: (index + 0.5) * rowPx + (name.startsWith("get") ? gapPx : 0),
}));

function panelOf(title: string, dots: readonly Dots[], rest: Pick<DotPanel, "columns" | "axis" | "format">): Panel {
  const values = dots.flatMap((each) => each.values.map((value) => Math.max(value, floor)));
  const { domain, ticks } = logarithmicAxis(Math.min(...values), Math.max(...values));
  return dotPanel({
    ...rest,
    title,
    widthPx: plotWidthPx,
    heightPx: variants.length * rowPx + gapPx,
    labels,
    columnPx,
    series: allSeries,
    dots,
    scale: { type: "log", domain, nice: false },
    axis: { ...rest.axis, values: [...ticks] },
  });
}
