/** The run queue's memory as it is before anybody has offered anything (run-queue-memory.ts says where what stands). */

import { assert } from "../../foundation/assert.ts";
import type { Resources } from "../contract.ts";
import { allocateMemory, reserveNodes, slotWord } from "./run-queue-memory.ts";
import type { RunQueueLayout } from "./run-queue-memory.ts";
import { TenantTable } from "./tenant-table.ts";
import type { Share } from "./tenant-table.ts";

/**
 * Allocates a run queue for one owner and `layout.workers` workers.
 *
 * @param capacity what the node has; @param shares by tenant: weights above 0, quotas at this node. Amounts are rounded
 *   down; `Infinity` is no limit, and what is above 2^31 - 1 none either.
 */
export function allocateRunQueue(
  layout: RunQueueLayout,
  capacity: Resources,
  shares: readonly Share[],
): SharedArrayBuffer {
  assert(shares.length <= layout.tenants, "every share is a tenant's");
  assert(
    shares.every(({ weight }) => weight > 0 && weight < Infinity),
    "weights are above 0",
  );
  const memory = allocateMemory(layout);
  new TenantTable(memory).initialize(capacity, shares);
  memory.words.fill(-1, memory.nodeSlotsAt, memory.nodeSlotsAt + memory.nodes);
  for (let slot = 0; slot < memory.slots; slot++) memory.words[memory.slotAt(slot) + slotWord.node] = -1;
  for (let index = 0; index < memory.workers * reserveNodes; index++) memory.words[memory.reservesAt + index] = index;
  return memory.shared;
}
