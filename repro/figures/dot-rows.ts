/**
 * A panel of rows: one row per thing that was measured, one mark per block, a thin line over all blocks, a stroke at
 * their median, and the medians in figures at the row's end.
 *
 * Rows are placed in pixels, so that they keep their height however many there are. Dots instead of bars: a bar would
 * hide the spread, and on a logarithmic axis its length means nothing.
 */

import { ink, sizes } from "../../harness/chart/theme.ts";
import { median } from "./parts.ts";
import type { Layer, Panel, Series } from "./parts.ts";

export interface DotSeries extends Series {
  /** Marks are drawn hollow. */
  readonly isHollow?: boolean;
}

/** The blocks of one row and series. */
export interface Dots {
  readonly series: string;
  /** Of the row's middle, from the top of the panel. */
  readonly yPx: number;
  /** From there to the marks, where several series share a row. */
  readonly shiftPx?: number;
  /** In which column of figures their median stands, from 0. */
  readonly column: number;
  /** One per block. */
  readonly values: readonly number[];
}

export interface RowLabel {
  readonly title: string;
  /** A second line, smaller. */
  readonly detail?: string;
  readonly yPx: number;
}

export interface DotPanel {
  readonly title: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly labels: readonly RowLabel[];
  readonly series: readonly DotSeries[];
  readonly dots: readonly Dots[];
  /** Heads of the columns of figures, and how wide each is. */
  readonly columns: readonly string[];
  readonly columnPx: number;
  /** Vega-Lite's scale and axis of the measured value. */
  readonly scale: { readonly type: "log" | "linear"; readonly domain: readonly number[]; readonly nice: boolean };
  readonly axis: Readonly<Record<string, unknown>>;
  readonly format: (value: number) => string;
}

export function dotPanel(panel: DotPanel): Panel {
  const { title, widthPx, heightPx } = panel;
  return {
    width: widthPx,
    height: heightPx,
    // Beside the heads of the columns, not above them.
    title: { text: title, style: "panel-title", frame: "group", offset: -7 },
    layer: [...markLayers(panel), ...labelLayers(panel.labels), ...columnLayers(panel)],
  };
}

function markLayers({ heightPx, series, dots, scale, axis }: DotPanel): Layer[] {
  const lowest = scale.domain[0] ?? 0;
  const spans = dots.map(({ series: name, yPx, shiftPx = 0, values }) => {
    const shown = values.map((value) => Math.max(value, lowest));
    const [low, high] = [Math.min(...shown), Math.max(...shown)];
    return { series: name, yPx: yPx + shiftPx, low, high, median: median(shown) ?? 0 };
  });
  const marks = dots.flatMap(({ series: name, yPx, shiftPx = 0, values }) =>
    values.map((value) => ({ series: name, yPx: yPx + shiftPx, value: Math.max(value, lowest) })),
  );
  const x = {
    type: "quantitative" as const,
    scale: { ...scale, domain: [...scale.domain] },
    axis: { ...axis },
  };
  const y = rowPosition(heightPx);
  const domain = series.map(({ name }) => name);
  const styled = <Value>(range: readonly Value[]) => ({
    field: "series",
    type: "nominal" as const,
    legend: null,
    scale: { domain, range: [...range] },
  });
  const stroke = styled(series.map(({ colour }) => colour));
  return [
    {
      data: { values: spans },
      mark: { type: "rule", strokeWidth: 1, opacity: 0.7 },
      encoding: {
        ...{ x: { ...x, field: "low" }, x2: { field: "high" }, y, stroke },
        strokeDash: styled(series.map(({ dash }) => [...dash])),
      },
    },
    {
      data: { values: marks },
      mark: { type: "point", size: 30, strokeWidth: 1.2, opacity: 0.8 },
      encoding: {
        ...{ x: { ...x, field: "value" }, y, stroke },
        fill: styled(series.map(({ colour, isHollow }) => (isHollow === true ? ink.background : colour))),
        shape: styled(series.map(({ shape }) => shape)),
      },
    },
    {
      data: { values: spans },
      mark: { type: "tick", orient: "vertical", height: 11, thickness: 1.6, color: ink.text, opacity: 1 },
      encoding: { x: { ...x, field: "median" }, y },
    },
  ];
}

function rowPosition(heightPx: number) {
  return {
    field: "yPx",
    type: "quantitative" as const,
    scale: { domain: [0, heightPx], reverse: true, nice: false, zero: false },
    axis: null,
  };
}

function labelLayers(labels: readonly RowLabel[]): Layer[] {
  return labels.flatMap(({ title, detail, yPx }) => [
    textLayer(title, { xPx: -6, yPx: detail === undefined ? yPx : yPx - 6, align: "right" }),
    ...(detail === undefined
      ? []
      : [textLayer(detail, { xPx: -6, yPx: yPx + 7, align: "right", color: ink.muted, fontSize: 9.5 })]),
  ]);
}

function columnLayers({ widthPx, dots, columns, columnPx, format }: DotPanel): Layer[] {
  const rightPx = (column: number): number => widthPx + (column + 1) * columnPx;
  const small = { align: "right", color: ink.muted, fontSize: 10 } as const;
  return [
    ...columns.map((head, column) => textLayer(head, { xPx: rightPx(column), yPx: -6, ...small })),
    ...dots.map(({ column, values, yPx }) =>
      textLayer(format(median(values) ?? 0), { xPx: rightPx(column), yPx, ...small, color: ink.text }),
    ),
  ];
}

interface TextPlace {
  readonly xPx: number;
  readonly yPx: number;
  readonly align: "left" | "right";
  readonly color?: string;
  readonly fontSize?: number;
}

function textLayer(text: string, place: TextPlace): Layer {
  const { xPx, yPx, align, color = ink.text, fontSize = sizes.label } = place;
  return {
    data: { values: [{}] },
    mark: { type: "text", text, align, baseline: "middle", color, fontSize },
    encoding: { x: { value: xPx }, y: { value: yPx } },
  };
}
