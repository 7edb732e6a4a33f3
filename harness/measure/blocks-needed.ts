/**
 * How many more blocks an inconclusive estimate needs.
 *
 * An interval shrinks with the square root of the blocks. So the reach of the interval towards the edge of the band
 * that it crosses, against the distance of the estimate from that edge, says how many blocks would clear the edge if
 * the estimate stayed where it is. A forecast, not a promise: the estimate moves too.
 */

import type { Estimate } from "./interval.ts";

/** The fewest observations that give a bounded interval, exact median and sign-flip alike. */
export const fewestBlocks = { 0.9: 5, 0.95: 6 } as const;

/** Beyond this many no one would wait: the band's edge itself is the answer. */
export const mostBlocks = 1000;

/**
 * Returns how many blocks to add, at least 1, or undefined when even `mostBlocks` would not do, because the estimate
 * lies on the edge of the band.
 *
 * @param band ends may be infinite; inside it a claim is reproduced at 90 %, outside it refuted at 95 %.
 */
export function blocksNeeded(
  estimate: Estimate,
  band: { readonly low: number; readonly high: number },
): number | undefined {
  const inside = estimate.estimate >= band.low && estimate.estimate <= band.high;
  const interval = inside ? estimate.interval90 : estimate.interval95;
  const fewest = fewestBlocks[interval.level];
  if (estimate.n < fewest) return fewest - estimate.n;
  const factors = [
    inside || estimate.estimate > band.high ? factor(estimate.estimate - interval.low, edgeBelow(estimate, band)) : 0,
    inside || estimate.estimate < band.low ? factor(interval.high - estimate.estimate, edgeAbove(estimate, band)) : 0,
  ];
  const total = Math.ceil(estimate.n * Math.max(...factors));
  return total > mostBlocks || Number.isNaN(total) ? undefined : Math.max(1, total - estimate.n);
}

/** The distance to the band's edge that lies below the estimate. */
function edgeBelow({ estimate }: Estimate, band: { readonly low: number; readonly high: number }): number {
  return estimate > band.high ? estimate - band.high : estimate - band.low;
}

function edgeAbove({ estimate }: Estimate, band: { readonly low: number; readonly high: number }): number {
  return estimate < band.low ? band.low - estimate : band.high - estimate;
}

function factor(reach: number, distance: number): number {
  if (distance === Infinity) return 0;
  return distance === 0 ? Infinity : (reach / distance) ** 2;
}
