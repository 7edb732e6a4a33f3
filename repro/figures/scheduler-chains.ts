/** Figure: how long chains of tasks take against their depth, beside what was published; virtual time. */

import type { TopLevelSpec } from "vega-lite";

import { textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, implementationStyles, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure } from "../../harness/report/number-text.ts";
import { median, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Series } from "./parts.ts";
import { rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerChains: Figure = {
  id: "scheduler-chains",
  title: "Completion against chain depth",
  caption:
    "From the acceptance of the first task to the end of the last, of chains of 10, 50, 100 and 500 tasks that each take " +
    "a second and depend on the one before; production's lie on three nodes and go from one to the next. Virtual time. " +
    "Published: the measured times, whose tasks took somewhat longer. The claim (N-ST-12) is that the depth explains at " +
    "least 99 % of the time on a straight line (R²).",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const rows = rowsOf(measurements, experiment, "simulated").filter((row) => pattern.test(textOf(row, "metric")));
    const linear = rowsOf(measurements, experiment, "simulated").filter(
      (row) => textOf(row, "metric") === "chain-linearity",
    );
    return rows.length === 0 ? undefined : specOf(rows, linear);
  },
};

const experiment = "scheduler-chains";
const pattern = /^completion-s@depth-(\d+)$/;
const publishedSeries: Series = { name: "published", colour: ink.muted, dash: [2, 2], shape: "square" };
const published = [
  { depth: 10, seconds: 12.3 },
  { depth: 50, seconds: 58.7 },
  { depth: 100, seconds: 118.4 },
  { depth: 500, seconds: 542.1 },
];

function specOf(rows: readonly TableRow[], linear: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const marks = names.map((name) => ({ name, points: pointsOf(rows, name) }));
  const all = [...published, ...marks.flatMap(({ points }) => points)];
  const squares = names.flatMap((name) => {
    const value = median(valuesOf(linear, "chain-linearity", name));
    return value === undefined ? [] : [`${name} R² ${formatMeasure(value, 5)}`];
  });
  const styles = implementationStyles(names);
  const series = names.flatMap((name): readonly Series[] => {
    const style = styles.get(name);
    return style === undefined ? [] : [{ name, ...style }];
  });
  const x = {
    field: "depth",
    type: "quantitative" as const,
    scale: { domain: [0, Math.max(...all.map(({ depth }) => depth)) * 1.04], nice: false },
    axis: { title: "tasks in the chain", tickCount: 6, grid: false },
  };
  const y = {
    field: "seconds",
    type: "quantitative" as const,
    scale: { domain: [0, Math.max(...all.map(({ seconds }) => seconds)) * 1.05], nice: false },
    axis: { title: "completion (s)", tickCount: 6, format: ",~r", minExtent: 34 },
  };
  const layerOf = (points: readonly object[], { colour, dash, shape }: Series, size: number): Layer => ({
    data: { values: [...points] },
    mark: {
      ...{ type: "line", color: colour, strokeDash: [...dash] },
      point: { filled: false, fill: ink.background, color: colour, shape, size, opacity: 1 },
    },
    encoding: { x, y },
  });
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: {
      text: "Completion against chain depth",
      subtitle: [`${experiment}: virtual time, tasks of 1 s`, ...(squares.length === 0 ? [] : [squares.join(", ")])],
    },
    spacing: 14,
    vconcat: [
      seriesLegend([...series, publishedSeries], sizes.plotWidth),
      {
        width: sizes.plotWidth,
        height: 190,
        layer: [
          layerOf(published, publishedSeries, 36),
          // Where both take as long, the smaller mark lies on top.
          ...marks.flatMap(({ points }, index) => {
            const own = series[index];
            return own === undefined ? [] : [layerOf(points, own, Math.max(16, 90 - 50 * index))];
          }),
        ],
      },
    ],
  };
}

function pointsOf(rows: readonly TableRow[], name: string) {
  const depths = rows
    .filter((row) => textOf(row, "implementation") === name)
    .map((row) => Number(pattern.exec(textOf(row, "metric"))?.[1]));
  return [...new Set(depths)]
    .sort((a, b) => a - b)
    .flatMap((depth) => {
      const seconds = median(valuesOf(rows, `completion-s@depth-${depth}`, name));
      return seconds === undefined ? [] : [{ depth, seconds: Math.max(0, seconds) }];
    });
}
