/** Draws delays, for simulated links and for the link proxies of a cluster alike. */

import { unreachable } from "../foundation/assert.ts";
import type { Random } from "../foundation/effects.ts";
import type { DelayDistribution } from "../foundation/faults.ts";
import type { Millis } from "../foundation/units.ts";

/** Returns a delay >= 0 drawn from `distribution`. */
export function drawDelayMs(distribution: DelayDistribution, random: Random): Millis {
  switch (distribution.shape) {
    case "constant":
      return distribution.ms;
    case "uniform":
      return distribution.lowMs + (distribution.highMs - distribution.lowMs) * random.float();
    case "exponential":
      return -distribution.meanMs * Math.log(1 - random.float());
    default:
      return unreachable(distribution);
  }
}
