/** Goal: logarithmic axes hold their data and label it evenly. Method: examples at the borders, and a property. */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { logarithmicAxis, median } from "./parts.ts";

test("a short axis is labelled at 1, 2 and 5, a long one at powers of ten", () => {
  assert.deepEqual(logarithmicAxis(0.4, 30), { domain: [0.2, 50], ticks: [0.2, 0.5, 1, 2, 5, 10, 20, 50] });
  assert.deepEqual(logarithmicAxis(0.4, 900), { domain: [0.2, 1000], ticks: [1, 10, 100, 1000] });
});

test("one value lies inside its axis, not on the border", () => {
  assert.deepEqual(logarithmicAxis(1, 1).domain, [0.5, 2]);
});

test("every axis holds its data and has two to nine labels in ascending order", () => {
  const value = fc.double({ min: 1e-6, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const { domain, ticks } = logarithmicAxis(low, high);
      assert.ok(domain[0] <= low && high <= domain[1] && domain[0] < domain[1]);
      assert.ok(ticks.length >= 2 && ticks.length <= 9, `${ticks.length} labels`);
      assert.deepEqual(
        ticks,
        [...ticks].sort((x, y) => x - y),
      );
    }),
    { seed: 2, numRuns: 500 },
  );
});

test("a median needs a value", () => {
  assert.equal(median([]), undefined);
  assert.equal(median([4, 1, 3]), 3);
  assert.equal(median([4, 1]), 2.5);
});
