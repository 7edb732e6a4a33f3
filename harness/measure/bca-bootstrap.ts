/**
 * The bias-corrected and accelerated bootstrap: an interval for any statistic of more than about 20 observations.
 *
 * The observations are resampled with replacement; the percentiles of the resampled statistic are shifted for bias
 * (how far its median is from the estimate) and for acceleration (how its spread changes with its value, from the
 * jackknife). Seeded, so that a report has the same digits twice. Not for small samples, where its coverage falls
 * short: `paired.ts` uses the exact interval there.
 *
 * @see Efron & Tibshirani 1993, "An introduction to the bootstrap", section 14.3.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import { normalCdf, normalQuantile } from "./distributions.ts";
import type { Interval, Level } from "./interval.ts";
import { at, nearestRank } from "./order.ts";

/** Makes the Monte Carlo error of an interval's end about a thirtieth of the standard error it reports. */
export const defaultResamples = 5000;

/** Draws the bootstrap distribution once and returns the interval as a function of its level. */
export function bcaBootstrap(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  random: Random,
  resamples = defaultResamples,
): (level: Level) => Interval {
  assert(values.length >= 2, "a bootstrap needs at least two values");
  const estimate = statistic(values);
  const resampled = resampledStatistics(values, statistic, random, resamples);
  const bias = biasCorrection(resampled, estimate);
  const acceleration = jackknifeAcceleration(values, statistic);
  const end = (probability: number): number => {
    const z = bias + normalQuantile(probability);
    return nearestRank(resampled, normalCdf(bias + z / (1 - acceleration * z)));
  };
  return (level) => ({ low: end((1 - level) / 2), high: end((1 + level) / 2), level, coverage: level });
}

function resampledStatistics(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  random: Random,
  resamples: number,
): Float64Array {
  const drawn = new Array<number>(values.length);
  const results = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    for (let index = 0; index < drawn.length; index++) drawn[index] = at(values, random.below(values.length));
    results[resample] = statistic(drawn);
  }
  return results.sort();
}

/** Ties with the estimate count half: a statistic of few distinct values would otherwise look biased. */
function biasCorrection(resampled: Float64Array, estimate: number): number {
  let below = 0;
  for (const value of resampled) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  return normalQuantile(below / resampled.length);
}

function jackknifeAcceleration(values: readonly number[], statistic: (values: readonly number[]) => number): number {
  const left = values.map((_, out) => statistic(values.filter((__, index) => index !== out)));
  const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
  let squares = 0;
  let cubes = 0;
  for (const value of left) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}
