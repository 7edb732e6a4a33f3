/** What one thread sees of the run queue's memory, table by table. */

import type { RunQueueMemory } from "./run-queue-memory.ts";
import type { SkipLists } from "./skip-list.ts";
import { Sleepers } from "./sleepers.ts";
import { SlotTable } from "./slot-table.ts";
import { TenantTable } from "./tenant-table.ts";
import { ThreadCounters } from "./thread-counters.ts";

export interface RunQueueViews {
  readonly memory: RunQueueMemory;
  readonly lists: SkipLists;
  readonly slots: SlotTable;
  readonly tenants: TenantTable;
  readonly sleepers: Sleepers;
  readonly counters: ThreadCounters;
}

/** @param thread a worker's number, or `workers` for the owner. */
export function viewsOf(memory: RunQueueMemory, thread: number): RunQueueViews {
  return {
    memory,
    lists: memory.listsOf(thread),
    slots: new SlotTable(memory),
    tenants: new TenantTable(memory),
    sleepers: new Sleepers(memory),
    counters: new ThreadCounters(memory, thread),
  };
}
