/** Goal: numbers read alike everywhere and lose no meaning. Method: examples at every border, and a round trip. */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { formatCount, formatMeasure, formatQuantity, formatRange } from "./number-text.ts";

test("measures have three significant digits, counts all of theirs", () => {
  const examples: readonly (readonly [number, string])[] = [
    [0, "0"],
    [0.000_123_4, "0.000123"],
    [0.012_345, "0.0123"],
    [1, "1.00"],
    [9.999, "10.0"],
    [99.96, "100"],
    [182.4, "182"],
    [8412.3, "8,412"],
    [-3.14159, "−3.14"],
    [1_234_567, "1,234,567"],
    [2.5e9, "2.50 × 10⁹"],
    [1.5e-7, "1.50 × 10⁻⁷"],
    [Number.NaN, "–"],
    [Infinity, "∞"],
  ];
  for (const [value, text] of examples) assert.equal(formatMeasure(value), text);
  assert.equal(formatCount(1_234_567), "1,234,567");
  assert.equal(formatRange(0.95, 1.1), "0.950\u00a0–\u00a01.10");
  assert.equal(formatQuantity(1, "block"), "1 block");
  assert.equal(formatQuantity(0, "reply", "replies"), "0 replies");
});

test("a formatted measure is within half a unit of its third digit", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-4, max: 1e9, maxExcluded: true, noNaN: true }), (value) => {
      const back = Number(formatMeasure(value).replaceAll(",", ""));
      assert.ok(Math.abs(back - value) <= value * 0.005 + 1e-12, `${value} reads ${formatMeasure(value)}`);
    }),
    { seed: 3, numRuns: 1000 },
  );
});
