/** What the owner of the run queue says of a task that it queues. */

import { assert } from "../../foundation/assert.ts";
import type { Resources } from "../contract.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

export interface Offer extends Resources {
  readonly tenant: number;
  /** -1: any worker's. */
  readonly lane: number;
  /** Lower first, and among equal ranks the lower `order`, in [0, 2^32). */
  readonly rank: number;
  readonly order: number;
  readonly token: number;
  /** On the clock that the takers go by. */
  readonly offeredMs: number;
}

export function assertOffer({ tenant, lane, order, cpuMilli, memoryMb }: Offer, memory: RunQueueMemory): void {
  assert(tenant >= 0 && tenant < memory.tenants, "the tenant is one of those allocated");
  assert(lane >= -1 && lane < memory.workers, "the lane is a worker's, or -1");
  assert(order >= 0 && order < 2 ** 32, "the order is a uint32");
  for (const amount of [cpuMilli, memoryMb]) {
    assert(Number.isInteger(amount) && amount >= 0 && amount < 2 ** 31, "resources are whole numbers below 2^31");
  }
}
