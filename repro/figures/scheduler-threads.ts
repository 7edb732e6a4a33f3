/** Figure: throughput against threads: the priority queue by itself, and tasks through the pool; real threads. */

import type { TopLevelSpec } from "vega-lite";

import { textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure } from "../../harness/report/number-text.ts";
import { countLabelExpression, median, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel, Series } from "./parts.ts";
import { blocksOf, rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerThreads: Figure = {
  id: "scheduler-threads",
  title: "Throughput against threads",
  caption:
    "Above: inserts and removals of the least per second on one priority queue, by one and by two threads: the skip list " +
    "that needs no lock, and a heap under one. Below: tasks of 1 ms per second through the pool, by the number of its " +
    "workers. Line: median over blocks; band: minimum to maximum. Dotted: as many times the rate of one thread.",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const queues = rowsOf(measurements, "scheduler-skip-list", "cluster").filter((row) => queueThreads(row) > 0);
    const pools = rowsOf(measurements, "scheduler-pools", "cluster").filter((row) => poolWorkers(row) > 0);
    return queues.length + pools.length === 0 ? undefined : specOf(queues, pools);
  },
};

function queueThreads(row: TableRow): number {
  return Number(/^queue-ops-per-s@(\d+)-threads?$/.exec(textOf(row, "metric"))?.[1] ?? 0);
}

function poolWorkers(row: TableRow): number {
  return Number(/^throughput-per-s@scaling-(\d+)-workers?$/.exec(textOf(row, "metric"))?.[1] ?? 0);
}

const skipList: Series = { name: "skip list, no lock", colour: "#0072b2", dash: [1, 0], shape: "circle" };
const heap: Series = { name: "heap under a lock", colour: "#d55e00", dash: [5, 3], shape: "diamond" };
const pool: Series = { name: "pool", colour: "#0072b2", dash: [1, 0], shape: "circle" };
const ideal: Series = { name: "ideal", colour: ink.axis, dash: [2, 2], shape: "circle", isLineOnly: true };

interface Point {
  readonly threads: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

function specOf(queues: readonly TableRow[], pools: readonly TableRow[]): TopLevelSpec {
  const ofQueues = [
    { series: skipList, points: pointsOf(queues, "production", queueThreads) },
    { series: heap, points: pointsOf(queues, "minimal", queueThreads) },
  ].filter(({ points }) => points.length > 0);
  const ofPools = [{ series: pool, points: pointsOf(pools, "production", poolWorkers) }].filter(
    ({ points }) => points.length > 0,
  );
  const panels = [
    ...(ofQueues.length === 0 ? [] : [panelOf("Priority queue", "threads", "operations per s", ofQueues)]),
    ...(ofPools.length === 0 ? [] : [panelOf("Pool, tasks of 1 ms", "workers", "tasks per s", ofPools)]),
  ];
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Throughput against threads", subtitle: `real threads, ${blocksOf([...queues, ...pools])}` },
    spacing: 14,
    vconcat: [seriesLegend([...ofQueues.map(({ series }) => series), ideal], sizes.plotWidth), ...panels],
  };
}

function pointsOf(rows: readonly TableRow[], name: string, threadsOf: (row: TableRow) => number): readonly Point[] {
  const own = rows.filter((row) => textOf(row, "implementation") === name);
  const metrics = new Map(own.map((row) => [threadsOf(row), textOf(row, "metric")]));
  return [...metrics]
    .sort(([a], [b]) => a - b)
    .flatMap(([threads, metric]) => {
      const values = valuesOf(own, metric, name);
      const rate = median(values);
      return rate === undefined ? [] : [{ threads, rate, low: Math.min(...values), high: Math.max(...values) }];
    });
}

interface Lines {
  readonly series: Series;
  readonly points: readonly Point[];
}

const plotHeight = 130;
/** Of the axis, above the highest point. */
const headroom = 1.08;
const lineHeightPx = 12;

