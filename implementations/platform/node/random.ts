/**
 * Randomness from the operating system, for what must differ from run to run; everything that must repeat has a seed.
 */

import { randomBytes } from "node:crypto";
import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";

/** Returns a stream that nobody can foresee or repeat: 128 bits of the system's entropy are its seed. */
export function nodeRandom(): Random {
  return seededRandom(randomBytes(16).toString("hex"));
}
