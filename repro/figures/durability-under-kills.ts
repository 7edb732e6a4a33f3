/**
 * Figure: throughput of a store over time while its nodes are killed, and per block how many acknowledged writes there
 * were and how many of them were lost.
 *
 * Every block has a panel, also one whose checks failed: its timings are void and not drawn, what it lost is not.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, ink, sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatQuantity } from "../../harness/report/number-text.ts";
import { countLabelExpression, shadeLayer, timeEncoding, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel, Stretch } from "./parts.ts";

export const durabilityUnderKills: Figure = {
  id: "durability-under-kills",
  title: "Durability under kills",
  caption:
    "Successful operations per second in each window since the load began, one panel per block. Shaded: at least one " +
    "node was down, from its SIGKILL to its restart; now and then two are killed at once, at the end all. In figures: writes that " +
    "were acknowledged, and keys whose final value is not one that the acknowledged writes allow. A block whose checks " +
    "failed has no line. Arrivals do not wait for answers (open loop): what a kill delays is answered after it.",
  needs: ["throughput", "faults", "measurements"],
  build: (tables) => {
    const blocks = blocksOf(tables);
    return blocks.length === 0 ? undefined : specOf(blocks);
  },
};

const experiment = "storage-kills";
/** What a page holds; the counts of all blocks are in the subtitle. */
const maximumPanels = 6;
const panelHeightPx = 76;
const lostColour = "#d55e00";

interface Block {
  readonly number: number;
  readonly nodes: number;
  readonly acknowledged: number | undefined;
  readonly lost: number | undefined;
  readonly windows: readonly { readonly middleS: number; readonly throughputPerS: number }[];
  readonly kills: readonly Stretch[];
  /** Processes killed, one fault may hit several. */
  readonly killed: number;
  readonly endS: number;
}

function blocksOf({ throughput = [], faults = [], measurements = [] }: FigureTables): readonly Block[] {
  const windows = throughput.filter((row) => isShown(row) && textOf(row, "window_s") !== "all");
  const counts = measurements.filter((row) => isShown(row) && textOf(row, "metric").endsWith("acknowledged-writes"));
  const kills = faults.filter((row) => isShown(row) && textOf(row, "fault") === "kill");
  return [...groupBy([...windows, ...counts], blockOf)].map(([block, [row]]) => {
    const own = (rows: readonly TableRow[]): readonly TableRow[] => rows.filter((each) => blockOf(each) === block);
    const countOf = (metric: string): number | undefined =>
      own(counts).flatMap((each) => (textOf(each, "metric") === metric ? (numberOf(each, "value") ?? []) : []))[0];
    return {
      number: Number(block),
      nodes: numberOf(row ?? {}, "nodes") ?? 0,
      acknowledged: countOf("acknowledged-writes"),
      lost: countOf("lost-acknowledged-writes"),
      ...courseOf(own(windows), own(kills)),
    };
  });
}

function isShown(row: TableRow): boolean {
  return (
    textOf(row, "experiment") === experiment &&
    textOf(row, "substrate") === "cluster" &&
    textOf(row, "implementation") === "production"
  );
}

function blockOf(row: TableRow): string {
  return textOf(row, "block").padStart(9, "0");
}

function courseOf(
  rows: readonly TableRow[],
  faults: readonly TableRow[],
): Pick<Block, "windows" | "kills" | "killed" | "endS"> {
  const windows = rows.map((row) => {
    const [startS, lengthS] = [numberOf(row, "window_start_s") ?? 0, numberOf(row, "window_s") ?? 0];
    return {
      middleS: startS + lengthS / 2,
      endS: startS + lengthS,
      throughputPerS: numberOf(row, "throughput_per_s") ?? 0,
    };
  });
  const kills = faults.map((row) => {
    const startS = numberOf(row, "start_s") ?? 0;
    return { startS, endS: numberOf(row, "end_s") ?? startS };
  });
  return {
    windows: windows.sort((a, b) => a.middleS - b.middleS),
    kills: kills.sort((a, b) => a.startS - b.startS || a.endS - b.endS),
    killed: faults.reduce((sum, row) => sum + (numberOf(row, "efficacy") ?? 0), 0),
    endS: Math.max(0, ...windows.map(({ endS }) => endS), ...kills.map(({ endS }) => endS)),
  };
}

