/** Medians and quantiles of samples. Nothing is dropped as an outlier, here or anywhere in `measure/`. */

import { assert } from "../../implementations/foundation/assert.ts";

/**
 * Returns the values in ascending order; the input is left alone. NaN is refused, since it has no place in an order.
 */
export function sorted(values: Iterable<number>): Float64Array {
  const ordered = Float64Array.from(values).sort();
  assert(!Number.isNaN(ordered.at(-1)), "no measured value is NaN");
  return ordered;
}

/** Returns the median: the middle value, or the mean of the two in the middle. @throws AssertionError on no values. */
export function median(values: Iterable<number>): number {
  return medianOfSorted(sorted(values));
}

/** Returns the median of values in ascending order. */
export function medianOfSorted(ordered: Float64Array): number {
  assert(ordered.length > 0, "a median needs at least one value");
  const middle = ordered.length >> 1;
  return ordered.length % 2 === 1 ? at(ordered, middle) : (at(ordered, middle - 1) + at(ordered, middle)) / 2;
}

/**
 * Returns the `quantile` (in [0, 1]) by nearest rank: the smallest value with at least that share of the sample at or
 * below it. It is always a value that was measured, which an interpolating definition would not promise.
 */
export function nearestRank(ordered: Float64Array, quantile: number): number {
  assert(ordered.length > 0, "a quantile needs at least one value");
  assert(quantile >= 0 && quantile <= 1, `quantile ${quantile} lies in [0, 1]`);
  // The tiny allowance keeps 0.9 x 10 = 9.000000000000002 on rank 9.
  const rank = Math.max(1, Math.ceil(quantile * ordered.length - 1e-9));
  return at(ordered, rank - 1);
}

/** Returns the element at a position known to exist. */
export function at(values: ArrayLike<number>, position: number): number {
  const value = values[position];
  assert(value !== undefined, `position ${position} lies in a sample of ${values.length}`);
  return value;
}
