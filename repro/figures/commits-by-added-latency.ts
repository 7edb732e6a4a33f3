/**
 * Figure: commits per second, as a share of those without it, against the latency added to the round trip between
 * nodes.
 *
 * Two loads stand beside the published curve, because the answer depends on which of them is meant: with a fixed number
 * of writes in flight commits fall as each takes longer, at a fixed rate of arrivals they do not fall at all.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatQuantity } from "../../harness/report/number-text.ts";
import { median, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Series } from "./parts.ts";

export const commitsByAddedLatency: Figure = {
  id: "commits-by-added-latency",
  title: "Commits against added latency",
  caption:
    "Commits per second as a share of those with no latency added. The milliseconds are what every round trip between " +
    "nodes takes longer, half of it each way. Each mark is one block; lines join the medians over blocks. Grey: the " +
    "published shares (N-ST-17), give or take 0.15.",
  needs: ["measurements"],
  build: ({ measurements = [] }) => {
    const rows = measurements.filter(
      (row) => textOf(row, "substrate") === "cluster" && pattern.test(textOf(row, "metric")),
    );
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

const pattern = /^commits-ratio@\+(\d+)-ms@(closed|open)-loop$/;
/** N-ST-17. */
const published = [
  { addedMs: 0, share: 1 },
  { addedMs: 10, share: 0.917 },
  { addedMs: 50, share: 0.667 },
  { addedMs: 100, share: 0.429 },
  { addedMs: 500, share: 0.076 },
] as const;
const publishedReach = 0.15;

const loads = {
  closed: { name: "fixed number in flight", colour: "#0072b2", dash: [1, 0], shape: "circle" },
  open: { name: "fixed rate of arrivals", colour: "#d55e00", dash: [5, 3], shape: "diamond" },
} as const satisfies Record<string, Series>;
const publishedSeries: Series = { name: "published", colour: ink.axis, dash: [2, 2], shape: "square" };

interface Mark {
  readonly load: keyof typeof loads;
  readonly addedMs: number;
  readonly share: number;
}

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const marks = rows.flatMap(markOf);
  const shown = (["closed", "open"] as const).filter((load) => marks.some((mark) => mark.load === load));
  const highest = Math.max(1.2, ...marks.map(({ share }) => share));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Commits against added latency", subtitle: describe(rows) },
    spacing: 14,
    vconcat: [
      seriesLegend([...shown.map((load) => loads[load]), publishedSeries], sizes.plotWidth),
      {
        width: sizes.plotWidth,
        height: 210,
        layer: [...publishedLayers(highest), ...shown.flatMap((load) => loadLayers(load, marks, highest))],
      },
    ],
  };
}

function markOf(row: TableRow): readonly Mark[] {
  const [, addedMs = "", load = ""] = pattern.exec(textOf(row, "metric")) ?? [];
  const share = numberOf(row, "value");
  if (share === undefined) return [];
  return [{ load: load as Mark["load"], addedMs: Number(addedMs), share }];
}

/** The root spreads 0 to 100 ms out, and still has a place for 0. */
const x = {
  field: "addedMs",
  type: "quantitative" as const,
  scale: { type: "sqrt" as const, domain: [0, 520], nice: false },
  axis: { title: "added to every round trip between nodes (ms)", values: [0, 10, 50, 100, 200, 300, 500], grid: false },
};

function yAxis(highest: number) {
  return {
    field: "share",
    type: "quantitative" as const,
    scale: { domain: [0, highest], nice: false },
    axis: { title: "commits, share of those at +0 ms", format: ".1~f", tickCount: 6, minExtent: 34 },
  };
}

function publishedLayers(highest: number): Layer[] {
  const values = published.map((point) => ({
    ...point,
    low: Math.max(0, point.share - publishedReach),
    high: point.share + publishedReach,
  }));
  const y = yAxis(highest);
  return [
    {
      data: { values },
      mark: { type: "area", color: ink.axis, opacity: 0.16, clip: true },
      encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
    },
    {
      data: { values },
      mark: { type: "line", color: publishedSeries.colour, strokeDash: [...publishedSeries.dash], strokeWidth: 1.4 },
      encoding: { x, y },
    },
    {
      data: { values },
      mark: { type: "point", filled: true, color: publishedSeries.colour, shape: publishedSeries.shape, opacity: 1 },
      encoding: { x, y },
    },
  ];
}

function loadLayers(load: Mark["load"], marks: readonly Mark[], highest: number): Layer[] {
  const { colour, dash, shape } = loads[load];
  // Every share is of the block's own commits at +0 ms, where it is 1 by definition.
  const own = [{ load, addedMs: 0, share: 1 }, ...marks.filter((mark) => mark.load === load)];
  const medians = [...groupBy(own, ({ addedMs }) => String(addedMs).padStart(6, "0"))].map(([addedMs, group]) => ({
    addedMs: Number(addedMs),
    share: median(group.map(({ share }) => share)) ?? 0,
  }));
  const y = yAxis(highest);
  return [
    {
      data: { values: medians },
      mark: { type: "line", color: colour, strokeDash: [...dash] },
      encoding: { x, y },
    },
    {
      data: { values: own },
      mark: { type: "point", filled: true, color: colour, shape, opacity: 0.85 },
      encoding: { x, y },
    },
  ];
}

function describe(rows: readonly TableRow[]): string {
  const blocks = new Set(rows.map((each) => textOf(each, "block"))).size;
  const nodes = formatQuantity(numberOf(rows[0] ?? {}, "nodes") ?? 0, "node");
  return `${textOf(rows[0] ?? {}, "experiment")}: ${nodes}, ${formatQuantity(blocks, "block")}`;
}
