/**
 * Figure: successful operations per second over time, one panel per implementation, fault windows shaded.
 *
 * One block of one experiment is shown, because a fault window belongs to a block: of the blocks on real processes, the
 * first one of an experiment with faults. Simulated time is never shown as performance.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { textWidthPx } from "../../harness/chart/fonts.ts";
import { implementationStyles, ink, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import type { ImplementationStyle } from "../../harness/chart/theme.ts";
import { formatCount, formatQuantity } from "../../harness/report/number-text.ts";
import { placeInLanes } from "./label-lanes.ts";
import type { PlacedLabel } from "./label-lanes.ts";
import { countLabelExpression, median, timeEncoding, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel } from "./parts.ts";

export const throughputOverTime: Figure = {
  id: "throughput-over-time",
  title: "Throughput over time",
  caption:
    "Successful operations per second in each window since the load began. Shaded: a fault was active, from its " +
    "injection to its healing. Grey line: the median of the windows outside faults. Every implementation gets the " +
    "same workload and the same faults from the same seed.",
  needs: ["throughput", "faults"],
  build: (tables) => {
    const block = chooseBlock(tables);
    return block === undefined ? undefined : specOf(block);
  },
};

interface Window {
  readonly startS: number;
  readonly lengthS: number;
  readonly throughputPerS: number;
}

interface FaultWindow {
  readonly kind: string;
  readonly startS: number;
  readonly endS: number;
}

interface ImplementationWindows {
  readonly implementation: string;
  readonly windows: readonly Window[];
  readonly faults: readonly FaultWindow[];
}

interface Block {
  readonly description: readonly string[];
  readonly panels: readonly ImplementationWindows[];
}

const panelHeightPx = 104;
const laneHeightPx = 13;
const labelPx = 10;

function chooseBlock({ throughput = [], faults = [] }: FigureTables): Block | undefined {
  const windows = throughput.filter(
    (row) => textOf(row, "substrate") === "cluster" && textOf(row, "window_s") !== "all",
  );
  const faultsOf = Map.groupBy(faults, blockKey);
  const candidates = [...groupBy(windows, configurationKey).values()];
  const [chosen] = candidates
    .map((rows) => ({
      rows,
      faulty: rows.some((row) => faultsOf.has(blockKey(row))),
      count: implementationCount(rows),
    }))
    .sort((a, b) => Number(b.faulty) - Number(a.faulty) || b.count - a.count);
  const [first] = chosen?.rows ?? [];
  if (chosen === undefined || first === undefined) return undefined;
  const names = orderImplementations(chosen.rows.map((row) => textOf(row, "implementation")));
  const panels = names.map((implementation) =>
    panelOf(
      implementation,
      chosen.rows.filter((row) => textOf(row, "implementation") === implementation),
      faultsOf.get(blockKey(first)) ?? [],
    ),
  );
  return { description: describe(first), panels };
}

/** What one block of an experiment has in common across implementations. */
function blockKey(row: TableRow): string {
  const block = textOf(row, "block").padStart(9, "0");
  return [textOf(row, "experiment"), textOf(row, "nodes"), textOf(row, "substrate"), block].join(" ");
}

function configurationKey(row: TableRow): string {
  return [blockKey(row), ...["loop", "clients", "value_bytes"].map((column) => textOf(row, column))].join(" ");
}

function implementationCount(rows: readonly TableRow[]): number {
  return new Set(rows.map((row) => textOf(row, "implementation"))).size;
}

/** On one line if that is no wider than the figure, else on two. */
function describe(row: TableRow): readonly string[] {
  const clients = formatQuantity(numberOf(row, "clients") ?? 0, "client");
  const nodes = formatQuantity(numberOf(row, "nodes") ?? 0, "node");
  const size = `${formatCount(numberOf(row, "value_bytes") ?? 0)}-byte values`;
  const what = `${textOf(row, "experiment")}, block ${textOf(row, "block")}`;
  const load = `${nodes}, ${clients}, ${textOf(row, "loop")} loop, ${size}`;
  const line = `${what}: ${load}`;
  return textWidthPx(line, sizes.label) <= sizes.plotWidth + 70 ? [line] : [what, load];
}

