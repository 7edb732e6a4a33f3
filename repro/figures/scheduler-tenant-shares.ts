/**
 * Figure: which part of the workers each tenant has over time, when one has flooded them and others come later.
 *
 * One block is shown, the first one: a share over time belongs to its block.
 */

import type { TopLevelSpec } from "vega-lite";

import { numberOf, textOf } from "../../harness/chart/figure.ts";
import type { Figure, TableRow } from "../../harness/chart/figure.ts";
import { ink, orderImplementations, sizes, theme } from "../../harness/chart/theme.ts";
import { seriesLegend, vegaLiteSchema } from "./parts.ts";
import type { Layer, Panel } from "./parts.ts";
import { rowsOf, tenantSeries } from "./scheduler-parts.ts";

export const schedulerTenantShares: Figure = {
  id: "scheduler-tenant-shares",
  title: "Workers' time by tenant",
  caption:
    "Part of the workers' time that went to each tenant's tasks in every quarter of a second of virtual time. The flood " +
    "is there from the beginning and has more tasks than can be done; a second tenant of the same weight comes at 3 s, a " +
    "third of twice the weight at 6 s, each with more than its share can do. Rules: what the weights entitle to. " +
    "Minimal knows no tenants and serves who was there first.",
  needs: ["timeline"],
  build: ({ timeline }) => {
    const rows = rowsOf(timeline, experiment, "simulated").filter((row) => textOf(row, "metric").startsWith("share@"));
    const [first] = rows.map((row) => numberOf(row, "block") ?? 0).toSorted((a, b) => a - b);
    return first === undefined ? undefined : specOf(rows.filter((row) => numberOf(row, "block") === first));
  },
};

const experiment = "scheduler-tenants";
const arriveS = [0, 3, 6] as const;
const weights = [1, 1, 2] as const;

interface Piece {
  readonly startS: number;
  readonly endS: number;
  readonly from: number;
  readonly to: number;
}

function specOf(rows: readonly TableRow[]): TopLevelSpec {
  const names = orderImplementations(rows.map((row) => textOf(row, "implementation")));
  const times = [...new Set(rows.map((row) => numberOf(row, "time_s") ?? 0))].sort((a, b) => a - b);
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  const windowS = steps.length === 0 ? Math.max(0.001, 2 * (times[0] ?? 0)) : Math.min(...steps);
  const endS = (times.at(-1) ?? 0) + windowS / 2;
  return {
    $schema: vegaLiteSchema,
    config: theme,
    title: {
      text: "Workers' time by tenant",
      subtitle: `${experiment}, block ${textOf(rows[0] ?? {}, "block")}: virtual time, 4 workers`,
    },
    spacing: 12,
    vconcat: [
      seriesLegend(
        [
          ...tenantSeries.map((series, index) => ({ ...series, name: `${series.name}, weight ${weights[index]}` })),
          { name: "entitled", colour: ink.rule, dash: [4, 3], shape: "circle", isLineOnly: true },
        ],
        sizes.plotWidth,
      ),
      ...names.map((name, index) =>
        panelOf(
          name,
          rows.filter((row) => textOf(row, "implementation") === name),
          { times, windowS, endS, isLast: index === names.length - 1 },
        ),
      ),
    ],
  };
}

interface Time {
  readonly times: readonly number[];
  readonly windowS: number;
  readonly endS: number;
  readonly isLast: boolean;
}

function panelOf(name: string, rows: readonly TableRow[], { times, windowS, endS, isLast }: Time): Panel {
  const shares = new Map(
    rows.map((row) => [`${textOf(row, "metric")} ${numberOf(row, "time_s")}`, numberOf(row, "value") ?? 0]),
  );
  const pieces = times.map((time) => {
    const own = tenantSeries.map((tenant) => Math.max(0, shares.get(`share@${tenant.name} ${time}`) ?? 0));
    const total = own.reduce((sum, each) => sum + each, 0);
    let from = 0;
    return own.map((share): Piece => {
      const to = from + (total === 0 ? 0 : share / total);
      const piece = { startS: time - windowS / 2, endS: time + windowS / 2, from, to };
      from = to;
      return piece;
    });
  });
  const x = {
    type: "quantitative" as const,
    scale: { domain: [0, endS], nice: false },
    axis: { title: isLast ? "virtual time since the flood (s)" : null, labels: isLast, grid: false, tickCount: 7 },
  };
  const y = {
    type: "quantitative" as const,
    scale: { domain: [0, 1], nice: false },
    axis: { title: "share", labelExpr: "format(datum.value, '.0%')", values: [0, 0.25, 0.5, 0.75, 1], minExtent: 40 },
  };
  return {
    width: sizes.plotWidth,
    height: 110,
    title: { text: name, style: "panel-title", frame: "group", offset: 4 },
    layer: [
      ...tenantSeries.map((tenant, index): Layer => ({
        data: { values: pieces.flatMap((of) => of[index] ?? []).filter(({ from, to }) => to > from) },
        mark: { type: "rect", color: tenant.colour, opacity: 1, stroke: tenant.colour, strokeWidth: 0.4 },
        encoding: {
          ...{ x: { ...x, field: "startS" }, x2: { field: "endS" } },
          ...{ y: { ...y, field: "from" }, y2: { field: "to" } },
        },
      })),
      ...entitledLayers(endS, x, y),
    ],
  };
}

/** Where the shares of those who are there should meet. */
function entitledLayers(endS: number, x: object, y: object): Layer[] {
  const values = arriveS.flatMap((startS, index) => {
    if (startS >= endS) return [];
    const there = weights.slice(0, index + 1);
    const total = there.reduce<number>((sum, each) => sum + each, 0);
    let passed = 0;
    return there.slice(0, -1).map((weight) => ({
      ...{ startS, endS: Math.min(arriveS[index + 1] ?? endS, endS), share: (passed += weight) / total },
    }));
  });
  return values.length === 0
    ? []
    : [
        {
          data: { values },
          mark: { type: "rule", color: ink.rule, strokeDash: [4, 3], strokeWidth: 1.2 },
          encoding: {
            x: { ...x, field: "startS" } as never,
            x2: { field: "endS" },
            y: { ...y, field: "share" } as never,
          },
        },
      ];
}
