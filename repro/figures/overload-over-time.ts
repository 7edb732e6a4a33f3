/**
 * Figure: an overload over time: throughput, how far each follower's log lies behind the leader's, and every node's
 * memory. One block is shown, the first one: a node's course belongs to its block.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatQuantity } from "../../harness/report/number-text.ts";
import { countLabelExpression, seriesLegend, timeEncoding, vegaLiteSchema } from "./parts.ts";
import type { Panel, Series } from "./parts.ts";

export const overloadOverTime: Figure = {
  id: "overload-over-time",
  title: "An overload over time",
  caption:
    "Above: successful operations per second while arrivals come faster than they can be served. Middle: entries that " +
    "each follower's log lacks of the leader's, the most within each tenth of a second; the leader has no line. Below: " +
    "resident memory of every node.",
  needs: ["timeline", "throughput"],
  build: (tables) => {
    const block = chooseBlock(tables);
    return block === undefined ? undefined : specOf(block);
  },
};

interface Point {
  readonly series: string;
  readonly timeS: number;
  readonly value: number;
}

interface Block {
  readonly description: string;
  readonly nodes: readonly string[];
  readonly throughput: readonly Point[];
  readonly lag: readonly Point[];
  readonly memory: readonly Point[];
  readonly endS: number;
}

const bytesPerMebibyte = 1024 * 1024;
const total = "all nodes";
const shownMetrics: ReadonlySet<string> = new Set(["replication-lag", "resident-bytes"]);

function chooseBlock({ timeline = [], throughput = [] }: FigureTables): Block | undefined {
  const [rows] = groupBy(
    timeline.filter((row) => textOf(row, "substrate") === "cluster" && shownMetrics.has(textOf(row, "metric"))),
    blockOf,
  ).values();
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return undefined;
  const windows = throughput
    .filter((row) => textOf(row, "window_s") !== "all" && blockOf(row) === blockOf(first))
    .map((row) => ({
      series: total,
      timeS: (numberOf(row, "window_start_s") ?? 0) + (numberOf(row, "window_s") ?? 0) / 2,
      value: numberOf(row, "throughput_per_s") ?? 0,
    }));
  const [lag, memory] = [pointsOf(rows, "replication-lag", 1), pointsOf(rows, "resident-bytes", bytesPerMebibyte)];
  return {
    description: describe(first),
    nodes: [...new Set(rows.map((row) => textOf(row, "node")))].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
    throughput: windows.sort(byTime),
    lag,
    memory,
    endS: Math.max(0.1, ...[...windows, ...lag, ...memory].map(({ timeS }) => timeS)),
  };
}

function blockOf(row: TableRow): string {
  return [textOf(row, "experiment"), textOf(row, "block").padStart(9, "0"), textOf(row, "implementation")].join(" ");
}

function pointsOf(rows: readonly TableRow[], metric: string, divisor: number): readonly Point[] {
  return rows
    .filter((row) => textOf(row, "metric") === metric)
    .map((row) => ({
      series: textOf(row, "node"),
      timeS: numberOf(row, "time_s") ?? 0,
      value: (numberOf(row, "value") ?? 0) / divisor,
    }))
    .sort(byTime);
}

function byTime(a: Point, b: Point): number {
  return a.timeS - b.timeS;
}

function describe(row: TableRow): string {
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  return `${textOf(row, "experiment")}, block ${textOf(row, "block")}: ${textOf(row, "implementation")}, ${nodes}`;
}

/** Nodes are no implementations: they take colours that none of those has first. */
const nodeStyles = [
  { colour: "#009e73", dash: [1, 0], shape: "square" },
  { colour: "#cc79a7", dash: [5, 3], shape: "triangle-up" },
  { colour: "#b07c00", dash: [2, 2], shape: "triangle-down" },
  { colour: "#56b4e9", dash: [8, 3, 2, 3], shape: "cross" },
  { colour: "#4d4d4d", dash: [2, 4], shape: "diamond" },
] as const;

function specOf(block: Block): TopLevelSpec {
  const series = block.nodes.map((name, index): Series => {
    const style = nodeStyles[index % nodeStyles.length] ?? nodeStyles[0];
    return { name, ...style };
  });
  const whole: Series = { name: total, colour: ink.text, dash: [1, 0], shape: "circle" };
  const panels = [
    { title: "operations per s", points: block.throughput },
    { title: "entries behind", points: block.lag },
    { title: "resident MiB", points: block.memory },
  ].filter(({ points }) => points.length > 0);
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "An overload over time", subtitle: block.description },
    spacing: 12,
    vconcat: [
      seriesLegend([whole, ...series], sizes.plotWidth),
      ...panels.map((panel, index) => panelOf(panel, [whole, ...series], block.endS, index === panels.length - 1)),
    ],
  };
}

function panelOf(
  { title, points }: { readonly title: string; readonly points: readonly Point[] },
  series: readonly Series[],
  endS: number,
  last: boolean,
): Panel {
  const highest = Math.max(1, ...points.map(({ value }) => value));
  const domain = series.map(({ name }) => name);
  const common = { field: "series", type: "nominal" as const, legend: null };
  return {
    width: sizes.plotWidth,
    height: 96,
    data: { values: [...points] },
    // A line of one point is invisible; its marker is not.
    mark: { type: "line", strokeWidth: 1.3, clip: true, point: points.length <= series.length },
    encoding: {
      x: { ...timeEncoding(endS, last), field: "timeS" },
      y: {
        field: "value",
        type: "quantitative",
        scale: { domain: [0, highest * 1.05], nice: 4 },
        axis: { title, labelExpr: countLabelExpression, tickCount: 4, minExtent: 34 },
      },
      color: { ...common, scale: { domain, range: series.map(({ colour }) => colour) } },
      strokeDash: { ...common, scale: { domain, range: series.map(({ dash }) => [...dash]) } },
    },
  };
}
