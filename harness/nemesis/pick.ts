/** One of several, drawn from the seed. */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Random } from "../../implementations/foundation/effects.ts";

/** @param from at least one; name one twice to draw it twice as often. */
export function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[random.below(from.length)];
  assert(picked !== undefined, "there is something to pick from");
  return picked;
}
