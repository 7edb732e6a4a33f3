/**
 * Parts that several figures share: the legend, encodings of implementations and of time, logarithmic axes,
 * estimators of marks.
 *
 * The legend is a panel of its own, because Vega's shows either a line's dash or a point's shape; ours shows both, as
 * the plot does.
 */

import type { TopLevelSpec } from "vega-lite";

import { ascending, quantile } from "../../harness/chart/figure.ts";
import { textWidthPx } from "../../harness/chart/fonts.ts";
import { implementationStyles, ink, sizes } from "../../harness/chart/theme.ts";
import type { ImplementationStyle } from "../../harness/chart/theme.ts";

/** Tells other tools how to read a `.vl.json`; nothing is fetched from it. */
export const vegaLiteSchema = "https://vega.github.io/schema/vega-lite/v6.json";

/** One view of a vertical concatenation, and one layer of a view. */
export type Panel = Extract<TopLevelSpec, { vconcat: unknown }>["vconcat"][number];
export type Layer = Extract<Panel, { layer: unknown }>["layer"][number];

/** Returns the median, or undefined when there is no value. */
export function median(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : quantile(ascending(values), 0.5);
}

/** Counts with SI prefixes from a thousand on: `0`, `0.5`, `500`, `12.5k`. */
export const countLabelExpression =
  "datum.value >= 1000 ? format(datum.value, '~s') : format(round(datum.value * 1000) / 1000, ',~f')";

/** Returns the encodings of the field `implementation`, without legends: `legendPanel` is the legend. */
export function implementationEncoding(names: readonly string[]) {
  const styles = [...implementationStyles(names).entries()];
  const domain = styles.map(([name]) => name);
  const common = { field: "implementation", type: "nominal" as const, legend: null };
  return {
    color: { ...common, scale: { domain, range: styles.map(([, { colour }]) => colour) } },
    strokeDash: { ...common, scale: { domain, range: styles.map(([, { dash }]) => [...dash]) } },
    shape: { ...common, scale: { domain, range: styles.map(([, { shape }]) => shape) } },
  };
}

/** A stretch of the time that a panel shows. */
export interface Stretch {
  readonly startS: number;
  readonly endS: number;
}

/** Returns the layer that shades `stretches` of a panel's `time`; put it first, below the data. */
export function shadeLayer(
  stretches: readonly Stretch[],
  time: ReturnType<typeof timeEncoding>,
  { colour = ink.shade, opacity = 0.42 }: { readonly colour?: string; readonly opacity?: number } = {},
): Layer {
  return {
    data: { values: [...stretches] },
    mark: { type: "rect", color: colour, opacity },
    encoding: { x: { ...time, field: "startS" }, x2: { field: "endS" } },
  };
}

/** A named line with its mark, where the series of a figure are not implementations. */
export interface Series extends ImplementationStyle {
  readonly name: string;
  /** The plot draws it without marks, and so does the legend. */
  readonly isLineOnly?: boolean;
  /** The plot draws it without lines, and so does the legend. */
  readonly isMarkOnly?: boolean;
}

/** Two percentiles of one thing, wherever they share a plot. */
export const percentileSeries = {
  p50: { name: "p50", colour: "#0072b2", dash: [1, 0], shape: "circle" },
  p99: { name: "p99", colour: "#d55e00", dash: [5, 3], shape: "diamond" },
} as const satisfies Record<string, Series>;

/** Returns the encoding of time from 0 to `endS`; the last of the panels below each other carries the labels. */
export function timeEncoding(endS: number, isLast: boolean) {
  return {
    type: "quantitative" as const,
    scale: { domain: [0, endS], nice: false },
    axis: { title: isLast ? "time since the load began (s)" : null, labels: isLast, grid: false, tickCount: 7 },
  };
}

interface LegendEntry {
  readonly name: string;
  readonly style: Omit<Series, "name">;
  readonly leftPx: number;
  readonly middlePx: number;
}

const legendSymbolPx = 26;
const legendRowPx = 16;

/** Returns a panel that names the implementations beside their line and mark, in as many rows as they need. */
export function legendPanel(names: readonly string[], widthPx: number): Panel {
  return seriesLegend(
    [...implementationStyles(names)].map(([name, style]) => ({ name, ...style })),
    widthPx,
  );
}

/** Returns the same panel for any series. */
export function seriesLegend(series: readonly Series[], widthPx: number): Panel {
  const entries = placeEntries(series, widthPx);
  return {
    width: widthPx,
    height: Math.max(...entries.map(({ middlePx }) => middlePx)) + 4,
    layer: entries.flatMap(legendEntry),
  };
}

function placeEntries(series: readonly Series[], widthPx: number): readonly LegendEntry[] {
  let leftPx = 0;
  let middlePx = 4;
  return series.map(({ name, ...style }) => {
    const entryPx = legendSymbolPx + 6 + textWidthPx(name, sizes.label);
    if (leftPx > 0 && leftPx + entryPx > widthPx) {
      leftPx = 0;
      middlePx += legendRowPx;
    }
    const entry = { name, style, leftPx, middlePx };
    leftPx += entryPx + 18;
    return entry;
  });
}

function legendEntry({ name, style, leftPx, middlePx }: LegendEntry): Layer[] {
  const data = { values: [{}] };
  const y = { value: middlePx };
  const symbol: Layer = {
    data,
    mark: { type: "point", filled: true, color: style.colour, shape: style.shape, size: 42, opacity: 1 },
    // Without a line around it, it stands beside its name.
    encoding: { x: { value: leftPx + (style.isMarkOnly === true ? legendSymbolPx - 6 : legendSymbolPx / 2) }, y },
  };
  const line: Layer = {
    data,
    mark: { type: "rule", color: style.colour, strokeDash: [...style.dash], strokeWidth: 1.8 },
    encoding: { x: { value: leftPx }, x2: { value: leftPx + legendSymbolPx }, y },
  };
  return [
    ...(style.isMarkOnly === true ? [] : [line]),
    ...(style.isLineOnly === true ? [] : [symbol]),
    {
      data,
      mark: { type: "text", align: "left", baseline: "middle", text: name, color: ink.text },
      encoding: { x: { value: leftPx + legendSymbolPx + 6 }, y },
    },
  ];
}

/** Ticks of a logarithmic axis. `ticks` are powers of ten, and their 2 and 5 when the domain is short. */
export interface LogarithmicAxis {
  readonly domain: readonly [low: number, high: number];
  readonly ticks: readonly number[];
}

/**
 * Returns the axis that holds [low, high] and ends on 1, 2 or 5 times a power of ten: Vega labels a logarithmic axis
 * unevenly when it is short, so the labels are chosen here.
 *
 * @param low > 0; @param high >= low.
 */
export function logarithmicAxis(low: number, high: number): LogarithmicAxis {
  const candidates: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++) {
    for (const digit of [1, 2, 5]) candidates.push(Number(`${digit}e${power}`));
  }
  const start = candidates.findLast((value) => value <= low && value < high) ?? low / 2;
  const end = candidates.find((value) => value >= high && (value > high || low < high)) ?? high * 2;
  const within = candidates.filter((value) => start <= value && value <= end);
  const decades = Math.log10(end / start);
  const leading = decades <= 2.5 ? ["1", "2", "5"] : ["1"];
  const thinned = within.filter((value) => leading.includes(value.toExponential()[0] ?? ""));
  const step = Math.max(1, Math.ceil(thinned.length / 9));
  return { domain: [start, end], ticks: thinned.filter((_, index) => index % step === 0) };
}
