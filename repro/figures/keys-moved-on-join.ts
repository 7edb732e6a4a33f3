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
import type { Layer, Series } from "./parts.ts";

export const keysMovedOnJoin: Figure = {
  id: "keys-moved-on-join",
  title: "Keys that move when a node joins",
  caption:
    "Part of all keys whose node changes when a node joins a store of n, computed exactly from where keys lie: by the " +
    "remainder of a hash, and on a consistent ring with virtual nodes. No " +
    "placement can move fewer than the newcomer's share, 1/(n+1), and stay even; the goal of this project (P-STO-5) " +
    "is at most 1.3 times that. The share's axis is logarithmic, so that this factor has the same height everywhere.",
  needs: ["measurements"],
  build: ({ measurements = [] }) => {
    const marks = measurements.filter((row) => textOf(row, "experiment") === experiment).flatMap(markOf);
    return marks.length === 0 ? undefined : specOf(marks);
  },
};

const experiment = "storage-placement";
const pattern = /^keys-moved-fraction@(\d+)-nodes$/;
const goalFactor = 1.3;
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
const ideal: Series = { name: "ideal, 1/(n+1)", colour: ink.axis, dash: [2, 2], shape: "circle", isLineOnly: true };
const goal: Series = {
  ...{ name: `goal, ${goalFactor}/(n+1)`, colour: ink.rule, dash: [8, 3, 2, 3], shape: "circle", isLineOnly: true },
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
  const [fewest, most] = [sizesShown[0] ?? 1, sizesShown.at(-1) ?? 1];
  const shares = [...marks.map(({ share }) => share), 1 / (most + 1), goalFactor / (fewest + 1)];
  const axis = logarithmicAxis(Math.min(...shares), Math.max(...shares));
  const x = {
    field: "nodes",
    type: "quantitative" as const,
    scale: { domain: [fewest - 0.5, most + 0.5], nice: false },
    axis: { title: "nodes before the join, n", values: sizesShown, format: "d", grid: false },
  };
  const y = {
    field: "share",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [...axis.domain], nice: false },
    axis: { title: "keys that move", values: [...axis.ticks], labelExpr: "format(datum.value, '~%')", minExtent: 34 },
  };
  const shown = placements.filter(({ implementation }) => marks.some((mark) => mark.implementation === implementation));
  const bounds = [
    { series: ideal, values: sizesShown.map((nodes) => ({ nodes, share: 1 / (nodes + 1) })) },
    { series: goal, values: sizesShown.map((nodes) => ({ nodes, share: goalFactor / (nodes + 1) })) },
  ];
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Keys that move when a node joins", subtitle: `${experiment}: computed, the same on every machine` },
    spacing: 14,
    vconcat: [
      seriesLegend([...shown, ideal, goal], sizes.plotWidth),
      {
        width: sizes.plotWidth,
        height: 210,
        layer: [
          ...bounds.map(({ series, values }): Layer => {
            const mark = {
              type: "line" as const,
              color: series.colour,
              strokeDash: [...series.dash],
              strokeWidth: 1.2,
            };
            return { data: { values }, mark, encoding: { x, y } };
          }),
          // Where both move as many, the smaller mark lies on top.
          ...shown.toReversed().map(({ implementation, colour, dash, shape }): Layer => {
            const values = marks.filter((mark) => mark.implementation === implementation).sort(bySize);
            const point = { filled: true, color: colour, shape, opacity: 1 };
            return {
              data: { values },
              mark: { type: "line", color: colour, strokeDash: [...dash], point },
              encoding: { x, y },
            };
          }),
        ],
      },
    ],
  };
}

function bySize(a: Mark, b: Mark): number {
  return a.nodes - b.nodes;
}
