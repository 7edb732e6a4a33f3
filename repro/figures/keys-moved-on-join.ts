/**
 * Figure: the part of all keys that move when a node joins a store of n, on a consistent ring and by the remainder of a
 * hash.
 *
 * Nothing is timed: the shares are computed from the placement itself, and are the same on every machine.
 */

import type { TopLevelSpec } from "vega-lite";

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, ink, sizes, theme } from "../../harness/chart/theme.ts";
import { logarithmicAxis, seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel, Series } from "./parts.ts";

export const keysMovedOnJoin: Figure = {
  id: "keys-moved-on-join",
  title: "Keys that move when a node joins",
  caption:
    "Above: part of the keys whose first node changes when a node joins a store of n, on a logarithmic axis: by the " +
    "remainder of a hash (of 50,000 sampled keys) and on a consistent ring with virtual nodes (of all its slots). On " +
    "average no even placement can move fewer than the newcomer's share, 1/(n+1); the goal of this project (P-STO-5) " +
    "is at most 1.3 times that. Below: what the ring moves, in multiples of that share, on an axis that does not begin " +
    "at zero.",
  needs: ["measurements"],
  build: ({ measurements = [] }) => {
    const marks = measurements.filter((row) => textOf(row, "experiment") === experiment).flatMap(markOf);
    return marks.length === 0 ? undefined : specOf(marks);
  },
};

const experiment = "storage-placement";
const pattern = /^keys-moved-fraction@(\d+)-nodes$/;
/** No key moved has no logarithm; it is drawn here. */
const floor = 0.001;

const styles = implementationStyles(["minimal", "production"]);
const placements: readonly (Series & { readonly implementation: string })[] = (
  [
    ["minimal", "minimal: remainder"],
    ["production", "production: ring"],
  ] as const
).flatMap(([implementation, name]) => {
  const style = styles.get(implementation);
  return style === undefined ? [] : [{ implementation, name, ...style }];
});

/** A line that is so many times the newcomer's share. */
interface Bound extends Series {
  readonly multiple: number;
}

const ideal: Bound = {
  ...{ name: "ideal, 1/(n+1)", colour: ink.axis, dash: [2, 2], shape: "circle", isLineOnly: true, multiple: 1 },
};
const goal: Bound = {
  ...{
    name: "goal, 1.3/(n+1)",
    colour: ink.rule,
    dash: [8, 3, 2, 3],
    shape: "circle",
    isLineOnly: true,
    multiple: 1.3,
  },
};

interface Mark {
  readonly implementation: string;
  readonly nodes: number;
  readonly share: number;
}

function markOf(row: TableRow): readonly Mark[] {
  const [, nodes] = pattern.exec(textOf(row, "metric")) ?? [];
  const share = numberOf(row, "value");
  if (nodes === undefined || share === undefined) return [];
  return [{ implementation: textOf(row, "implementation"), nodes: Number(nodes), share: Math.max(share, floor) }];
}

function specOf(marks: readonly Mark[]): TopLevelSpec {
  const sizesShown = [...new Set(marks.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  const shown = placements.filter(({ implementation }) => marks.some((mark) => mark.implementation === implementation));
  const ring = marks.filter(({ implementation }) => implementation === "production");
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Keys that move when a node joins", subtitle: `${experiment}: computed, the same on every machine` },
    spacing: 12,
    vconcat: [
      seriesLegend([...shown, ideal, goal], sizes.plotWidth),
      sharesPanel(marks, sizesShown, ring.length === 0),
      ...(ring.length === 0 ? [] : [multiplesPanel(ring, sizesShown)]),
    ],
  };
}

function nodesEncoding(sizesShown: readonly number[], isLast: boolean) {
  const [fewest, most] = [sizesShown[0] ?? 1, sizesShown.at(-1) ?? 1];
  const title = isLast ? "nodes before the join, n" : null;
  return {
    field: "nodes",
    type: "quantitative" as const,
    scale: { domain: [fewest - 0.5, most + 0.5], nice: false },
    axis: { title, labels: isLast, values: [...sizesShown], format: "d", grid: false },
  };
}

function sharesPanel(marks: readonly Mark[], sizesShown: readonly number[], isLast: boolean): Panel {
  const bounds = [ideal, goal].map((series) => ({
    series,
    values: sizesShown.map((nodes) => ({ nodes, share: series.multiple / (nodes + 1) })),
  }));
  const shares = [...marks, ...bounds.flatMap(({ values }) => values)].map(({ share }) => share);
  const { domain, ticks } = logarithmicAxis(Math.min(...shares), Math.max(...shares));
  const x = nodesEncoding(sizesShown, isLast);
  const y = {
    field: "share",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...domain], nice: false },
    axis: { title: "keys that move", values: [...ticks], labelExpr: "format(datum.value, '~%')", minExtent: 34 },
  };
  return {
    width: sizes.plotWidth,
    height: 190,
    layer: [
      ...bounds.map(({ series, values }): Layer => ({ data: { values }, mark: lineOf(series), encoding: { x, y } })),
      // Where both move as many, the smaller mark lies on top.
      ...placements.toReversed().flatMap(({ implementation, ...series }): Layer[] => {
        const values = marks.filter((mark) => mark.implementation === implementation).sort(bySize);
        return values.length === 0 ? [] : [{ data: { values }, mark: markedLineOf(series), encoding: { x, y } }];
      }),
    ],
  };
}

/** What the ring moves is so close to what it must that the shares do not tell them apart. */
function multiplesPanel(ring: readonly Mark[], sizesShown: readonly number[]): Panel {
  const values = ring.map(({ nodes, share }) => ({ nodes, multiple: share * (nodes + 1) }));
  const multiples = values.map(({ multiple }) => multiple);
  const x = nodesEncoding(sizesShown, true);
  const y = {
    field: "multiple",
    type: "quantitative" as const,
    scale: { domain: [Math.min(0.9, ...multiples), Math.max(1.4, ...multiples)], nice: 3, zero: false },
    axis: { title: "× 1/(n+1)", tickCount: 4, format: ",~r", minExtent: 34 },
  };
  return {
    width: sizes.plotWidth,
    height: 86,
    layer: [
      ...[ideal, goal].map((series): Layer => ({
        data: { values: [{ multiple: series.multiple }] },
        mark: { ...lineOf(series), type: "rule" },
        encoding: { y },
      })),
      ...placements
        .filter(({ implementation }) => implementation === "production")
        .map((series): Layer => ({
          data: { values: values.sort((a, b) => a.nodes - b.nodes) },
          mark: markedLineOf(series),
          encoding: { x, y },
        })),
    ],
  };
}

function lineOf({ colour, dash }: Series) {
  return { type: "line" as const, color: colour, strokeDash: [...dash], strokeWidth: 1.2 };
}

function markedLineOf({ colour, dash, shape }: Series) {
  const point = { filled: true, color: colour, shape, opacity: 1 };
  return { type: "line" as const, color: colour, strokeDash: [...dash], point };
}

function bySize(a: Mark, b: Mark): number {
  return a.nodes - b.nodes;
}
