/**
 * Goal: text is as wide as the font says. Method: known advance widths, sums over strings, and the comparison with
 * what the rasteriser draws.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Resvg } from "@resvg/resvg-js";

import { createMeasure } from "./font-metrics.ts";
import { fontPath, textWidthPx, weightOf } from "./fonts.ts";

test("an empty text has no width, and widths add up", () => {
  const measure = createMeasure(readFileSync(fontPath("regular")));
  assert.equal(measure(""), 0);
  assert.ok(Math.abs(measure("ms") - measure("m") - measure("s")) < 1e-12);
  assert.ok(measure("i") < measure("m"));
});

test("every character that the figures print has a glyph of its own", () => {
  const measure = createMeasure(readFileSync(fontPath("regular")));
  const missing = measure("\u{1f9ff}");
  // The replacement glyph's width is shared by chance by none of these.
  for (const character of "0123456789,.%()=–−×≤≥±µφΔ°·…") assert.notEqual(measure(character), missing, character);
});

test("the measure agrees with the rasteriser", () => {
  // Round, heavy letters without kerning between them, and a letter whose ink starts and ends at its sides.
  const text = "nnnnnnnnnnnnnnnnnnnn";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="100"><text y="60" font-size="40" font-family="Inter">${text}</text></svg>`;
  const resvg = new Resvg(svg, { font: { loadSystemFonts: false, fontFiles: [fontPath("regular")] } });
  const drawnPx = resvg.getBBox()?.width ?? 0;
  const sidesPx = 0.2 * 40;
  assert.ok(Math.abs(textWidthPx(text, 40) - drawnPx) < sidesPx, `measured ${textWidthPx(text, 40)}, drawn ${drawnPx}`);
});

test("semibold is wider than regular", () => {
  assert.ok(textWidthPx("Throughput", 13, "semibold") > textWidthPx("Throughput", 13, "regular"));
});

test("weights select the file that a renderer would pick", () => {
  assert.deepEqual([400, "normal", undefined, 600, "bold", "700"].map(weightOf), [
    "regular",
    "regular",
    "regular",
    "semibold",
    "semibold",
    "semibold",
  ]);
});

test("a file that is not the expected font is refused", () => {
  assert.throws(() => createMeasure(new Uint8Array(64)), /Invariant broken: the font has a head table/);
});
