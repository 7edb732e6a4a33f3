// Goal: the intervals of one sample have the ends and the coverage that are published for them.
// Method: published values; the coverage promise by simulation from a seed, on a skewed distribution.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { medianEstimate, proportionEstimate, quantileInterval } from "./interval.ts";
import { median, nearestRank, sorted } from "./order.ts";

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

function near(actual: number, expected: number, tolerance = 5e-5): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is within ${tolerance} of ${expected}`);
}

test("medians and nearest ranks are values of the sample", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(nearestRank(sorted(ten), 0.9), 9);
  assert.equal(nearestRank(sorted(ten), 0.91), 10);
  assert.throws(() => median([]), /at least one value/);
  assert.throws(() => sorted([1, Number.NaN]), /NaN/);
});

test("the median of ten lies between the 2nd and 9th, of twenty between the 6th and 15th (David & Nagaraja)", () => {
  const of10 = quantileInterval(ten, 0.5, 0.95);
  assert.deepEqual([of10.low, of10.high], [2, 9]);
  near(of10.coverage, 0.9785);
  const of20 = quantileInterval([...ten, ...ten.map((value) => value + 10)], 0.5, 0.95);
  assert.deepEqual([of20.low, of20.high], [6, 15]);
  near(of20.coverage, 0.9586);
});

test("too few values bound nothing: five for 90 %, six for 95 %", () => {
  const estimate = (n: number) => medianEstimate(ten.slice(0, n));
  assert.equal(estimate(4).interval90.low, -Infinity);
  assert.deepEqual([estimate(5).interval90.low, estimate(5).interval90.high], [1, 5]);
  assert.equal(estimate(5).interval95.high, Infinity);
  assert.deepEqual([estimate(6).interval95.low, estimate(6).interval95.high], [1, 6]);
  assert.equal(estimate(1).estimate, 1);
});

test("Clopper-Pearson intervals match the published ones", () => {
  const none = proportionEstimate(0, 10);
  assert.equal(none.interval95.low, 0);
  near(none.interval95.high, 0.3085);
  const half = proportionEstimate(5, 10);
  near(half.interval95.low, 0.1871);
  near(half.interval95.high, 0.8129);
  const all = proportionEstimate(120, 120);
  assert.equal(all.interval95.high, 1);
  near(all.interval95.low, 0.025 ** (1 / 120));
});

test("the median's interval covers at least its level, also when the distribution is skewed", () => {
  const random = seededRandom("median coverage");
  const trials = 2000;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const sample = Array.from({ length: 9 }, () => -Math.log(1 - random.float()));
    const { low, high } = quantileInterval(sample, 0.5, 0.9);
    if (low <= Math.LN2 && Math.LN2 <= high) covered++;
  }
  assert.ok(covered / trials >= 0.9, `${covered} of ${trials} intervals held the true median`);
});
