/**
 * The effect of a change between paired blocks: how many times as large one implementation's value is as the other's.
 *
 * A pair is one block, in which both implementations ran the same plan on the same machine in the same minute; its
 * effect is the logarithm of the ratio, so that twice and half are equally far from no effect. Up to 20 pairs the
 * interval is exact (`signed-rank.ts`); above, exactness buys nothing that the seeded BCa bootstrap does not give, and
 * the assumption of symmetry can be dropped. No pair is dropped as an outlier: both estimates withstand them.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import { bcaBootstrap } from "./bca-bootstrap.ts";
import type { Estimate, Interval } from "./interval.ts";
import { median } from "./order.ts";
import { hodgesLehmann, signFlipInterval } from "./signed-rank.ts";

/** The values of one block, in the same unit, both above 0. */
export interface Pair {
  readonly of: number;
  readonly to: number;
}

export interface PairedEstimate extends Estimate {
  /** Median of the blocks' ratios, beside the Hodges-Lehmann `estimate`: far apart, the blocks are badly skewed. */
  readonly median: number;
}

/** Up to this many pairs the interval is exact. */
export const exactPairs = 20;

/**
 * Returns the ratio of `of` to `to` over all pairs, Hodges-Lehmann on the log ratios, with 90 % and 95 % intervals.
 *
 * @param random used above `exactPairs` pairs only.
 * @throws AssertionError on no pair, or on a value that is not above 0: such a block has no ratio and is void.
 */
export function pairedRatio(pairs: readonly Pair[], random: Random): PairedEstimate {
  const effects = pairs.map(logRatio);
  const exact = effects.length <= exactPairs;
  const interval = exact
    ? (level: 0.9 | 0.95) => signFlipInterval(effects, level)
    : bcaBootstrap(effects, hodgesLehmann, random);
  return {
    estimate: Math.exp(hodgesLehmann(effects)),
    median: Math.exp(median(effects)),
    interval90: asRatio(interval(0.9)),
    interval95: asRatio(interval(0.95)),
    n: effects.length,
    method: exact ? "Hodges-Lehmann, exact sign-flip interval" : "Hodges-Lehmann, BCa bootstrap interval",
  };
}

function logRatio({ of, to }: Pair): number {
  assert(
    of > 0 && to > 0 && of < Infinity && to < Infinity,
    `a ratio is formed of values above 0, not ${of} and ${to}`,
  );
  return Math.log(of / to);
}

/** The unbounded interval of logarithms becomes [0, Infinity]. */
function asRatio(interval: Interval): Interval {
  return { ...interval, low: Math.exp(interval.low), high: Math.exp(interval.high) };
}
