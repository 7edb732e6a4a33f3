/** The simulator's randomness: the project's seeded generator, and nothing else. */

import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";

/** Returns the stream of `seed`; every simulated component draws from a fork of it. */
export function simulatedRandom(seed: number | string): Random {
  return seededRandom(seed);
}
