/**
 * Figure: successful operations per second over time while one leader after the other is killed, elections marked.
 *
 * One block is shown, the first on real processes: an election belongs to its block.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatMeasure, formatQuantity } from "../../harness/report/number-text.ts";
import { countLabelExpression, median, timeEncoding, vegaLiteSchema } from "./parts.ts";
import type { Layer } from "./parts.ts";

export const churnTimeline: Figure = {
  id: "churn-timeline",
  title: "Leader churn",
  caption:
    "Above: successful operations per second in each window since the load began. Each shaded strip reaches from the " +
    "kill of a leader to the election of the next. Below: how long that took, each election at the time it was won, " +
    "with their median. Arrivals do not wait for answers (open loop): what an election delays is answered after it.",
  needs: ["throughput", "elections"],
  build: (tables) => {
    const block = chooseBlock(tables);
    return block === undefined ? undefined : specOf(block);
  },
};

interface Election {
  readonly lostS: number;
  readonly wonS: number;
  readonly durationMs: number;
}

interface Block {
  readonly description: string;
  readonly implementation: string;
  readonly windows: readonly { readonly middleS: number; readonly throughputPerS: number }[];
  readonly endS: number;
  readonly elections: readonly Election[];
}

const experiment = "consensus-churn";

function chooseBlock({ throughput = [], elections = [] }: FigureTables): Block | undefined {
  const windows = throughput.filter((row) => isShown(row) && textOf(row, "window_s") !== "all");
  const [rows] = groupBy(windows, blockOf).values();
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return undefined;
  const ofBlock = elections.filter((row) => isShown(row) && blockOf(row) === blockOf(first)).flatMap(electionOf);
  const lengthS = numberOf(first, "window_s") ?? 0;
  const starts = rows.map((row) => numberOf(row, "window_start_s") ?? 0);
  return {
    description: describe(first, ofBlock.length),
    implementation: textOf(first, "implementation"),
    windows: rows
      .map((row) => ({
        middleS: (numberOf(row, "window_start_s") ?? 0) + lengthS / 2,
        throughputPerS: numberOf(row, "throughput_per_s") ?? 0,
      }))
      .sort((a, b) => a.middleS - b.middleS),
    endS: Math.max(...starts) + lengthS,
    elections: ofBlock.sort((a, b) => a.wonS - b.wonS),
  };
}

function isShown(row: TableRow): boolean {
  return textOf(row, "experiment") === experiment && textOf(row, "substrate") === "cluster";
}

function blockOf(row: TableRow): string {
  return `${textOf(row, "block").padStart(9, "0")} ${textOf(row, "implementation")}`;
}

/** An election under load: the first of a cluster is no loss of a leader. */
function electionOf(row: TableRow): readonly Election[] {
  const [wonS, durationMs] = [numberOf(row, "won_s"), numberOf(row, "duration_ms")];
  if (wonS === undefined || durationMs === undefined || wonS < 0 || textOf(row, "trigger") === "start") return [];
  return [{ lostS: Math.max(0, wonS - durationMs / 1000), wonS, durationMs }];
}

function describe(row: TableRow, elections: number): string {
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  return `${experiment}, block ${textOf(row, "block")}: ${nodes}, ${formatQuantity(elections, "election")}`;
}

function specOf(block: Block): TopLevelSpec {
  const { windows, elections, endS, description, implementation } = block;
  const colour = implementationStyles([implementation]).get(implementation)?.colour ?? ink.text;
  const highest = Math.max(1, ...windows.map(({ throughputPerS }) => throughputPerS));
  const longestMs = Math.max(1, ...elections.map(({ durationMs }) => durationMs));
  const typicalMs = median(elections.map(({ durationMs }) => durationMs));
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Leader churn", subtitle: description },
    spacing: 12,
    vconcat: [
      {
        width: sizes.plotWidth,
        height: 130,
        layer: [
          strips(elections, endS),
          {
            data: { values: [...windows] },
            mark: { type: "line", color: colour, strokeWidth: 1.4, ...(windows.length < 3 ? { point: true } : {}) },
            encoding: {
              x: { ...timeEncoding(endS, false), field: "middleS" },
              y: {
                field: "throughputPerS",
                type: "quantitative",
                scale: { domain: [0, highest * 1.05], nice: 4 },
                axis: { title: "operations per s", labelExpr: countLabelExpression, tickCount: 4, minExtent: 34 },
              },
            },
          },
        ],
      },
      {
        width: sizes.plotWidth,
        height: 64,
        layer: [
          ...(typicalMs === undefined ? [] : medianLayers(typicalMs)),
          {
            data: { values: [...elections] },
            mark: { type: "point", filled: true, color: colour, shape: "circle", size: 26, opacity: 1 },
            encoding: {
              x: { ...timeEncoding(endS, true), field: "wonS" },
              y: {
                field: "durationMs",
                type: "quantitative",
                scale: { domain: [0, longestMs * 1.1], nice: 3 },
                axis: { title: "election (ms)", tickCount: 3, minExtent: 34 },
              },
            },
          },
        ],
      },
    ],
  };
}

function strips(elections: readonly Election[], endS: number): Layer {
  return {
    data: { values: [...elections] },
    mark: { type: "rect", color: ink.shade, opacity: 0.6 },
    encoding: { x: { ...timeEncoding(endS, false), field: "lostS" }, x2: { field: "wonS" } },
  };
}

function medianLayers(typicalMs: number): Layer[] {
  const y = { field: "typicalMs", type: "quantitative" as const };
  const data = { values: [{ typicalMs }] };
  return [
    { data, mark: { type: "rule", color: ink.axis, strokeDash: [3, 3] }, encoding: { y } },
    {
      data,
      mark: {
        type: "text",
        align: "left",
        baseline: "middle",
        fontSize: 10,
        color: ink.muted,
        text: `median ${formatMeasure(typicalMs)} ms`,
      },
      encoding: { x: { value: sizes.plotWidth + 5 }, y },
    },
  ];
}
