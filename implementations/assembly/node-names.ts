/** What the nodes of a cluster are called. */

import type { NodeId } from "../foundation/units.ts";

/** Returns "n1", "n2", ...: the names of a cluster's founders. A node that joins later gets the next number. */
export function nodeNames(count: number): NodeId[] {
  return Array.from({ length: count }, (_, index) => `n${index + 1}`);
}
