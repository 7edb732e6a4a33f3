/**
 * The one theme of every figure: sizes, colours, marks.
 *
 * Figures are laid out about 400 px wide, so that the 11 px labels are still 6.6 pt when a figure is printed at the
 * 85 mm of a journal's column. Implementations keep one colour, dash and shape everywhere; colour is never the only
 * carrier. The palette is Okabe and Ito's, which people with colour-blindness can tell apart.
 *
 * Source: Okabe & Ito 2008, Color Universal Design. Light background only: a figure is printed or shown on paper white.
 */

import type { Config } from "vega-lite";

import { fontFamily } from "./fonts.ts";

export const ink = {
  text: "#1a1a1a",
  muted: "#5c5c5c",
  axis: "#8a8a8a",
  grid: "#e6e6e6",
  shade: "#f0e442",
  rule: "#1a1a1a",
  background: "#ffffff",
} as const;

export const sizes = { label: 11, title: 13, panelTitle: 12, plotWidth: 320 } as const;

export interface ImplementationStyle {
  readonly colour: string;
  /** Lengths of dash and gap in pixels; `[1, 0]` is solid. */
  readonly dash: readonly number[];
  /** A symbol of Vega. */
  readonly shape: string;
}

const own: Readonly<Record<string, ImplementationStyle>> = {
  minimal: { colour: "#d55e00", dash: [5, 3], shape: "diamond" },
  production: { colour: "#0072b2", dash: [1, 0], shape: "circle" },
};

const peers: readonly ImplementationStyle[] = [
  { colour: "#009e73", dash: [2, 2], shape: "square" },
  { colour: "#cc79a7", dash: [8, 3, 2, 3], shape: "triangle-up" },
  { colour: "#b07c00", dash: [10, 3], shape: "triangle-down" },
  { colour: "#56b4e9", dash: [2, 4], shape: "cross" },
  { colour: "#4d4d4d", dash: [8, 2, 2, 2, 2, 2], shape: "triangle-right" },
];

/** Returns `names` once each: minimal, production, then peers by name. */
export function orderImplementations(names: Iterable<string>): readonly string[] {
  const rankOf = (name: string): number => (name === "minimal" ? 0 : name === "production" ? 1 : 2);
  return [...new Set(names)].sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** Returns the style of each of `names`; peers take theirs in the order of their names. */
export function implementationStyles(names: Iterable<string>): ReadonlyMap<string, ImplementationStyle> {
  const styles = new Map<string, ImplementationStyle>();
  let peerCount = 0;
  for (const name of orderImplementations(names)) {
    const style = own[name] ?? peers[peerCount++ % peers.length];
    if (style !== undefined) styles.set(name, style);
  }
  return styles;
}

/** Vega-Lite's configuration, part of every spec. */
export const theme = {
  background: ink.background,
  font: fontFamily,
  padding: 8,
  // Labels for every mark would multiply the file's size; the whole figure carries one label instead.
  aria: false,
  title: {
    anchor: "start",
    frame: "bounds",
    color: ink.text,
    fontSize: sizes.title,
    fontWeight: 600,
    offset: 10,
    subtitleColor: ink.muted,
    subtitleFontSize: sizes.label,
    subtitlePadding: 4,
    lineHeight: 16,
    subtitleLineHeight: 14,
  },
  axis: {
    labelColor: ink.text,
    labelFontSize: sizes.label,
    titleColor: ink.text,
    titleFontSize: sizes.label,
    titleFontWeight: 400,
    titlePadding: 7,
    domainColor: ink.axis,
    tickColor: ink.axis,
    tickSize: 4,
    gridColor: ink.grid,
    labelPadding: 3,
    labelFlush: false,
  },
  view: { stroke: null },
  line: { strokeWidth: 1.8, strokeCap: "butt" },
  point: { size: 36, strokeWidth: 1.5 },
  text: { color: ink.text, fontSize: sizes.label },
  style: {
    "panel-title": { fill: ink.text, fontSize: sizes.panelTitle, fontWeight: 600 },
  },
} as const satisfies Config;
