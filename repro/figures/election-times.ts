/**
 * Figure: how long elections took, by what forced them and by implementation.
 *
 * Every election is a stroke, the bar spans the 10th to the 90th percentile, the mark is the median. Virtual and real
 * milliseconds are different things and get panels of their own. A distribution of more than 200 elections is drawn by
 * 200 evenly spaced order statistics, extremes included, which look the same.
 */

import type { TopLevelSpec } from "vega-lite";

import { ascending, groupBy, numberOf, quantile, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatMeasure } from "../../harness/report/number-text.ts";
import { implementationEncoding, legendPanel, logarithmicAxis, vegaLiteSchema } from "./parts.ts";
import type { Layer } from "./parts.ts";

export const electionTimes: Figure = {
  id: "election-times",
  title: "Duration of elections",
  caption:
    "From the loss of the leader to the first trace of the next one, by what forced the election. Stroke: one " +
    "election; bar: 10th to 90th percentile; mark: median, also given in figures with the number of elections. Dashed " +
    "rule: the published limit of 500 ms (N-CS-9). Simulated durations are virtual milliseconds and say nothing about " +
    "a machine's speed.",
  needs: ["elections"],
  build: ({ elections = [] }) => {
    const rows = elections.filter((row) => numberOf(row, "duration_ms") !== undefined);
    return rows.length === 0 ? undefined : specOf(rows);
  },
};

/** The published limit of claim N-CS-9: after the leader is killed a new one is elected within 500 ms. */
const limitMs = 500;
const maximumStrokes = 200;
/** A duration of zero has no logarithm; it is drawn here. */
const floorMs = 0.1;
/** The figures at the end of each strip need the rest. */
const plotWidthPx = sizes.plotWidth - 96;
const rowHeightPx = 19;
const triggerGapPx = 7;

interface Strip {
  readonly trigger: string;
  readonly implementation: string;
  /** Ascending, length >= 1. */
  readonly durationsMs: readonly number[];
  /** Of the strip's middle, from the top of the panel. */
  readonly yPx: number;
}

const panels = [
  { substrate: "cluster", title: "Cluster (real processes)", axis: "duration (ms)" },
  { substrate: "simulated", title: "Simulated (virtual time)", axis: "duration (virtual ms)" },
] as const;

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const shown = panels.flatMap((panel) => {
    const strips = stripsOf(
      rows.filter((row) => textOf(row, "substrate") === panel.substrate),
      names,
    );
    return strips.length === 0 ? [] : [{ ...panel, strips }];
  });
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: "Duration of elections",
    spacing: 16,
    vconcat: [
      legendPanel(names, plotWidthPx),
      ...shown.map(({ title, axis, strips }) => ({
        width: plotWidthPx,
        height: heightOf(strips),
        title: { text: title, style: "panel-title", frame: "group" as const, offset: 6 },
        layer: layersOf(strips, names, axis),
      })),
    ],
  };
}

function stripsOf(rows: readonly TableRow[], names: readonly string[]): readonly Strip[] {
  let yPx = rowHeightPx / 2 + 2 - triggerGapPx;
  const triggers = [...groupBy(rows, (row) => textOf(row, "trigger"))];
  // The start of a cluster is no failure: it comes first, the failures follow by name.
  triggers.sort(([a], [b]) => Number(b === "start") - Number(a === "start"));
  return triggers.flatMap(([trigger, ofTrigger]) => {
    yPx += triggerGapPx;
    const byName = groupBy(ofTrigger, (row) => textOf(row, "implementation"));
    return names.flatMap((implementation) => {
      const durationsMs = ascending(
        (byName.get(implementation) ?? []).flatMap((row) => numberOf(row, "duration_ms") ?? []),
      );
      if (durationsMs.length === 0) return [];
      const strip = { trigger, implementation, durationsMs, yPx };
      yPx += rowHeightPx;
      return [strip];
    });
  });
}

function heightOf(strips: readonly Strip[]): number {
  return (strips.at(-1)?.yPx ?? 0) + rowHeightPx / 2 + 2;
}

