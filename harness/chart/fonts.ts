/**
 * The vendored font: its files, its text metrics, and its form for embedding in SVG and HTML.
 *
 * One family in two weights. Everything that draws or measures text goes through this file; installed fonts are never
 * asked. See `fonts/README.md` for origin and licence.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { createMeasure } from "./font-metrics.ts";

/** The family in every chart; the names after it serve readers of an SVG whose embedded font was stripped. */
export const fontFamily = "Inter, Helvetica Neue, Arial, sans-serif";

export const fontWeights = ["regular", "semibold"] as const;
export type FontWeight = (typeof fontWeights)[number];

const cssWeightOf = { regular: 400, semibold: 600 } as const satisfies Record<FontWeight, number>;

/** Returns the path of the TrueType file of `weight`. */
export function fontPath(weight: FontWeight): string {
  return filePath(weight, "ttf");
}

const measures = {
  regular: createMeasure(readFileSync(fontPath("regular"))),
  semibold: createMeasure(readFileSync(fontPath("semibold"))),
} as const;

/** Returns the width of `text` in pixels at `sizePx`. */
export function textWidthPx(text: string, sizePx: number, weight: FontWeight = "regular"): number {
  return measures[weight](text) * sizePx;
}

/** Returns the weight that a CSS or Vega `fontWeight` selects. */
export function weightOf(fontWeight: unknown): FontWeight {
  if (fontWeight === "bold" || fontWeight === "bolder") return "semibold";
  return Number(fontWeight) >= 550 ? "semibold" : "regular";
}

/** Returns `@font-face` rules with the font inside, about 56 kB: what makes an SVG or a page look the same offline. */
export function fontFaceRules(): string {
  return fontWeights.map((weight) => fontFaceRule(weight)).join("");
}

function fontFaceRule(weight: FontWeight): string {
  const base64 = readFileSync(filePath(weight, "woff2")).toString("base64");
  return `@font-face{font-family:Inter;font-weight:${cssWeightOf[weight]};src:url(data:font/woff2;base64,${base64})format("woff2")}`;
}

function filePath(weight: FontWeight, extension: "ttf" | "woff2"): string {
  return fileURLToPath(new URL(`fonts/inter-${weight}.${extension}`, import.meta.url));
}
