/** Micro-benchmark: one 32-bit draw from the project's generator. */

import { seededRandom } from "../../implementations/foundation/prng.ts";

export function prngUint32(): () => number {
  const random = seededRandom("microbench");
  return () => random.uint32();
}