function specOf(blocks: readonly Block[]): TopLevelSpec {
  const shown = blocks.slice(0, maximumPanels);
  const frame = {
    endS: Math.max(0.1, ...shown.map(({ endS }) => endS)),
    highest: Math.max(1, ...shown.flatMap(({ windows }) => windows.map(({ throughputPerS }) => throughputPerS))),
  };
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Durability under kills", subtitle: describe(blocks) },
    spacing: 14,
    vconcat: shown.map((block, index) => panelOf(block, frame, index === shown.length - 1)),
  };
}

function describe(blocks: readonly Block[]): string {
  const nodes = formatQuantity(blocks[0]?.nodes ?? 0, "node");
  const sum = (of: (block: Block) => number | undefined): number =>
    blocks.reduce((total, block) => total + (of(block) ?? 0), 0);
  const writes = formatCount(sum(({ acknowledged }) => acknowledged));
  const lost = formatCount(sum((block) => block.lost));
  return `${experiment}: ${nodes}, ${formatQuantity(blocks.length, "block")}, ${writes} acknowledged writes, ${lost} lost`;
}

function panelOf(block: Block, frame: { readonly endS: number; readonly highest: number }, isLast: boolean): Panel {
  const { number, windows, kills } = block;
  const isLossy = (block.lost ?? 0) > 0;
  return {
    width: sizes.plotWidth,
    height: panelHeightPx,
    title: {
      text: `block ${number}`,
      subtitle: countsText(block),
      style: "panel-title",
      subtitleColor: isLossy ? lostColour : ink.muted,
      ...(isLossy ? { subtitleFontWeight: 600 } : {}),
      frame: "group",
      offset: 5,
      subtitlePadding: 1,
    },
    layer: [
      shadeLayer(kills, timeEncoding(frame.endS, isLast)),
      windows.length === 0 ? voidLayer() : lineLayer(windows, frame, isLast),
    ],
  };
}

function countsText({ acknowledged, lost, killed }: Block): string {
  const writes =
    acknowledged === undefined ? "acknowledged writes not counted" : formatQuantity(acknowledged, "acknowledged write");
  const loss = lost === undefined ? "losses not counted" : `${formatCount(lost)} lost`;
  return `${formatQuantity(killed, "kill")}, ${writes}, ${loss}`;
}

function lineLayer(
  windows: Block["windows"],
  { endS, highest }: { readonly endS: number; readonly highest: number },
  isLast: boolean,
): Layer {
  const colour = implementationStyles(["production"]).get("production")?.colour ?? ink.text;
  // A line of one point is invisible; its marker is not.
  const point = windows.length < 3 ? { color: colour, filled: true } : false;
  return {
    data: { values: [...windows] },
    mark: { type: "line", color: colour, strokeWidth: 1.3, point },
    encoding: {
      x: { ...timeEncoding(endS, isLast), field: "middleS" },
      y: {
        field: "throughputPerS",
        type: "quantitative",
        scale: { domain: [0, highest * 1.05], nice: 3 },
        axis: { title: "operations/s", labelExpr: countLabelExpression, tickCount: 3, minExtent: 34 },
      },
    },
  };
}

function voidLayer(): Layer {
  const text = "a check failed: no throughput is shown";
  return {
    data: { values: [{}] },
    mark: { type: "text", baseline: "middle", fontSize: 10, color: ink.muted, text },
    encoding: { x: { value: sizes.plotWidth / 2 }, y: { value: panelHeightPx / 2 } },
  };
}
