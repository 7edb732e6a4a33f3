/**
 * Which node stands for which slot: the owner's part.
 *
 * A slot has a node for as long as it is allocated. A node that was in a list may still be looked at when its task is
 * offered again, so that each offer after the first needs another one.
 */

import { reserveNodes, slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";
import { NodePool } from "./node-pool.ts";
import type { SkipLists } from "./skip-list.ts";
import type { SlotTable } from "./slot-table.ts";

export class SlotNodes {
  readonly #slots: SlotTable;
  readonly #pool: NodePool;
  /** By slot: whether its node was in a list. */
  readonly #isUsed: Uint8Array;

  constructor(memory: RunQueueMemory, lists: SkipLists, slots: SlotTable) {
    this.#slots = slots;
    const reserved = memory.workers * reserveNodes;
    this.#pool = new NodePool(lists, downFrom(memory.nodes, memory.nodes - reserved));
    this.#isUsed = new Uint8Array(memory.slots);
  }

  /** Nodes that stand for no slot. */
  get pooled(): Iterable<number> {
    return this.#pool;
  }

  /** Gives `slot`, which has none, a node; false: there is none now. */
  give(slot: number): boolean {
    const node = this.#pool.take();
    if (node < 0) return false;
    this.#slots.set(slot, slotWord.node, node);
    return true;
  }

  takeBack(slot: number): void {
    this.#pool.retire(this.#slots.get(slot, slotWord.node));
    this.#slots.set(slot, slotWord.node, -1);
    this.#isUsed[slot] = 0;
  }

  /** Its node goes into a list. */
  use(slot: number): void {
    this.#isUsed[slot] = 1;
  }

  isUsed(slot: number): boolean {
    return this.#isUsed[slot] !== 0;
  }

  /** Gives `slot` another node for the one it has; false: after so many `attempts` there is none. */
  renew(slot: number, attempts: number): boolean {
    let node = this.#pool.take();
    for (let attempt = 1; node < 0 && attempt < attempts; attempt++) node = this.#pool.take();
    if (node < 0) return false;
    this.#pool.retire(this.#slots.get(slot, slotWord.node));
    this.#slots.set(slot, slotWord.node, node);
    this.#isUsed[slot] = 0;
    return true;
  }
}

/** `count` whole numbers below `most`, the highest first. In a loop: a simulation makes thousands of queues. */
export function downFrom(most: number, count: number): number[] {
  const numbers: number[] = [];
  for (let number = most - 1; number >= most - count; number--) numbers.push(number);
  return numbers;
}
