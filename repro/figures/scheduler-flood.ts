/** Figure: how long tasks of high priority wait, without and with ten times as many of low priority; virtual time. */

import type { TopLevelSpec } from "vega-lite";

import { textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure } from "../../harness/report/number-text.ts";
import { dotPanel } from "./dot-rows.ts";
import { legendPanel, logarithmicAxis, vegaLiteSchema } from "./parts.ts";
import { blocksOf, roomyTicks, rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerFlood: Figure = {
  id: "scheduler-flood",
  title: "High priority under a flood",
  caption:
    "Mean wait of tasks of high priority, when low priority alone nearly fills the workers, and when ten times as many " +
    "tasks of low priority arrive; with priorities, with every task of the same priority, and with a level of priority " +
    "gained every 100 ms of waiting. Virtual time; the same high-priority tasks at the same times in each row. Each " +
    "mark is one block, the line spans the blocks, the stroke is their median, also given in figures; the axis is " +
    "logarithmic.",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const rows = rowsOf(measurements, experiment, "simulated").filter((row) =>
      textOf(row, "metric").startsWith(`${metric}@`),
    );
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

const experiment = "scheduler-flood";
const metric = "high-wait-mean-ms";
const variants = [
  { name: "calm", title: "priorities", detail: "calm" },
  { name: "flood", title: "priorities", detail: "tenfold flood" },
  { name: "flood-fast-ageing", title: "fast ageing", detail: "tenfold flood" },
  { name: "calm-without-priorities", title: "no priorities", detail: "calm" },
  { name: "flood-without-priorities", title: "no priorities", detail: "tenfold flood" },
] as const;
const rowPx = 32;
const columnPx = 56;
/** Two marks of one row stand above each other, so that neither hides the other. */
const shiftPx = 4;
/** Who never waits has no logarithm; it is drawn here. */
const floorMs = 0.1;

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const middlePx = (index: number): number => (index + 0.5) * rowPx;
  const dots = names.flatMap((implementation, column) =>
    variants.flatMap(({ name }, index) => {
      const values = valuesOf(rows, `${metric}@${name}`, implementation);
      const offsetPx = names.length === 1 ? 0 : (column / (names.length - 1) - 0.5) * 2 * shiftPx;
      return values.length === 0
        ? []
        : [{ series: implementation, values, yPx: middlePx(index), shiftPx: offsetPx, column }];
    }),
  );
  const all = dots.flatMap(({ values }) => values.map((value) => Math.max(value, floorMs)));
  const { domain, ticks } = logarithmicAxis(Math.min(...all), Math.max(...all));
  const widthPx = Math.max(120, sizes.plotWidth - names.length * columnPx);
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "High priority under a flood", subtitle: `${experiment}: virtual time, ${blocksOf(rows)}` },
    spacing: 18,
    vconcat: [
      legendPanel(names, sizes.plotWidth),
      dotPanel({
        title: "Mean wait of high priority",
        widthPx,
        heightPx: variants.length * rowPx,
        labels: variants.map(({ title, detail }, index) => ({ title, detail, yPx: middlePx(index) })),
        series: [...implementationStyles(names)].map(([name, style]) => ({ name, ...style })),
        dots,
        columns: names.map((name) => (name === "production" ? "prod." : name.slice(0, 9))),
        columnPx,
        scale: { type: "log", domain, nice: false },
        axis: { title: "wait (ms)", values: roomyTicks(ticks), format: ",~r" },
        format: (value) => formatMeasure(value),
      }),
    ],
  };
}