function layersOf(strips: readonly Strip[], names: readonly string[], axisTitle: string): Layer[] {
  const { scale, ticks } = durationScale(strips);
  const x = {
    type: "quantitative" as const,
    scale,
    axis: { title: axisTitle, tickCount: 5, format: ",~r", ...(ticks === undefined ? {} : { values: ticks }) },
  };
  const y = {
    field: "yPx",
    type: "quantitative" as const,
    // Positions are pixels already: rows keep their height, however many there are.
    scale: { domain: [0, heightOf(strips)], reverse: true, nice: false, zero: false },
    axis: null,
  };
  const encoding = implementationEncoding(names);
  const summaries = strips.map((strip) => summaryOf(strip, scale.domain[0] ?? 0));
  return [
    {
      data: { values: [{ limitMs }] },
      mark: { type: "rule", color: ink.rule, strokeDash: [3, 3], strokeWidth: 1 },
      encoding: { x: { ...x, field: "limitMs" } },
    },
    {
      data: { values: [{ limitMs, text: `published limit ${limitMs} ms` }] },
      mark: { type: "text", baseline: "bottom", align: "center", fontSize: 10, color: ink.muted },
      encoding: { x: { ...x, field: "limitMs" }, y: { value: -3 }, text: { field: "text" } },
    },
    {
      data: { values: strips.flatMap((strip) => strokesOf(strip, scale.domain[0] ?? 0)) },
      mark: { type: "tick", height: 10, thickness: 1, opacity: strips.some(isCrowded) ? 0.2 : 0.4 },
      encoding: { x: { ...x, field: "durationMs" }, y, color: encoding.color },
    },
    {
      data: { values: summaries },
      mark: { type: "bar", height: 3, opacity: 0.9 },
      encoding: { x: { ...x, field: "p10Ms" }, x2: { field: "p90Ms" }, y, color: encoding.color },
    },
    {
      data: { values: summaries },
      mark: { type: "point", filled: true, size: 58, stroke: ink.background, strokeWidth: 1.2, opacity: 1 },
      encoding: { x: { ...x, field: "medianMs" }, y, fill: encoding.color, shape: encoding.shape },
    },
    {
      data: { values: summaries },
      mark: { type: "text", align: "left", fontSize: 10, color: ink.muted },
      encoding: { x: { value: plotWidthPx + 6 }, y, text: { field: "text" } },
    },
    {
      data: { values: triggerLabels(strips) },
      mark: { type: "text", align: "right" },
      encoding: { x: { value: -6 }, y, text: { field: "trigger" } },
    },
  ];
}

interface DurationScale {
  readonly scale: { type: "log" | "linear"; domain: number[]; nice: boolean };
  readonly ticks?: number[];
}

/** Whether single strokes would merge into a solid bar that hides where most of them are. */
function isCrowded({ durationsMs }: Strip): boolean {
  return durationsMs.length > 60;
}

/** Logarithmic when the durations span more than a factor of 20: linear would press the short ones against the axis. */
function durationScale(strips: readonly Strip[]): DurationScale {
  const all = strips.flatMap(({ durationsMs }) => [durationsMs[0] ?? 0, durationsMs.at(-1) ?? 0]);
  const lowestMs = Math.max(Math.min(limitMs, ...all), floorMs);
  const highestMs = Math.max(limitMs * 1.1, ...all);
  if (highestMs / lowestMs <= 20) return { scale: { type: "linear", domain: [0, highestMs], nice: true } };
  const { domain, ticks } = logarithmicAxis(lowestMs, highestMs);
  return { scale: { type: "log", domain: [...domain], nice: false }, ticks: [...ticks] };
}

function strokesOf({ durationsMs, implementation, yPx }: Strip, lowestMs: number) {
  const count = Math.min(durationsMs.length, maximumStrokes);
  return Array.from({ length: count }, (_, index) => {
    const rank = count === 1 ? 0 : Math.round((index * (durationsMs.length - 1)) / (count - 1));
    return { durationMs: Math.max(durationsMs[rank] ?? 0, lowestMs), implementation, yPx };
  });
}

function summaryOf({ durationsMs, implementation, yPx }: Strip, lowestMs: number) {
  const at = (p: number): number => Math.max(quantile(durationsMs, p), lowestMs);
  const text = `${formatMeasure(quantile(durationsMs, 0.5))} ms (n = ${formatCount(durationsMs.length)})`;
  return { implementation, yPx, p10Ms: at(0.1), medianMs: at(0.5), p90Ms: at(0.9), text };
}

function triggerLabels(strips: readonly Strip[]) {
  return [...Map.groupBy(strips, ({ trigger }) => trigger)].map(([trigger, rows]) => ({
    trigger,
    yPx: rows.reduce((sum, row) => sum + row.yPx, 0) / rows.length,
  }));
}
