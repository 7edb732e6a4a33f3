/**
 * Figures: throughput of clusters of 1, 3, 5 and 7 nodes, implementations against each other; one figure of replicated
 * logs and one of stores.
 *
 * Every block is a point, the line joins their medians: what a reader takes from the line can be judged by the spread.
 */

import type { TopLevelSpec } from "vega-lite";

import { groupBy, numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatQuantity } from "../../harness/report/number-text.ts";
import { countLabelExpression, implementationEncoding, legendPanel, median, vegaLiteSchema } from "./parts.ts";

export const throughputByClusterSize = clusterSizeFigure({
  id: "throughput-by-cluster-size",
  title: "Throughput by cluster size",
  experiment: "consensus-throughput",
});
export const storeThroughputByClusterSize = clusterSizeFigure({
  id: "store-throughput-by-cluster-size",
  title: "Throughput of stores by cluster size",
  experiment: "storage-throughput",
});

interface ClusterSizeFigure extends Pick<Figure, "id" | "title"> {
  readonly experiment: string;
}

function clusterSizeFigure({ id, title, experiment }: ClusterSizeFigure): Figure {
  return {
    id,
    title,
    caption:
      "Successful operations per second of a whole block against the number of nodes. Each mark is one block (fresh " +
      "processes); the line joins the medians over blocks.",
    needs: ["throughput"],
    build: ({ throughput = [] }) => {
      const rows = throughput.filter(
        (row) =>
          textOf(row, "experiment") === experiment &&
          textOf(row, "substrate") === "cluster" &&
          textOf(row, "window_s") === "all",
      );
      // Blocks under different load are not comparable: the load that most blocks had is shown.
      const [shown] = [...groupBy(rows, loadOf).values()].sort((a, b) => b.length - a.length);
      return shown === undefined ? undefined : specOf(title, shown);
    },
  };
}

function loadOf(row: TableRow): string {
  return ["loop", "clients", "value_bytes"].map((column) => textOf(row, column)).join(" ");
}

interface BlockMark {
  readonly implementation: string;
  readonly nodes: number;
  /** Where it is drawn: implementations stand side by side, so that their marks do not hide each other. */
  readonly position: number;
  readonly throughputPerS: number;
}

function specOf(title: string, rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const blocks = rows.map((row) => blockMark(row, names));
  const medians = [...groupBy(blocks, ({ implementation, nodes }) => `${implementation} ${nodes}`).values()].flatMap(
    ([first, ...others]) =>
      first === undefined ? [] : [{ ...first, throughputPerS: median([first, ...others].map(throughputOf)) ?? 0 }],
  );
  const sizesShown = [...new Set(blocks.map(({ nodes }) => nodes))].sort((a, b) => a - b);
  const lowest = sizesShown[0] ?? 1;
  const highest = sizesShown.at(-1) ?? 1;
  const x = {
    field: "position",
    type: "quantitative" as const,
    scale: { domain: [lowest - 0.6, highest + 0.6], nice: false },
    axis: { title: "nodes in the cluster", values: sizesShown, format: "d", grid: false },
  };
  const y = {
    field: "throughputPerS",
    type: "quantitative" as const,
    scale: { domain: [0, Math.max(1, ...blocks.map(throughputOf))], nice: 5 },
    axis: { title: "operations per s", labelExpr: countLabelExpression, tickCount: 5, minExtent: 34 },
  };
  const encoding = implementationEncoding(names);
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: title, subtitle: describe(rows) },
    spacing: 14,
    vconcat: [
      legendPanel(names, sizes.plotWidth),
      {
        width: sizes.plotWidth,
        height: 210,
        layer: [
          {
            data: { values: medians },
            mark: { type: "line" },
            encoding: { x, y, color: encoding.color, strokeDash: encoding.strokeDash },
          },
          {
            data: { values: blocks },
            mark: { type: "point", filled: true, opacity: 0.75 },
            encoding: { x, y, color: encoding.color, shape: encoding.shape },
          },
        ],
      },
    ],
  };
}

function throughputOf({ throughputPerS }: BlockMark): number {
  return throughputPerS;
}

function blockMark(row: TableRow, names: readonly string[]): BlockMark {
  const implementation = textOf(row, "implementation");
  const nodes = numberOf(row, "nodes") ?? 0;
  const shift = (names.indexOf(implementation) - (names.length - 1) / 2) * 0.14;
  return { implementation, nodes, position: nodes + shift, throughputPerS: numberOf(row, "throughput_per_s") ?? 0 };
}

function describe(rows: readonly TableRow[]): string {
  const [row] = rows;
  if (row === undefined) return "";
  const clients = formatQuantity(numberOf(row, "clients") ?? 0, "client");
  return `${textOf(row, "loop")} loop, ${clients}, ${formatCount(numberOf(row, "value_bytes") ?? 0)}-byte values`;
}
