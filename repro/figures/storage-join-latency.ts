/**
 * Figure: what writes take over time while a node joins a store, with the time shaded in which nodes moved keys or
 * compacted.
 *
 * One block is shown, the first one: background work belongs to its block.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure, formatQuantity } from "../../harness/report/number-text.ts";
import { logarithmicAxis, percentileSeries, seriesLegend, shadeLayer, timeEncoding, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel, Series, Stretch } from "./parts.ts";

export const storageJoinLatency: Figure = {
  id: "storage-join-latency",
  title: "Latency while a node joins",
  caption:
    "Above: p50 and p99 of the writes that began in each window of the load, from their actual start, on a logarithmic " +
    "axis; the line breaks where none began. Shaded: some node was moving keys (yellow) or compacting (blue). Rule: " +
    "the goal (P-STO-4), three times the p99 before the node was asked to join. Below: when any node worked in the " +
    "background, by what it did. The node that joins is taken out again before the end, and its keys move once more.",
  needs: ["timeline", "measurements"],
  build: (tables) => {
    const block = chooseBlock(tables);
    return block === undefined ? undefined : specOf(block);
  },
};

const experiment = "storage-join";
const goalFactor = 3;
const percentiles = ["p50", "p99"] as const;
/** A latency of zero has no logarithm; a clock's resolution is not far below this. */
const floorMs = 0.001;
const laneHeightPx = 15;

const works = [
  { work: "rebalance", label: "moving keys", style: { colour: ink.shade, opacity: 0.42 }, isShaded: true },
  { work: "compaction", label: "compacting", style: { colour: "#56b4e9", opacity: 0.3 }, isShaded: true },
  { work: "repair", label: "repairing", style: { colour: ink.axis, opacity: 0.5 }, isShaded: false },
] as const;

interface Point {
  readonly timeS: number;
  /** Missing where no write began. */
  readonly latencyMs: number | null;
}

interface Lane {
  readonly kind: (typeof works)[number];
  readonly stretches: readonly Stretch[];
}

interface Block {
  readonly description: readonly string[];
  readonly latency: Readonly<Record<(typeof percentiles)[number], readonly Point[]>>;
  readonly goalMs: number | undefined;
  readonly lanes: readonly Lane[];
  readonly endS: number;
}

function chooseBlock({ timeline = [], measurements = [] }: FigureTables): Block | undefined {
  const shown = timeline.filter(isShown);
  const latencyRows = shown.filter((row) => textOf(row, "metric").startsWith("write-p"));
  const [rows] = groupBy(latencyRows, blockOf).values();
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return undefined;
  const ofBlock = (row: TableRow): boolean => isShown(row) && blockOf(row) === blockOf(first);
  const measured = new Map(
    measurements.filter(ofBlock).map((row) => [textOf(row, "metric"), numberOf(row, "value")] as const),
  );
  const windowS = windowOf(rows);
  const endS = Math.max(...rows.map(timeOf)) + windowS / 2;
  const beforeMs = measured.get("p99-before-rebalance-ms");
  return {
    description: [describe(first, windowS), describeGoal(measured)].filter((line) => line !== ""),
    latency: { p50: pointsOf(rows, "write-p50-ms", windowS), p99: pointsOf(rows, "write-p99-ms", windowS) },
    goalMs: beforeMs === undefined ? undefined : goalFactor * beforeMs,
    lanes: works.flatMap((kind) => {
      const changes = shown.filter((row) => ofBlock(row) && textOf(row, "metric") === `background-${kind.work}`);
      const stretches = stretchesOf(changes, endS);
      return stretches.length === 0 ? [] : [{ kind, stretches }];
    }),
    endS,
  };
}

function isShown(row: TableRow): boolean {
  return (
    textOf(row, "experiment") === experiment &&
    textOf(row, "substrate") === "cluster" &&
    textOf(row, "implementation") === "production"
  );
}

function blockOf(row: TableRow): string {
  return textOf(row, "block").padStart(9, "0");
}

function timeOf(row: TableRow): number {
  return numberOf(row, "time_s") ?? 0;
}

/** Windows have one length: the shortest way from one to the next. Of a single one it is twice its middle. */
function windowOf(rows: readonly TableRow[]): number {
  const times = [...new Set(rows.map(timeOf))].sort((a, b) => a - b);
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return steps.length === 0 ? Math.max(2 * (times[0] ?? 0), 0.001) : Math.min(...steps);
}

function pointsOf(rows: readonly TableRow[], metric: string, windowS: number): readonly Point[] {
  const own = rows.filter((row) => textOf(row, "metric") === metric).sort((a, b) => timeOf(a) - timeOf(b));
  return own.flatMap((row, index): Point[] => {
    const timeS = timeOf(row);
    const before = own[index - 1];
    const isBroken = before !== undefined && timeS - timeOf(before) > 1.5 * windowS;
    const point = { timeS, latencyMs: Math.max(numberOf(row, "value") ?? 0, floorMs) };
    return isBroken ? [{ timeS: timeS - windowS, latencyMs: null }, point] : [point];
  });
}

