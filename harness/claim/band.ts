/**
 * The band a measured value is held against, and how an interval lies to it.
 *
 * Every band is one stretch of numbers, so an interval lies inside when both its ends do, and outside when it misses
 * the stretch altogether. The ends matter: "under 500" does not hold 500.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";

export type Band =
  | { readonly kind: "below"; readonly limit: number }
  | { readonly kind: "at-most"; readonly limit: number }
  | { readonly kind: "above"; readonly limit: number }
  | { readonly kind: "at-least"; readonly limit: number }
  | { readonly kind: "equals"; readonly value: number }
  /** Both ends belong to it. */
  | { readonly kind: "within"; readonly low: number; readonly high: number };

/** A stretch of numbers; an interval of `measure/interval.ts` is one too. */
export interface Stretch {
  readonly low: number;
  readonly high: number;
}

/** Returns the band of `value` give or take `tolerance` (0.2: 20 %) of it. */
export function around(value: number, tolerance: number): Band {
  const reach = Math.abs(value) * tolerance;
  return { kind: "within", low: value - reach, high: value + reach };
}

export function holds(band: Band, value: number): boolean {
  switch (band.kind) {
    case "below":
      return value < band.limit;
    case "at-most":
      return value <= band.limit;
    case "above":
      return value > band.limit;
    case "at-least":
      return value >= band.limit;
    case "equals":
      return value === band.value;
    case "within":
      return value >= band.low && value <= band.high;
    default:
      return unreachable(band);
  }
}

/** Whether every value of `interval` lies in the band. */
export function holdsAll(band: Band, interval: Stretch): boolean {
  return holds(band, interval.low) && holds(band, interval.high);
}

/** Whether no value of `interval` lies in the band. */
export function holdsNone(band: Band, interval: Stretch): boolean {
  const { low, high } = edges(band);
  if (interval.high < low || interval.low > high) return true;
  // Touching an end is sharing a value only when the band owns that end.
  return (interval.high === low && !holds(band, low)) || (interval.low === high && !holds(band, high));
}

/** Returns the band's ends, infinite where it is open. */
export function edges(band: Band): Stretch {
  switch (band.kind) {
    case "below":
    case "at-most":
      return { low: -Infinity, high: band.limit };
    case "above":
    case "at-least":
      return { low: band.limit, high: Infinity };
    case "equals":
      return { low: band.value, high: band.value };
    case "within":
      return { low: band.low, high: band.high };
    default:
      return unreachable(band);
  }
}

/** Returns the band in words: "< 500 ms", ">= 2000 ops/s", "0.55 to 0.75 ratio". */
export function bandText(band: Band, unit: string): string {
  const suffix = unit === "" ? "" : ` ${unit}`;
  switch (band.kind) {
    case "below":
      return `< ${band.limit}${suffix}`;
    case "at-most":
      return `<= ${band.limit}${suffix}`;
    case "above":
      return `> ${band.limit}${suffix}`;
    case "at-least":
      return `>= ${band.limit}${suffix}`;
    case "equals":
      return `= ${band.value}${suffix}`;
    case "within":
      return `${band.low} to ${band.high}${suffix}`;
    default:
      return unreachable(band);
  }
}
