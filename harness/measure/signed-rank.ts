/**
 * The Hodges-Lehmann estimate of a centre of symmetry and its exact interval, by inverting the sign-flip test.
 *
 * Under the hypothesis that the differences lie symmetrically around a shift, every one of the 2^n ways to flip their
 * signs is equally likely. The interval holds the shifts that this test does not refuse. The statistic is Wilcoxon's
 * rank sum rather than the mean: nothing is dropped as an outlier here, so one stalled block must not be able to drag
 * the answer; and the rank sum's inverse is in closed form, the ordered Walsh averages, whose median is the very
 * estimate we report, so the estimate always lies in its interval. Ties only make the interval wider.
 *
 * @see Hollander, Wolfe & Chicken 2014, "Nonparametric statistical methods", sections 3.1 to 3.3.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { unbounded } from "./interval.ts";
import type { Interval, Level } from "./interval.ts";
import { at, medianOfSorted } from "./order.ts";

/** Returns the Walsh averages (d_i + d_j) / 2, i <= j, in ascending order: n (n + 1) / 2 of them. */
export function walshAverages(differences: readonly number[]): Float64Array {
  const n = differences.length;
  const averages = new Float64Array((n * (n + 1)) / 2);
  let next = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) averages[next++] = (at(differences, i) + at(differences, j)) / 2;
  }
  return averages.sort();
}

/** Returns the Hodges-Lehmann estimate: the median of the Walsh averages. @throws AssertionError on no differences. */
export function hodgesLehmann(differences: readonly number[]): number {
  return medianOfSorted(walshAverages(differences));
}

/**
 * Returns the exact sign-flip interval of the shift.
 *
 * @param differences 1 to 60; unbounded below 5 of them at 90 % and below 6 at 95 %, where all signs equal is still too
 *   likely by chance.
 */
export function signFlipInterval(differences: readonly number[], level: Level): Interval {
  const averages = walshAverages(differences);
  const chances = rankSumChances(differences.length);
  let rank = 0;
  let tail = 0;
  while (tail + at(chances, rank) <= (1 - level) / 2) tail += at(chances, rank++);
  if (rank === 0) return unbounded(level);
  return {
    low: at(averages, rank - 1),
    high: at(averages, averages.length - rank),
    level,
    coverage: 1 - 2 * tail,
  };
}

/**
 * Returns the exact null distribution of the rank sum of the positive differences: entry w is P(W = w). It counts all
 * 2^n sign flips, by adding one rank at a time.
 */
export function rankSumChances(n: number): Float64Array {
  assert(Number.isInteger(n) && n >= 1 && n <= 60, `the exact distribution is built for 1 to 60 differences, not ${n}`);
  const top = (n * (n + 1)) / 2;
  const chances = new Float64Array(top + 1);
  chances[0] = 1;
  for (let rank = 1; rank <= n; rank++) {
    for (let sum = top; sum >= 0; sum--) {
      const without = at(chances, sum);
      const withRank = sum >= rank ? at(chances, sum - rank) : 0;
      chances[sum] = (without + withRank) / 2;
    }
  }
  return chances;
}