/** Returns by how many pixels the labels of two points that lie too near to each other go up or down. */
function keptApart(points: readonly Point[], pxPerUnit: number): ReadonlyMap<Point, number> {
  const shifts = new Map<Point, number>();
  const ascending = points.toSorted((a, b) => a.threads - b.threads || a.rate - b.rate);
  for (const [index, upper] of ascending.entries()) {
    const lower = ascending[index - 1];
    if (lower?.threads !== upper.threads) continue;
    const missingPx = lineHeightPx - (upper.rate - lower.rate) * pxPerUnit;
    if (missingPx <= 0) continue;
    shifts.set(lower, (shifts.get(lower) ?? 0) + missingPx / 2);
    shifts.set(upper, -missingPx / 2);
  }
  return shifts;
}

function panelOf(title: string, what: string, yTitle: string, lines: readonly Lines[]): Panel {
  const all = lines.flatMap(({ points }) => points);
  const threads = [...new Set(all.map((point) => point.threads))].sort((a, b) => a - b);
  const [fewest, most] = [threads[0] ?? 1, threads.at(-1) ?? 1];
  const bounds = lines.flatMap(({ points }) => {
    const [first] = points;
    if (first === undefined) return [];
    const perThread = first.rate / first.threads;
    return [threads.map((count) => ({ threads: count, rate: perThread * count }))];
  });
  const highest = Math.max(1, ...all.map(({ high }) => high), ...bounds.flat().map(({ rate }) => rate));
  const shifts = keptApart(all, plotHeight / (highest * headroom));
  const x = {
    field: "threads",
    type: "quantitative" as const,
    scale: { domain: [fewest - 0.2 * (most - fewest + 1), most + 0.2 * (most - fewest + 1)], nice: false },
    axis: { title: what, values: [...threads], format: "d", grid: false },
  };
  const y = {
    type: "quantitative" as const,
    scale: { domain: [0, highest * headroom], nice: false },
    axis: { title: yTitle, labelExpr: countLabelExpression, tickCount: 5, minExtent: 38 },
  };
  return {
    width: sizes.plotWidth,
    height: plotHeight,
    title: { text: title, style: "panel-title", frame: "group", offset: 4 },
    layer: [
      ...bounds.map((values): Layer => ({
        data: { values },
        mark: { type: "line", color: ideal.colour, strokeDash: [...ideal.dash], strokeWidth: 1.2 },
        encoding: { x, y: { ...y, field: "rate" } },
      })),
      ...lines.flatMap(({ series, points }): Layer[] => [
        {
          data: { values: [...points] },
          mark: { type: "area", color: series.colour, opacity: 0.18 },
          encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
        },
        {
          data: { values: [...points] },
          mark: {
            ...{ type: "line", color: series.colour, strokeDash: [...series.dash] },
            point: { filled: true, color: series.colour, shape: series.shape, opacity: 1 },
          },
          encoding: { x, y: { ...y, field: "rate" } },
        },
        ...points.map((point, index) => {
          const place = placeOf(index, points.length);
          return valueLayer(point, { ...place, dy: place.dy + (shifts.get(point) ?? 0) }, x, y);
        }),
      ]),
    ],
  };
}

type Align = "left" | "center" | "right";

/** Beside the ends of a line, and above what lies between: there no line of the plot passes. */
function placeOf(index: number, count: number) {
  if (index === 0) return { align: "right", dx: -8, dy: 0 } as const;
  return index === count - 1
    ? ({ align: "left", dx: 8, dy: 0 } as const)
    : ({ align: "center", dx: 0, dy: 13 } as const);
}

function valueLayer(
  point: Point,
  place: { readonly align: Align; readonly dx: number; readonly dy: number },
  x: object,
  y: object,
): Layer {
  const text = rateText(point.rate);
  return {
    data: { values: [{ ...point }] },
    mark: { type: "text", text, ...place, baseline: "middle", fontSize: 10, color: ink.text },
    encoding: { x: { ...x } as never, y: { ...y, field: "rate" } as never },
  };
}

/** 1.41M, 14.8k, 912. */
function rateText(rate: number): string {
  if (rate >= 1e6) return `${formatMeasure(rate / 1e6)}M`;
  return rate >= 1000 ? `${formatMeasure(rate / 1000)}k` : formatMeasure(rate);
}
