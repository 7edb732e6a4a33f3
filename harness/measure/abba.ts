/**
 * The order in which the implementations of a block run: random, and reversed in every second block.
 *
 * A machine that warms up or fills its disk slows whatever runs later. Reversing the order in the next block (A B, then
 * B A) cancels any drift that is linear in time, and drawing the first order of every two blocks at random keeps a
 * periodic disturbance from favouring one side. The order of a block depends on the seed and its number alone, so a
 * resumed run continues with the order it would have had.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";

/** Returns the order of `implementations` in block number `block` (from 0). */
export function blockOrder<Name>(
  seed: number | string,
  block: number,
  implementations: readonly Name[],
): readonly Name[] {
  assert(Number.isInteger(block) && block >= 0, `block ${block} is a number from 0`);
  const random = seededRandom(seed).fork(`order/${block >> 1}`);
  const order = [...implementations];
  for (let last = order.length - 1; last > 0; last--) {
    const drawn = random.below(last + 1);
    [order[last], order[drawn]] = [order[drawn] as Name, order[last] as Name];
  }
  return block % 2 === 0 ? order : order.reverse();
}
