/**
 * Confidence intervals of one sample, exact at every sample size: they assume independent observations and nothing
 * about their distribution.
 *
 * An interval that the sample is too small for is unbounded (-Infinity, Infinity), never narrower than it may be: five
 * values are the fewest that bound a median at 90 %, six at 95 %.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { betaQuantile, binomialCdf } from "./distributions.ts";
import { at, median, sorted } from "./order.ts";

/** Confidence level of an interval: the least coverage it promises. */
export type Level = 0.9 | 0.95;

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: Level;
  /** The coverage it really has: discreteness makes exact intervals cover more than `level`. */
  readonly coverage: number;
}

/** A value with its intervals; what the rules of the claims judge. */
export interface Estimate {
  readonly estimate: number;
  readonly interval90: Interval;
  readonly interval95: Interval;
  /** Independent observations behind it: blocks, never requests. */
  readonly n: number;
  /** How the interval was made, for the report. */
  readonly method: string;
}

/** Returns the interval that says nothing. */
export function unbounded(level: Level): Interval {
  return { low: -Infinity, high: Infinity, level, coverage: 1 };
}

/**
 * Returns the exact interval of a quantile between two order statistics, with at most (1 - level) / 2 on either side.
 *
 * @param values at least one; `quantile` in (0, 1), 0.5 for the median.
 * @see David & Nagaraja 2003, "Order statistics", section 7.1: the number of observations below the quantile is
 *   binomial whatever the distribution.
 */
export function quantileInterval(values: readonly number[], quantile: number, level: Level): Interval {
  assert(quantile > 0 && quantile < 1, `quantile ${quantile} lies in (0, 1)`);
  const ordered = sorted(values);
  const n = ordered.length;
  const tail = (1 - level) / 2;
  const below = (rank: number): number => binomialCdf(rank - 1, n, quantile);
  const lowRank = lastWhere(n, (rank) => below(rank) <= tail);
  const highRank = n + 1 - lastWhere(n, (rank) => 1 - below(n + 1 - rank) <= tail);
  return {
    low: lowRank === 0 ? -Infinity : at(ordered, lowRank - 1),
    high: highRank === n + 1 ? Infinity : at(ordered, highRank - 1),
    level,
    coverage: (highRank === n + 1 ? 1 : below(highRank)) - (lowRank === 0 ? 0 : below(lowRank)),
  };
}

/** Returns the median of `values` with its exact order-statistic intervals. @throws AssertionError on no values. */
export function medianEstimate(values: readonly number[]): Estimate {
  return {
    estimate: median(values),
    interval90: quantileInterval(values, 0.5, 0.9),
    interval95: quantileInterval(values, 0.5, 0.95),
    n: values.length,
    method: "median, exact order-statistic interval",
  };
}

/**
 * Returns the Clopper-Pearson interval of a proportion. Chosen over Wilson's, which is narrower but covers less than
 * its level for proportions near 0 and 1, exactly where "nothing was lost" lives.
 *
 * @param successes in [0, trials]; trials >= 1.
 */
export function proportionEstimate(successes: number, trials: number): Estimate {
  assert(Number.isInteger(trials) && trials >= 1, `${trials} trials are at least one`);
  assert(
    Number.isInteger(successes) && successes >= 0 && successes <= trials,
    `${successes} of ${trials} is a proportion`,
  );
  const interval = (level: Level): Interval => {
    const tail = (1 - level) / 2;
    const low = successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1);
    const high = successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes);
    return { low, high, level, coverage: level };
  };
  return {
    estimate: successes / trials,
    interval90: interval(0.9),
    interval95: interval(0.95),
    n: trials,
    method: "Clopper-Pearson interval",
  };
}

/** Returns the largest rank in [1, n] with `holds`, which holds up to some rank and not after; 0 when for none. */
function lastWhere(n: number, holds: (rank: number) => boolean): number {
  let rank = 0;
  let beyond = n + 1;
  while (beyond - rank > 1) {
    const middle = (rank + beyond) >> 1;
    if (holds(middle)) rank = middle;
    else beyond = middle;
  }
  return rank;
}
