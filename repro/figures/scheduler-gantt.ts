/**
 * Figure: a run attempt by attempt: workers as rows, attempts as bars in the colour of their tenant, a notch where one
 * yielded.
 *
 * One block is shown, the first one, as it is: nothing is averaged.
 */

import type { TopLevelSpec } from "vega-lite";

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatQuantity } from "../../harness/report/number-text.ts";
import { seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel, Series } from "./parts.ts";
import { rowsOf, tenantSeries } from "./scheduler-parts.ts";

export const schedulerGantt: Figure = {
  id: "scheduler-gantt",
  title: "Who runs what, when",
  caption:
    "Every attempt of one run of two seconds of virtual time, on four workers. The flood is there from the beginning, a " +
    "second tenant of the same weight comes at 0.4 s, a third of twice the weight at 0.9 s. Dark bars: urgent tasks of " +
    "the flood's tenant, at 0.65, 1.15 and 1.5 s. A diamond ends an attempt that yielded at a checkpoint: the task goes on in " +
    "another bar. Minimal knows neither tenants nor preemption.",
  needs: ["attempts"],
  build: ({ attempts }) => {
    const rows = rowsOf(attempts, experiment, "simulated");
    const [first] = rows.map((row) => numberOf(row, "block") ?? 0).toSorted((a, b) => a - b);
    return first === undefined ? undefined : specOf(rows.filter((row) => numberOf(row, "block") === first));
  },
};

const experiment = "scheduler-gantt";
const lanePx = 21;
const barPx = 15;
const urgent: Series = { name: "urgent", colour: "#1f3a5f", dash: [1, 0], shape: "square", isMarkOnly: true };
const yielded: Series = { name: "yielded", colour: ink.text, dash: [1, 0], shape: "diamond", isMarkOnly: true };

interface Bar {
  readonly startS: number;
  readonly endS: number;
  readonly yPx: number;
  readonly yieldS: number | undefined;
}

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const known = rows.flatMap((row) => [numberOf(row, "start_s") ?? 0, numberOf(row, "end_s") ?? 0]);
  // What was open when the run ended is drawn to its end; what ended later is cut there.
  const shownS = Math.max(...rows.map((row) => numberOf(row, "start_s") ?? 0), Math.min(2, Math.max(...known)), 0.001);
  const endS = Math.ceil(shownS * 10) / 10;
  const workers = 1 + Math.max(...rows.map((row) => numberOf(row, "worker") ?? 0));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: {
      text: "Who runs what, when",
      subtitle: `${experiment}: virtual time, ${formatQuantity(workers, "worker")}`,
    },
    spacing: 12,
    vconcat: [
      seriesLegend([...tenantSeries, urgent, yielded], sizes.plotWidth),
      ...names.map((name, index) =>
        panelOf(
          name,
          rows.filter((row) => textOf(row, "implementation") === name),
          { workers, endS, isLast: index === names.length - 1 },
        ),
      ),
    ],
  };
}

interface Frame {
  readonly workers: number;
  readonly endS: number;
  readonly isLast: boolean;
}

function panelOf(name: string, rows: readonly TableRow[], { workers, endS, isLast }: Frame): Panel {
  const height = workers * lanePx;
  const preempted = rows.filter((row) => textOf(row, "end") === "yielded").length;
  const x = {
    type: "quantitative" as const,
    scale: { domain: [0, endS], nice: false },
    axis: { title: isLast ? "virtual time (s)" : null, labels: isLast, grid: true, tickCount: 8 },
  };
  const groups = [
    ...tenantSeries.map((series) => ({ series, bars: barsOf(rows, endS, series.name) })),
    { series: urgent, bars: barsOf(rows, endS, urgent.name) },
  ];
  const yields = groups.flatMap(({ bars }) => bars.filter(({ yieldS }) => yieldS !== undefined));
  return {
    width: sizes.plotWidth,
    height,
    title: {
      text: preempted === 0 ? name : `${name}, ${formatQuantity(preempted, "preemption")}`,
      style: "panel-title",
      frame: "group",
      offset: 4,
    },
    layer: [
      ...groups.map(({ series, bars }): Layer => ({
        data: { values: bars.map((bar) => ({ ...bar, topPx: bar.yPx - barPx / 2, bottomPx: bar.yPx + barPx / 2 })) },
        mark: { type: "rect", color: series.colour, stroke: ink.background, strokeWidth: 0.8 },
        encoding: {
          ...{ x: { ...x, field: "startS" }, x2: { field: "endS" } },
          ...{ y: pixels("topPx", height), y2: { field: "bottomPx" } },
        },
      })),
      {
        data: { values: yields },
        mark: { type: "point", filled: true, color: yielded.colour, shape: yielded.shape, size: 24, opacity: 1 },
        encoding: { x: { ...x, field: "yieldS" }, y: pixels("yPx", height) },
      },
      ...Array.from({ length: workers }, (_, worker): Layer => ({
        data: { values: [{}] },
        mark: { type: "text", align: "right", baseline: "middle", text: `worker ${worker + 1}` },
        encoding: { x: { value: -6 }, y: { value: (worker + 0.5) * lanePx } },
      })),
    ],
  };
}

function pixels(field: string, height: number) {
  return {
    field,
    type: "quantitative" as const,
    scale: { domain: [0, height], reverse: true, nice: false, zero: false },
    axis: null,
  };
}

/** Whose a task is stands in the name of its job: minimal is not told of tenants. */
function barsOf(rows: readonly TableRow[], endS: number, group: string): readonly Bar[] {
  return rows
    .filter((row) => textOf(row, "task").startsWith(`${group}-`))
    .flatMap((row) => {
      const startS = Math.max(0, numberOf(row, "start_s") ?? 0);
      const stopS = Math.min(numberOf(row, "end_s") ?? endS, endS);
      if (stopS < startS || startS > endS) return [];
      const yPx = ((numberOf(row, "worker") ?? 0) + 0.5) * lanePx;
      const yieldS = textOf(row, "end") === "yielded" ? stopS : undefined;
      return [{ startS, endS: stopS, yPx, yieldS }];
    });
}
