/**
 * Figure: throughput and p99 of synced writes, stores side by side with etcd and with single servers.
 *
 * A single server replicates nothing, so its marks are hollow and its row says so: it is a yardstick for what the disk
 * and the client library allow, not a rival.
 */

import type { TopLevelSpec } from "vega-lite";

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { implementationStyles, orderImplementations, theme } from "../../harness/chart/theme.ts";
import { formatCount, formatMeasure, formatQuantity } from "../../harness/report/number-text.ts";
import { dotPanel } from "./dot-rows.ts";
import type { DotPanel, DotSeries } from "./dot-rows.ts";
import { countLabelExpression, vegaLiteSchema } from "./parts.ts";
import type { Panel } from "./parts.ts";

export const storageComparison: Figure = {
  id: "storage-comparison",
  title: "Stores side by side",
  caption:
    "Synced writes of 64 clients in a closed loop: successful operations per second, and the 99th percentile of what " +
    "one took. Each mark is one block (fresh processes, all systems in every block); the line spans the blocks, the " +
    "stroke is their median, also given in figures. Hollow marks: one server, which replicates nothing; the others " +
    "keep three copies, of which production at one waits for one.",
  needs: ["throughput", "latency"],
  build: ({ throughput = [], latency = [] }) => {
    const ofThroughput = throughput.filter((row) => isShown(row) && textOf(row, "window_s") === "all");
    const ofLatency = latency.filter(
      (row) => isShown(row) && textOf(row, "measure") === "service" && textOf(row, "operation") === "all",
    );
    if (ofThroughput.length === 0 && ofLatency.length === 0) return undefined;
    return specOf({ throughput: ofThroughput, latency: ofLatency });
  },
};

const experiment = "storage-comparison";
const singleServer = "put-single-server";
const variants = [
  { name: "put-majority", detail: "at majority, TLS" },
  { name: "put-one", detail: "at one, TLS" },
  { name: "etcd-writes", detail: "TLS" },
  { name: "etcd-writes-plain", detail: "no TLS" },
  { name: singleServer, detail: "one server, no replica" },
] as const;

const rowPx = 30;

/** One implementation in one variant. */
interface Contender {
  readonly variant: string;
  readonly implementation: string;
  readonly detail: string;
}

function isShown(row: TableRow): boolean {
  return (
    textOf(row, "experiment") === experiment &&
    textOf(row, "substrate") === "cluster" &&
    variants.some(({ name }) => name === textOf(row, "variant"))
  );
}

function specOf({ throughput = [], latency = [] }: FigureTables): TopLevelSpec {
  const all = [...throughput, ...latency];
  const contenders = contendersOf(all);
  const panels = [
    panelOf(contenders, throughput, "throughput_per_s", {
      title: "Throughput",
      widthPx: 122,
      axis: { title: "operations per s", labelExpr: countLabelExpression, tickCount: 4 },
      format: formatCount,
    }),
    panelOf(contenders, latency, "p99_ms", {
      title: "p99",
      widthPx: 78,
      axis: { title: "latency (ms)", format: ",~r", tickCount: 3 },
      format: (value) => formatMeasure(value),
    }),
  ];
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: { text: "Stores side by side", subtitle: describe(all) },
    spacing: 18,
    hconcat: panels,
  };
}

function contendersOf(rows: readonly TableRow[]): readonly Contender[] {
  return variants.flatMap(({ name, detail }) => {
    const own = rows.filter((row) => textOf(row, "variant") === name);
    return orderImplementations(own.map((row) => textOf(row, "implementation"))).map((implementation) => ({
      ...{ variant: name, implementation, detail },
    }));
  });
}

function panelOf(
  contenders: readonly Contender[],
  rows: readonly TableRow[],
  column: string,
  rest: Pick<DotPanel, "title" | "widthPx" | "axis" | "format">,
): Panel {
  const values = contenders.map(({ variant, implementation }) =>
    rows
      .filter((row) => textOf(row, "variant") === variant && textOf(row, "implementation") === implementation)
      .flatMap((row) => numberOf(row, column) ?? []),
  );
  const middlePx = (index: number): number => (index + 0.5) * rowPx;
  return dotPanel({
    ...rest,
    heightPx: contenders.length * rowPx,
    // Rows are named once, at the left of the figure.
    labels:
      column !== "throughput_per_s"
        ? []
        : contenders.map(({ implementation, detail }, index) => ({
            ...{ title: implementation, detail, yPx: middlePx(index) },
          })),
    series: seriesOf(contenders),
    dots: contenders.flatMap((contender, index) => {
      const own = values[index] ?? [];
      return own.length === 0 ? [] : [{ series: nameOf(contender), yPx: middlePx(index), column: 0, values: own }];
    }),
    columns: ["median"],
    columnPx: 42,
    scale: { type: "linear", domain: [0, Math.max(1, ...values.flat()) * 1.05], nice: false },
  });
}

function seriesOf(contenders: readonly Contender[]): readonly DotSeries[] {
  const styles = implementationStyles(contenders.map(({ implementation }) => implementation));
  return contenders.flatMap((contender) => {
    const style = styles.get(contender.implementation);
    const isHollow = contender.variant === singleServer;
    return style === undefined ? [] : [{ name: nameOf(contender), ...style, dash: [1, 0], isHollow }];
  });
}

function nameOf({ variant, implementation }: Contender): string {
  return `${implementation} ${variant}`;
}

function describe(rows: readonly TableRow[]): string {
  const blocks = new Set(rows.map((row) => textOf(row, "block"))).size;
  const clients = formatQuantity(numberOf(rows[0] ?? {}, "clients") ?? 0, "client");
  return `${experiment}: synced writes, ${clients}, closed loop, ${formatQuantity(blocks, "block")}`;
}