function panelOf(
  implementation: string,
  rows: readonly TableRow[],
  faults: readonly TableRow[],
): ImplementationWindows {
  const windows = rows.map((row) => ({
    startS: numberOf(row, "window_start_s") ?? 0,
    lengthS: numberOf(row, "window_s") ?? 0,
    throughputPerS: numberOf(row, "throughput_per_s") ?? 0,
  }));
  const endS = Math.max(...windows.map(({ startS, lengthS }) => startS + lengthS));
  const shaded = faults
    .filter((row) => textOf(row, "implementation") === implementation)
    .map((row) => ({
      kind: textOf(row, "fault"),
      startS: numberOf(row, "start_s") ?? 0,
      endS: Math.min(numberOf(row, "end_s") ?? endS, endS),
    }))
    .filter(({ startS }) => startS < endS);
  return {
    implementation,
    windows: windows.sort((a, b) => a.startS - b.startS),
    faults: shaded.sort((a, b) => a.startS - b.startS || (a.kind < b.kind ? -1 : 1)),
  };
}

function specOf({ description, panels }: Block): TopLevelSpec {
  const endS = Math.max(...panels.flatMap(({ windows }) => windows.map(({ startS, lengthS }) => startS + lengthS)));
  const highest = Math.max(...panels.flatMap(({ windows }) => windows.map(({ throughputPerS }) => throughputPerS)));
  const styles = implementationStyles(panels.map(({ implementation }) => implementation));
  const frame = { endS, highest: Math.max(highest, 1) };
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Throughput over time", subtitle: [...description] },
    spacing: 14,
    vconcat: panels.map((panel, index) => {
      const style = styles.get(panel.implementation);
      if (style === undefined) throw new RangeError(`Cannot draw ${panel.implementation}: it has no style`);
      return panelSpec(panel, style, frame, index === panels.length - 1);
    }),
  };
}

interface Frame {
  readonly endS: number;
  readonly highest: number;
}

function panelSpec(panel: ImplementationWindows, style: ImplementationStyle, frame: Frame, last: boolean): Panel {
  const pxPerS = sizes.plotWidth / Math.max(frame.endS, 1e-9);
  const starts = panel.faults.map(({ kind, startS }) => ({ text: kind, startPx: startS * pxPerS }));
  const labels = placeInLanes(starts, sizes.plotWidth, labelPx);
  const typical = medianOutsideFaults(panel.windows, panel.faults);
  return {
    width: sizes.plotWidth,
    height: panelHeightPx,
    title: {
      text: panel.implementation,
      subtitle: typical === undefined ? "" : `median outside faults ${formatCount(typical)} per s`,
      style: "panel-title",
      color: style.colour,
      frame: "group",
      offset: 6,
      subtitlePadding: 1,
    },
    layer: [
      {
        data: { values: [...panel.faults] },
        mark: { type: "rect", color: ink.shade, opacity: 0.42 },
        encoding: { x: { ...timeEncoding(frame.endS, last), field: "startS" }, x2: { field: "endS" } },
      },
      ...labels.map(labelLayer),
      ...(typical === undefined ? [] : [medianLayer(typical)]),
      lineLayer(panel.windows, style, frame, last),
    ],
  };
}

function labelLayer({ text, leftPx, lane }: PlacedLabel): Layer {
  return {
    data: { values: [{}] },
    mark: { type: "text", align: "left", baseline: "bottom", fontSize: labelPx, color: ink.muted, text },
    encoding: { x: { value: leftPx }, y: { value: -2 - lane * laneHeightPx } },
  };
}

function medianLayer(typical: number): Layer {
  return {
    data: { values: [{ typical }] },
    mark: { type: "rule", color: ink.axis, strokeWidth: 1 },
    encoding: { y: { field: "typical", type: "quantitative" } },
  };
}

function lineLayer(windows: readonly Window[], style: ImplementationStyle, frame: Frame, last: boolean): Layer {
  // A line of one point is invisible; its marker is not.
  const point = windows.length < 3 ? { color: style.colour, filled: true, shape: style.shape } : false;
  return {
    data: { values: windows.map((window) => ({ middleS: window.startS + window.lengthS / 2, ...window })) },
    mark: { type: "line", color: style.colour, point },
    encoding: {
      x: { ...timeEncoding(frame.endS, last), field: "middleS" },
      y: {
        field: "throughputPerS",
        type: "quantitative",
        scale: { domain: [0, frame.highest * 1.05], nice: 4 },
        axis: { title: "operations per s", labelExpr: countLabelExpression, tickCount: 4, minExtent: 34 },
      },
    },
  };
}

function medianOutsideFaults(windows: readonly Window[], faults: readonly FaultWindow[]): number | undefined {
  const calm = windows.filter(
    ({ startS, lengthS }) => !faults.some((fault) => fault.startS < startS + lengthS && fault.endS > startS),
  );
  return median(calm.map(({ throughputPerS }) => throughputPerS));
}
