/**
 * Figure: how long tasks wait for a worker under a mixed load, by percentile, beside what was published.
 *
 * Durations are virtual: a wait is what the order of starts makes of the durations of the tasks before, and no speed.
 */

import type { TopLevelSpec } from "vega-lite";

import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { textOf } from "../../harness/chart/figure.ts";
import { ink, implementationStyles, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { implementationEncoding, median, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Series } from "./parts.ts";
import { blocksOf, rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerQueueWait: Figure = {
  id: "scheduler-queue-wait",
  title: "Queue wait under a mixed load",
  caption:
    "How long tasks waited from when they were ready to their first start, when tasks of 10 ms, 100 ms, 1 s and 10 s (40, " +
    "30, 20 and 10 %) keep 78 % of 30 workers busy; virtual time. Line: median over blocks; band: minimum to maximum. " +
    "Published: the measured percentiles, and the bound that each has to stay below (N-ST-8). The axis is logarithmic " +
    "from 10 ms on and linear below, so that it has a place for those who do not wait at all.",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const rows = rowsOf(measurements, experiment, "simulated").filter((row) => textOf(row, "metric") in positions);
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

const experiment = "scheduler-mixed";
/** Each percentile at -log10(1 - p): every further nine takes the same room. */
const percentiles = [
  { metric: "queue-wait-p50-ms", position: -Math.log10(0.5), label: "p50", publishedMs: 45, boundMs: 100 },
  { metric: "queue-wait-p90-ms", position: 1, label: "p90" },
  { metric: "queue-wait-p99-ms", position: 2, label: "p99", publishedMs: 890, boundMs: 2000 },
  { metric: "queue-wait-p999-ms", position: 3, label: "p99.9", publishedMs: 4200, boundMs: 10_000 },
  { metric: "queue-wait-max-ms", position: 3.7, label: "max" },
] as const;
const positions: Readonly<Record<string, number>> = Object.fromEntries(
  percentiles.map(({ metric, position }) => [metric, position]),
);

const published: Series = { name: "published", colour: ink.text, dash: [1, 0], shape: "square", isMarkOnly: true };
const bound: Series = { name: "bound", colour: ink.axis, dash: [8, 3, 2, 3], shape: "circle", isLineOnly: true };
/** From here on the axis is logarithmic. */
const linearToMs = 10;
const ticksMs = [0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const marks = names.flatMap((implementation) =>
    percentiles.flatMap(({ metric, position }) => {
      const values = valuesOf(rows, metric, implementation);
      const medianMs = median(values);
      if (medianMs === undefined) return [];
      return [{ implementation, position, medianMs, lowMs: Math.min(...values), highMs: Math.max(...values) }];
    }),
  );
  const highestMs = Math.max(12_000, ...marks.map(({ highMs }) => highMs));
  const styles = implementationStyles(names);
  const series = [...styles].map(([name, style]): Series => ({ name, ...style }));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Queue wait under a mixed load", subtitle: `${experiment}: virtual time, ${blocksOf(rows)}` },
    spacing: 14,
    vconcat: [
      seriesLegend([...series, published, bound], sizes.plotWidth),
      { width: sizes.plotWidth, height: 210, layer: layersOf(marks, names, highestMs) },
    ],
  };
}

interface Mark {
  readonly implementation: string;
  readonly position: number;
  readonly medianMs: number;
  readonly lowMs: number;
  readonly highMs: number;
}

function layersOf(marks: readonly Mark[], names: readonly string[], highestMs: number): Layer[] {
  const x = {
    field: "position",
    type: "quantitative" as const,
    scale: { domain: [0.15, 3.85], nice: false },
    axis: { title: "percentile of tasks", values: percentiles.map(({ position }) => position), labelExpr: labels() },
  };
  const y = {
    type: "quantitative" as const,
    scale: { type: "symlog" as const, constant: linearToMs, domain: [0, highestMs], nice: false },
    axis: { title: "wait (ms)", values: ticksMs.filter((ms) => ms <= highestMs), format: ",~r", minExtent: 34 },
  };
  const encoding = implementationEncoding(names);
  const ofPublished = percentiles.flatMap((each) =>
    "publishedMs" in each ? [{ ...each, from: each.position - 0.13, to: each.position + 0.13 }] : [],
  );
  return [
    {
      data: { values: [...marks] },
      mark: { type: "area", opacity: 0.18 },
      encoding: { x, y: { ...y, field: "lowMs" }, y2: { field: "highMs" }, color: encoding.color },
    },
    {
      data: { values: ofPublished },
      mark: { type: "rule", color: bound.colour, strokeDash: [...bound.dash], strokeWidth: 1.6 },
      encoding: { x: { ...x, field: "from" }, x2: { field: "to" }, y: { ...y, field: "boundMs" } },
    },
    // Where all wait as long, the thinner line and the smaller mark lie on top.
    ...names.flatMap((name, index): Layer[] => {
      const values = marks.filter(({ implementation }) => implementation === name);
      const isCovered = index < names.length - 1;
      return [
        {
          data: { values },
          mark: { type: "line", strokeWidth: isCovered ? 3.6 : 1.6 },
          encoding: { x, y: { ...y, field: "medianMs" }, color: encoding.color, strokeDash: encoding.strokeDash },
        },
        {
          data: { values },
          mark: { type: "point", filled: false, fill: ink.background, size: isCovered ? 110 : 34, opacity: 1 },
          encoding: { x, y: { ...y, field: "medianMs" }, color: encoding.color, shape: encoding.shape },
        },
      ];
    }),
    {
      data: { values: ofPublished },
      mark: { type: "point", filled: true, color: published.colour, shape: published.shape, size: 26, opacity: 1 },
      encoding: { x, y: { ...y, field: "publishedMs" } },
    },
  ];
}

/** Vega names the axis's positions by an expression over their values. */
function labels(): string {
  return percentiles.reduceRight(
    (rest, { position, label }) => `abs(datum.value - ${position}) < 0.01 ? '${label}' : ${rest}`,
    "''",
  );
}
