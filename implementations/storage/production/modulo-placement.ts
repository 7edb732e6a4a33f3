/**
 * Placement by remainder, which the ring is compared with: a key belongs to node number hash mod n.
 *
 * It spreads load as evenly as can be, and when a node joins n others, n of n + 1 keys change their owner. Nothing
 * in the store uses it; it is the other line in the figure "keys moved when a node joins".
 */

import type { NodeId } from "../../foundation/units.ts";
import { slotOf } from "./slots.ts";

/** Returns the one of `nodes` (at least one) that owns `key`. */
export function moduloOwner(key: string, nodes: readonly NodeId[]): NodeId {
  return nodes[slotOf(key) % nodes.length]!;
}
