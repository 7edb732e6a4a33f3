/**
 * What a dead worker had in its hands, found from the tables while all others are at rest (sections.ts).
 *
 * A slot that names the dead worker was moving, running, or released and its end not yet handled: the point of no
 * return is that the owner hears of the end, and frees the slot or offers it again. A slot that is queued though its
 * node is in no list was claimed or about to be moved when the worker died. Each is found once, for it is idle
 * afterwards. What is held and what waits is then counted anew from the states: a slot holds its resources in state
 * running and in no other, so what the dead worker had charged or given back only half is right again, exactly once.
 * Its virtual time is charged what it was charged at the start.
 */

import { reserveNodes, slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";
import type { SkipLists } from "./skip-list.ts";
import { slotState } from "./slot-table.ts";
import type { SlotTable } from "./slot-table.ts";
import type { TenantTable } from "./tenant-table.ts";

/** Makes idle, and returns, the slots that `worker` had in its hands. */
export function collectOrphans(
  memory: RunQueueMemory,
  slots: SlotTable,
  lists: SkipLists,
  worker: number,
): readonly number[] {
  const orphans: number[] = [];
  for (let slot = 0; slot < memory.slots; slot++) {
    const state = slots.stateOf(slot);
    if (state === slotState.idle) continue;
    const isOrphan =
      state === slotState.queued ? !lists.isQueued(slots.get(slot, slotWord.node)) : slots.holderOf(slot) === worker;
    if (!isOrphan) continue;
    slots.setState(slot, slotState.idle, 0);
    orphans.push(slot);
  }
  return orphans;
}

/** Counts what is held and what waits anew. */
export function recount(memory: RunQueueMemory, slots: SlotTable, tenants: TenantTable): void {
  const none = () => Array.from({ length: memory.tenants }, () => 0);
  const [waiting, cpuMilli, memoryMb] = [none(), none(), none()];
  const capacity = { cpuMilli: 0, memoryMb: 0 };
  for (let slot = 0; slot < memory.slots; slot++) {
    const state = slots.stateOf(slot);
    const tenant = slots.get(slot, slotWord.tenant);
    if (state === slotState.queued || state === slotState.moving) waiting[tenant]!++;
    if (state !== slotState.running) continue;
    cpuMilli[tenant]! += slots.get(slot, slotWord.cpu);
    memoryMb[tenant]! += slots.get(slot, slotWord.memory);
    if (slots.get(slot, slotWord.holdsCapacity) === 0) continue;
    capacity.cpuMilli += slots.get(slot, slotWord.cpu);
    capacity.memoryMb += slots.get(slot, slotWord.memory);
  }
  for (let tenant = 0; tenant < memory.tenants; tenant++) {
    tenants.setWaiting(tenant, waiting[tenant]!);
    tenants.setHeld(tenant, { cpuMilli: cpuMilli[tenant]!, memoryMb: memoryMb[tenant]! });
  }
  tenants.setCapacityHeld(capacity);
}

/**
 * Gives `worker` a reserve of nodes again: those that nobody else has.
 *
 * @param pooled nodes that the owner has, besides those that stand for slots.
 */
export function refillReserve(
  memory: RunQueueMemory,
  slots: SlotTable,
  worker: number,
  pooled: Iterable<number>,
): void {
  // By node: there are as many as slots, and everybody waits for this.
  const isTaken = new Uint8Array(memory.nodes);
  for (const node of pooled) isTaken[node] = 1;
  for (let slot = 0; slot < memory.slots; slot++) isTaken[slots.get(slot, slotWord.node)] = 1;
  for (let other = 0; other < memory.workers; other++) {
    const at = memory.reserveAt(other);
    if (other !== worker) for (let index = 0; index < reserveNodes; index++) isTaken[memory.words[at + index]!] = 1;
  }
  let next = memory.reserveAt(worker);
  const end = next + reserveNodes;
  for (let node = 0; node < memory.nodes && next < end; node++) if (isTaken[node] === 0) memory.words[next++] = node;
}
