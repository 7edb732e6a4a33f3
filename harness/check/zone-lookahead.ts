/**
 * Lookahead for registers whose written values are unique: the zones of register-zones.ts, used inside the search.
 *
 * Entering a block of values means staying in it until its last call. So a block must not be entered while another
 * one is outstanding whose first return comes earlier, nor a value while a failed cas on it is outstanding that
 * returns before the value can be left. Without this the search notices at that return, many placements later.
 */

import type { Operation } from "../history/operations.ts";
import { casValues } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import { blocksOfUniqueWrites } from "./register-zones.ts";
import type { Block } from "./register-zones.ts";

export class ZoneLookahead {
  /** By operation: the block it opens, as a rank by first return; -1: none. */
  readonly #rankOf: Int32Array;
  /** By rank. */
  readonly #firstReturn: readonly number[];
  readonly #lastCall: readonly number[];
  readonly #isOpened: Uint8Array;
  /** No block before this rank is outstanding. */
  #firstOutstanding = 0;
  /** By value: outstanding failed cas that must come before it. */
  readonly #trapped = new Map<RegisterValue, number>();
  readonly #traps: readonly (RegisterValue | undefined)[];
  /** By value: call of the cas that replaced it, for certain or because its own value was observed. */
  readonly #successors = new Map<RegisterValue, number>();
  readonly #calls: readonly number[];

  /** undefined when a value is written twice or the zones already show a contradiction. */
  static of(operations: readonly Operation[]): ZoneLookahead | undefined {
    const blocks = blocksOfUniqueWrites(operations);
    return blocks === undefined ? undefined : new ZoneLookahead(operations, blocks);
  }

  constructor(operations: readonly Operation[], blocks: readonly Block[]) {
    // The block of the initial value is open from the start.
    const ranked = blocks.filter((block) => block.groups[0]?.writer !== undefined).sort((a, b) => a.f - b.f);
    const rankOfCall = new Map(ranked.map((block, rank) => [block.groups[0]?.writer?.call, rank]));
    this.#rankOf = Int32Array.from(operations, (operation) => rankOfCall.get(operation.call) ?? -1);
    this.#firstReturn = ranked.map((block) => block.f);
    this.#lastCall = ranked.map((block) => block.s);
    this.#isOpened = new Uint8Array(ranked.length);
    const leavableFrom = lastCallsByValue(blocks);
    this.#traps = operations.map((operation) => {
      if (operation.f !== "cas" || operation.outcome !== "fail") return undefined;
      const value = casValues(operation)[0];
      return operation.return < (leavableFrom.get(value) ?? -1) ? value : undefined;
    });
    for (const value of this.#traps) this.#countTrap(value, 1);
    this.#calls = operations.map((operation) => operation.call);
    for (const { value, successor } of blocks.flatMap((block) => block.groups)) {
      if (successor !== undefined) this.#successors.set(value, successor.call);
    }
  }

  /** The first return of the block that the operation opens; undefined when it opens none. */
  deadlineOf(position: number): number | undefined {
    return this.#firstReturn[this.#rankOf[position]!];
  }

  refuses(state: RegisterValue, next: RegisterValue, position: number): boolean {
    const successor = this.#successors.get(state);
    if (successor !== undefined && successor !== this.#calls[position]) return true;
    if ((this.#trapped.get(next) ?? 0) > 0) return true;
    const rank = this.#rankOf[position]!;
    if (rank < 0) return false;
    let other = this.#firstOutstanding;
    while (other < this.#isOpened.length && (other === rank || this.#isOpened[other] === 1)) other++;
    return other < this.#isOpened.length && this.#firstReturn[other]! < this.#lastCall[rank]!;
  }

  place(position: number): void {
    this.#countTrap(this.#traps[position], -1);
    const rank = this.#rankOf[position]!;
    if (rank < 0) return;
    this.#isOpened[rank] = 1;
    while (this.#isOpened[this.#firstOutstanding] === 1) this.#firstOutstanding++;
  }

  takeBack(position: number): void {
    this.#countTrap(this.#traps[position], 1);
    const rank = this.#rankOf[position]!;
    if (rank < 0) return;
    this.#isOpened[rank] = 0;
    if (rank < this.#firstOutstanding) this.#firstOutstanding = rank;
  }

  #countTrap(value: RegisterValue | undefined, by: number): void {
    if (value !== undefined) this.#trapped.set(value, (this.#trapped.get(value) ?? 0) + by);
  }
}

/** By value: the last call before which it cannot be left. */
function lastCallsByValue(blocks: readonly Block[]): ReadonlyMap<RegisterValue, number> {
  const calls = new Map<RegisterValue, number>();
  for (const { groups } of blocks) {
    for (const { value, reads, successor } of groups) {
      calls.set(value, Math.max(-1, successor?.call ?? -1, ...reads.map((read) => read.call)));
    }
  }
  return calls;
}
