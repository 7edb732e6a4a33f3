/**
 * Where what stands in the run queue's shared memory: one plan, from which every thread makes its own views.
 *
 * Words that different threads write stand in different cache lines of 64 bytes, so that a write of one does not take
 * away what another reads (false sharing). All that a take changes of a tenant stands in one line, for the same reason
 * turned round: it moves to the taking processor once.
 *
 *     header     layout and capacity | signal | sleepers | ticket | what is held of the capacity | pause
 *     threads    per worker, and for the owner: section, parking | counters
 *     reserves   per worker: nodes into which it moves stolen tasks
 *     tenants    per tenant: what changes | weight and quota
 *     slots      per slot one line
 *     slot of a node, the other way round
 *     lists      skip-list.ts; tenant t's lane l is list t * (workers + 1) + l + 1
 *
 * A slot is a task for as long as it lives; a node stands for it in a list for as long as it waits there. They are
 * numbered apart because a node cannot be inserted again at once after it was removed (somebody may still look at it),
 * while a stolen task has to go to the thief's lane at once, and one that yielded back into its queue.
 */

import { assert } from "../../foundation/assert.ts";
import { skipListBytes } from "./skip-list-memory.ts";
import { SkipLists } from "./skip-list.ts";
import type { SkipListLayout } from "./skip-list-memory.ts";

export interface RunQueueLayout {
  /** Tasks that wait or run; at most `maxQueueSlots`. */
  readonly slots: number;
  readonly tenants: number;
  /** At most `maxWorkers`: a word has a bit for each that sleeps. */
  readonly workers: number;
}

export const maxQueueSlots = 2 ** 19;
export const maxWorkers = 31;

const lineWords = 16;

/** How many tasks a thief takes at once, at most. */
export const batchTasks = 16;
/** Nodes of a worker's reserve: those of the last batch may not be free again yet. */
export const reserveNodes = 2 * batchTasks;

const leastSpareNodes = 2048;

/** "No limit", in Int32. */
export const unlimited = 2 ** 31 - 1;

export class RunQueueMemory {
  readonly shared: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly slots: number;
  readonly tenants: number;
  readonly workers: number;
  readonly nodes: number;

  readonly threadsAt: number;
  readonly reservesAt: number;
  readonly tenantsAt: number;
  readonly slotsAt: number;
  readonly nodeSlotsAt: number;
  readonly #listsAt: number;

  constructor(shared: SharedArrayBuffer) {
    const [slots = 0, tenants = 0, workers = 0] = new Int32Array(shared, 0, 3);
    this.shared = shared;
    this.words = new Int32Array(shared);
    this.doubles = new Float64Array(shared);
    this.slots = slots;
    this.tenants = tenants;
    this.workers = workers;
    const plan = planOf({ slots, tenants, workers });
    this.nodes = plan.nodes;
    this.threadsAt = plan.threadsAt;
    this.reservesAt = plan.reservesAt;
    this.tenantsAt = plan.tenantsAt;
    this.slotsAt = plan.slotsAt;
    this.nodeSlotsAt = plan.nodeSlotsAt;
    this.#listsAt = plan.listsAt;
  }

  /** A view of the lists for `thread`: a worker's number, or `workers` for the owner. */
  listsOf(thread: number): SkipLists {
    return new SkipLists(this.shared, 4 * this.#listsAt, skipListLayoutOf(this), thread);
  }

  threadAt(thread: number): number {
    return this.threadsAt + thread * threadWords;
  }

  reserveAt(worker: number): number {
    return this.reservesAt + worker * reserveNodes;
  }

  /** The list of a tenant's lane; -1 is the shared one. */
  listOf(tenant: number, lane: number): number {
    return tenant * (this.workers + 1) + lane + 1;
  }

  tenantAt(tenant: number): number {
    return this.tenantsAt + tenant * tenantWords;
  }

  slotAt(slot: number): number {
    return this.slotsAt + slot * slotWords;
  }
}

/** Words of the header. Layout and capacity never change. */
export const header = {
  slots: 0,
  tenants: 1,
  workers: 2,
  capacityCpu: 3,
  capacityMemory: 4,
  signal: lineWords,
  asleep: 2 * lineWords,
  waking: 2 * lineWords + 1,
  ticket: 3 * lineWords,
  heldCpu: 4 * lineWords,
  heldMemory: 4 * lineWords + 1,
  pause: 5 * lineWords,
} as const;
const headerWords = 6 * lineWords;

/** Words of a thread, from `threadAt`. */
export const thread = { section: 0, isDead: 1, parking: 2, counters: lineWords } as const;
const threadWords = 2 * lineWords;

/** Words of a tenant, from `tenantAt`. Share and quota never change; the weight is a double. */
export const tenantWord = {
  waiting: 0,
  virtualTime: 1,
  heldCpu: 2,
  heldMemory: 3,
  estimate: 4,
  overtaken: 5,
  weight: lineWords,
  quotaCpu: lineWords + 2,
  quotaMemory: lineWords + 3,
} as const;
const tenantWords = 2 * lineWords;

/** Words of a slot, from `slotAt`. Token and time are doubles. */
export const slotWord = {
  state: 0,
  tenant: 1,
  node: 2,
  list: 3,
  cpu: 4,
  memory: 5,
  provisional: 6,
  mayYield: 7,
  holdsCapacity: 8,
  isMoved: 9,
  token: 10,
  offeredMs: 12,
} as const;
const slotWords = lineWords;

/** Allocates the memory for `layout`, all 0 but for the layout itself. */
export function allocateMemory(layout: RunQueueLayout): RunQueueMemory {
  const { slots, tenants, workers } = layout;
  assert(Number.isInteger(slots) && slots >= 1 && slots <= maxQueueSlots, `slots lie in [1, ${maxQueueSlots}]`);
  assert(Number.isInteger(tenants) && tenants >= 1, "there is a tenant");
  assert(Number.isInteger(workers) && workers >= 1 && workers <= maxWorkers, `workers lie in [1, ${maxWorkers}]`);
  const shared = new SharedArrayBuffer(planOf(layout).bytes);
  new Int32Array(shared).set([slots, tenants, workers]);
  return new RunQueueMemory(shared);
}

function planOf(layout: RunQueueLayout) {
  const { slots, tenants, workers } = layout;
  const lists = skipListLayoutOf(layout);
  const threadsAt = headerWords;
  const reservesAt = threadsAt + (workers + 1) * threadWords;
  const tenantsAt = reservesAt + workers * reserveNodes;
  const slotsAt = tenantsAt + tenants * tenantWords;
  const nodeSlotsAt = slotsAt + slots * slotWords;
  const listsAt = nodeSlotsAt + lineWords * Math.ceil(lists.slots / lineWords);
  const bytes = 4 * listsAt + skipListBytes(lists);
  return { nodes: lists.slots, threadsAt, reservesAt, tenantsAt, slotsAt, nodeSlotsAt, listsAt, bytes };
}

function skipListLayoutOf({ slots, tenants, workers }: RunQueueLayout): SkipListLayout {
  const lists = tenants * (workers + 1);
  // One for each slot, those that thieves keep, those that lists keep hold of, and some that are not free again yet:
  // as many as are offered while a thread in the middle of a search waits for its processor, some 10 ms.
  const nodes = slots + workers * reserveNodes + lists + Math.max(leastSpareNodes, slots >> 2);
  return { slots: nodes, lists, threads: workers + 1 };
}
