/**
 * Which sleeping worker is woken for what waits: one that can take it, and nobody if nothing has room.
 *
 * How it is woken, and why no wake-up is lost, stands in sleepers.ts.
 */

import { slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";
import type { SkipLists } from "./skip-list.ts";
import type { Sleepers } from "./sleepers.ts";
import type { SlotTable } from "./slot-table.ts";
import type { TenantTable } from "./tenant-table.ts";
import type { RunQueueViews } from "./run-queue-views.ts";
import type { ThreadCounters } from "./thread-counters.ts";

export class Waker {
  readonly #memory: RunQueueMemory;
  readonly #lists: SkipLists;
  readonly #slots: SlotTable;
  readonly #tenants: TenantTable;
  readonly #sleepers: Sleepers;
  readonly #counters: ThreadCounters;
  readonly #steals: boolean;

  /** @param steals whether workers take from others' lanes. */
  constructor({ memory, lists, slots, tenants, sleepers, counters }: RunQueueViews, steals: boolean) {
    this.#memory = memory;
    this.#lists = lists;
    this.#slots = slots;
    this.#tenants = tenants;
    this.#sleepers = sleepers;
    this.#counters = counters;
    this.#steals = steals;
  }

  /** Wakes a worker that sleeps although there is something that it could take. */
  wake(): void {
    this.#lists.pin();
    for (let tenant = 0; tenant < this.#memory.tenants; tenant++) {
      if (this.#tenants.waitingOf(tenant) > 0 && this.#wakeForTenant(tenant)) break;
    }
    this.#lists.unpin();
  }

  /** True: whoever gets up will do for everybody. */
  #wakeForTenant(tenant: number): boolean {
    for (let lane = -1; lane < this.#memory.workers; lane++) {
      const node = this.#lists.peek(this.#memory.listOf(tenant, lane));
      if (node < 0) continue;
      const slot = this.#slots.slotOf(node);
      const cpu = this.#slots.get(slot, slotWord.cpu);
      const memory = this.#slots.get(slot, slotWord.memory);
      if (this.#tenants.roomOf(tenant, cpu, memory, true) !== "room") continue;
      // Without stealing, who is woken for one lane cannot take what is in the others.
      if (this.#wakeForLane(lane) && this.#steals) return true;
    }
    return false;
  }

  /** False when nobody sleeps who could take from `lane`. */
  #wakeForLane(lane: number): boolean {
    for (;;) {
      const isForAnybody = lane < 0 || this.#steals;
      if (isForAnybody && this.#sleepers.isAnyWaking()) return true;
      const asleep = this.#sleepers.asleep() & (isForAnybody ? -1 : 1 << lane);
      if (asleep === 0) return false;
      const isOwnerAsleep = lane >= 0 && (asleep & (1 << lane)) !== 0;
      if (this.#sleepers.wake(isOwnerAsleep ? lane : 31 - Math.clz32(asleep & -asleep))) {
        this.#counters.count("wakeups");
        return true;
      }
      // That one woke by itself, perhaps before there was anything: somebody else, then.
    }
  }
}
