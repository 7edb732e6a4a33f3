/** Figure: how unevenly two workers work with uneven lanes, without and with stealing; virtual time. */

import type { TopLevelSpec } from "vega-lite";

import { textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure } from "../../harness/report/number-text.ts";
import { dotPanel } from "./dot-rows.ts";
import { seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Series } from "./parts.ts";
import { blocksOf, rowsOf, valuesOf } from "./scheduler-parts.ts";

export const schedulerStealing: Figure = {
  id: "scheduler-stealing",
  title: "Imbalance before and after stealing",
  caption:
    "How much more than the mean the busier of two workers worked, when 90, 80 and 70 % of the tasks waited in the lane " +
    "of one of them: without stealing, and with it. Virtual time. Each mark is one block, also given in figures. The " +
    "claim (N-ST-13) is that stealing takes away at least nine tenths.",
  needs: ["measurements"],
  build: ({ measurements }) => {
    const rows = rowsOf(measurements, experiment, "simulated").filter((row) =>
      textOf(row, "metric").startsWith("imbalance@"),
    );
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

const experiment = "scheduler-balance";
const splits = ["90-10", "80-20", "70-30"] as const;
const series = [
  { name: "no-stealing", label: "without stealing", colour: "#d55e00", dash: [1, 0], shape: "diamond" },
  { name: "stealing", label: "with stealing", colour: "#0072b2", dash: [1, 0], shape: "circle" },
] as const satisfies readonly (Series & { readonly label: string })[];
const rowPx = 28;
const columnPx = 52;
const shiftPx = 4;

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const dots = series.flatMap(({ name }, column) =>
    splits.flatMap((split, index) => {
      const values = valuesOf(rows, `imbalance@${split}-${name}`, "production");
      const place = { yPx: (index + 0.5) * rowPx, shiftPx: column === 0 ? -shiftPx : shiftPx, column };
      return values.length === 0 ? [] : [{ series: name, values, ...place }];
    }),
  );
  const highest = Math.max(0.9, ...dots.flatMap(({ values }) => values));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: {
      text: "Imbalance before and after stealing",
      subtitle: `${experiment}: virtual time, 2 workers, ${blocksOf(rows)}`,
    },
    spacing: 16,
    vconcat: [
      seriesLegend(
        series.map(({ label, ...rest }) => ({ ...rest, name: label })),
        sizes.plotWidth,
      ),
      dotPanel({
        title: "Tasks by lane",
        widthPx: sizes.plotWidth - 2 * columnPx,
        heightPx: splits.length * rowPx,
        labels: splits.map((split, index) => ({ title: split.replace("-", " / "), yPx: (index + 0.5) * rowPx })),
        series,
        dots,
        columns: ["without", "with"],
        columnPx,
        scale: { type: "linear", domain: [0, highest], nice: false },
        axis: { title: "more work than the mean", labelExpr: "format(datum.value, '~%')", tickCount: 5 },
        format: (value) => `${formatMeasure(100 * value, 2)} %`,
      }),
    ],
  };
}
