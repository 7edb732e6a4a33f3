/**
 * Figure: empty tasks per second through each pool: ours, minimal, and libraries from elsewhere; real threads.
 *
 * They differ in what they do for a task, so each row says it: a queue in Redis survives a crash, one in memory does
 * not; one without threads blocks the caller.
 */

import type { TopLevelSpec } from "vega-lite";

import { textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount } from "../../harness/report/number-text.ts";
import { dotPanel } from "./dot-rows.ts";
import { countLabelExpression, logarithmicAxis, vegaLiteSchema } from "./parts.ts";
import { blocksOf, roomyTicks, rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerPools: Figure = {
  id: "scheduler-pools",
  title: "Empty tasks through each pool",
  caption:
    "Tasks that do nothing, handed in, run and acknowledged per second, on real threads. Each mark is one " +
    "block (fresh processes, all pools in every block); the line spans the blocks, the stroke is their median, also given " +
    "in figures; the axis is logarithmic. All but BullMQ are measured as libraries of one process, without a journal; " +
    "BullMQ keeps its tasks in Redis. p-queue has no threads of its own: its tasks run where they are handed in.",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const rows = rowsOf(measurements, experiment, "cluster").filter((row) => textOf(row, "metric") === metric);
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

const experiment = "scheduler-pools";
const metric = "throughput-per-s@empty";
const details: Readonly<Record<string, string>> = {
  minimal: "heap, one thread",
  production: "skip list, 2 threads",
  piscina: "queue, 2 threads",
  "p-queue": "no threads",
  bullmq: "Redis, 100 at a time",
};
const rowPx = 30;
const columnPx = 58;
const floor = 1;

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const middlePx = (index: number): number => (index + 0.5) * rowPx;
  const dots = names.map((name, index) => ({
    ...{ series: name, yPx: middlePx(index), column: 0 },
    values: valuesOf(rows, metric, name).map((value) => Math.max(value, floor)),
  }));
  const all = dots.flatMap(({ values }) => values);
  const { domain, ticks } = logarithmicAxis(Math.min(...all), Math.max(...all));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Empty tasks through each pool", subtitle: `${experiment}: real threads, ${blocksOf(rows)}` },
    spacing: 16,
    vconcat: [
      dotPanel({
        title: "Handed in, run and acknowledged",
        widthPx: sizes.plotWidth - columnPx - 40,
        heightPx: names.length * rowPx,
        labels: names.map((name, index) => ({
          title: name,
          ...(details[name] === undefined ? {} : { detail: details[name] }),
          yPx: middlePx(index),
        })),
        series: [...implementationStyles(names)].map(([name, style]) => ({ name, ...style, dash: [1, 0] })),
        dots: dots.filter(({ values }) => values.length > 0),
        columns: ["median"],
        columnPx,
        scale: { type: "log", domain, nice: false },
        axis: {
          title: "tasks per s",
          values: roomyTicks(ticks),
          labelExpr: countLabelExpression,
        },
        format: formatCount,
      }),
    ],
  };
}
