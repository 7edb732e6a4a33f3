/**
 * The slots: what a task needs while it waits or runs, and who has it.
 *
 *     idle --offer--> queued --claim--> running(w) --release--> released(w) --free or offer again--> ...
 *                     queued --steal--> moving(w) --> queued, in another lane
 *
 * A slot is the one's whose number its state names, and only that one changes it: from idle and released on the owner,
 * from running and moving on the worker. Queued it is nobody's; the claim of its node decides who gets it, and the new
 * state is written right after. A worker that dies between the two leaves a slot that is queued and whose node is not:
 * with all others at rest there is no other way to get there (run-queue-recovery.ts).
 */

import { slotWord } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

export const slotState = { idle: 0, queued: 1, moving: 2, running: 3, released: 4 } as const;
const stateBits = 3;

export class SlotTable {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #memory: RunQueueMemory;

  constructor(memory: RunQueueMemory) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#doubles = memory.doubles;
  }

  stateOf(slot: number): number {
    return Atomics.load(this.#words, this.#memory.slotAt(slot)) & (2 ** stateBits - 1);
  }

  /** Whose it is, of a slot that is moving, running or released. */
  holderOf(slot: number): number {
    return Atomics.load(this.#words, this.#memory.slotAt(slot)) >> stateBits;
  }

  setState(slot: number, state: number, holder: number): void {
    Atomics.store(this.#words, this.#memory.slotAt(slot), (holder << stateBits) | state);
  }

  /** Any of `slotWord` that is an Int32. Plain: whoever may look has synchronized through the list or the state. */
  get(slot: number, word: number): number {
    return this.#words[this.#memory.slotAt(slot) + word]!;
  }

  set(slot: number, word: number, value: number): void {
    this.#words[this.#memory.slotAt(slot) + word] = value;
  }

  tokenOf(slot: number): number {
    return this.#doubles[(this.#memory.slotAt(slot) + slotWord.token) >> 1]!;
  }

  setToken(slot: number, token: number): void {
    this.#doubles[(this.#memory.slotAt(slot) + slotWord.token) >> 1] = token;
  }

  offeredMsOf(slot: number): number {
    return this.#doubles[(this.#memory.slotAt(slot) + slotWord.offeredMs) >> 1]!;
  }

  setOfferedMs(slot: number, ms: number): void {
    this.#doubles[(this.#memory.slotAt(slot) + slotWord.offeredMs) >> 1] = ms;
  }

  askToYield(slot: number): void {
    Atomics.store(this.#words, this.#memory.slotAt(slot) + slotWord.mayYield, 1);
  }

  isYieldWanted(slot: number): boolean {
    return Atomics.load(this.#words, this.#memory.slotAt(slot) + slotWord.mayYield) !== 0;
  }

  /** Which slot a node stands for; -1 before its first use. */
  slotOf(node: number): number {
    return this.#words[this.#memory.nodeSlotsAt + node]!;
  }

  /** From now on `node` stands for `slot` in `list`. */
  assign(slot: number, node: number, list: number): void {
    this.#words[this.#memory.nodeSlotsAt + node] = slot;
    this.set(slot, slotWord.node, node);
    this.set(slot, slotWord.list, list);
  }
}