/** When any node was at it: what nodes did at the same time is one stretch. */
function stretchesOf(changes: readonly TableRow[], endS: number): readonly Stretch[] {
  const ofNodes = groupBy(changes, (row) => textOf(row, "node"));
  const all = [...ofNodes.values()].flatMap((rows) => stretchesOfNode(rows, endS));
  const merged: Stretch[] = [];
  for (const next of all.filter(({ startS }) => startS < endS).sort((a, b) => a.startS - b.startS)) {
    const last = merged.at(-1);
    if (last === undefined || next.startS > last.endS) merged.push(next);
    else merged[merged.length - 1] = { startS: last.startS, endS: Math.max(last.endS, next.endS) };
  }
  return merged;
}

/** What has no end went on to the end of the load; what has no beginning began before it. */
function stretchesOfNode(rows: readonly TableRow[], endS: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let startS: number | undefined;
  let isFirst = true;
  for (const row of rows.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const timeS = Math.max(0, timeOf(row));
    if ((numberOf(row, "value") ?? 0) > 0) startS ??= timeS;
    else if (startS !== undefined || isFirst) {
      stretches.push({ startS: startS ?? 0, endS: Math.min(timeS, endS) });
      startS = undefined;
    }
    isFirst = false;
  }
  return startS === undefined ? stretches : [...stretches, { startS, endS }];
}

function describe(row: TableRow, windowS: number): string {
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  return `${experiment}, block ${textOf(row, "block")}: ${nodes} and one more, windows of ${formatMeasure(1000 * windowS)} ms`;
}

function describeGoal(measured: ReadonlyMap<string, number | undefined>): string {
  const [before, during] = ["before", "during"].map((when) => measured.get(`p99-${when}-rebalance-ms`));
  const ratio = measured.get("p99-rebalance-ratio");
  if (before === undefined || during === undefined || ratio === undefined) return "";
  return `p99 ${formatMeasure(before)} ms before the join, ${formatMeasure(during)} ms until the last move: ${formatMeasure(ratio)} times`;
}

function specOf(block: Block): TopLevelSpec {
  const { description, lanes } = block;
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Latency while a node joins", subtitle: [...description] },
    spacing: 12,
    vconcat: [
      seriesLegend(legendOf(block), sizes.plotWidth),
      latencyPanel(block),
      ...(lanes.length === 0 ? [] : [lanesPanel(block)]),
    ],
  };
}

function legendOf({ goalMs }: Block): readonly Series[] {
  const series = percentiles.map((percentile): Series => ({ ...percentileSeries[percentile], isLineOnly: true }));
  return goalMs === undefined ? series : [...series, { ...goalLine, name: `goal, ${formatMeasure(goalMs)} ms` }];
}

const goalLine = { colour: ink.rule, dash: [8, 3, 2, 3], shape: "circle", isLineOnly: true } as const;

function latencyPanel({ latency, goalMs, lanes, endS }: Block): Panel {
  const values = [...latency.p50, ...latency.p99].flatMap(({ latencyMs }) => latencyMs ?? []);
  const all = goalMs === undefined ? values : [...values, Math.max(goalMs, floorMs)];
  const { domain, ticks } = logarithmicAxis(Math.min(...all), Math.max(...all));
  const y = {
    field: "latencyMs",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...domain], nice: false },
    axis: { title: "latency (ms)", values: [...ticks], format: ",~r", minExtent: 34 },
  };
  const time = timeEncoding(endS, lanes.length === 0);
  const shades = lanes.filter(({ kind }) => kind.isShaded);
  return {
    width: sizes.plotWidth,
    height: 190,
    layer: [
      ...shades.map(({ kind, stretches }) => shadeLayer(stretches, time, kind.style)),
      ...(goalMs === undefined ? [] : [goalLayer(Math.max(goalMs, floorMs), y)]),
      ...percentiles.map((percentile): Layer => {
        const { colour, dash } = percentileSeries[percentile];
        const points = latency[percentile];
        // A line of one point is invisible; its marker is not.
        const point = points.length < 3 ? { color: colour, filled: true } : false;
        return {
          data: { values: [...points] },
          mark: {
            ...{ type: "line", color: colour, strokeDash: [...dash], strokeWidth: 1.5, point },
            invalid: "break-paths-show-path-domains",
          },
          encoding: { x: { ...time, field: "timeS" }, y },
        };
      }),
    ],
  };
}

function goalLayer(goalMs: number, y: object): Layer {
  return {
    data: { values: [{ latencyMs: goalMs }] },
    mark: { type: "rule", color: goalLine.colour, strokeDash: [...goalLine.dash], strokeWidth: 1.2 },
    encoding: { y: { ...y } },
  };
}

function lanesPanel({ lanes, endS }: Block): Panel {
  const height = lanes.length * laneHeightPx;
  return {
    width: sizes.plotWidth,
    height,
    layer: lanes.flatMap(({ kind, stretches }, index): Layer[] => {
      const middlePx = (index + 0.5) * laneHeightPx;
      return [
        {
          data: { values: [...stretches] },
          mark: { type: "rect", color: kind.style.colour, stroke: ink.axis, strokeWidth: 0.6 },
          encoding: {
            ...{ x: { ...timeEncoding(endS, true), field: "startS" }, x2: { field: "endS" } },
            ...{ y: { value: middlePx - 4.5 }, y2: { value: middlePx + 4.5 } },
          },
        },
        {
          data: { values: [{}] },
          mark: { type: "text", align: "right", baseline: "middle", fontSize: 10, text: kind.label },
          encoding: { x: { value: -5 }, y: { value: middlePx } },
        },
      ];
    }),
  };
}
