// Goal: the forecast clears the band's edge when the interval shrinks as forecast, and asks for no absurd amount.
// Method: examples whose answer follows from the square-root law.

import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksNeeded } from "./blocks-needed.ts";
import type { Estimate } from "./interval.ts";

function estimate(value: number, half90: number, half95: number, n: number): Estimate {
  return {
    estimate: value,
    interval90: { low: value - half90, high: value + half90, level: 0.9, coverage: 0.9 },
    interval95: { low: value - half95, high: value + half95, level: 0.95, coverage: 0.95 },
    n,
    method: "example",
  };
}

test("too few observations need the fewest that bound anything", () => {
  assert.equal(blocksNeeded(estimate(1, Infinity, Infinity, 2), { low: 0, high: 5 }), 3);
  assert.equal(blocksNeeded(estimate(9, Infinity, Infinity, 2), { low: 0, high: 5 }), 4);
});

test("an estimate inside needs its 90 % interval to shrink to the nearer edge", () => {
  assert.equal(blocksNeeded(estimate(4, 2, 3, 10), { low: -Infinity, high: 5 }), 30);
  assert.equal(blocksNeeded(estimate(2, 2, 3, 10), { low: 1, high: 5 }), 30);
});

test("an estimate outside needs its 95 % interval to leave the band, and only the near edge counts", () => {
  assert.equal(blocksNeeded(estimate(6, 1, 2, 10), { low: 0, high: 5 }), 30);
  assert.equal(blocksNeeded(estimate(-1, 1, 2, 10), { low: 0, high: 5 }), 30);
});

test("an estimate on the edge is not worth waiting for", () => {
  assert.equal(blocksNeeded(estimate(5, 1, 2, 10), { low: 0, high: 5 }), undefined);
  assert.equal(blocksNeeded(estimate(4.99, 1, 2, 10), { low: 0, high: 5 }), undefined);
});
