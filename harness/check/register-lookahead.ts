/**
 * What the search over a register's history can know in advance: a value that remaining operations must still observe,
 * and that nothing can write again, must not be overwritten yet; an operation of unknown outcome whose value nobody
 * can observe any more need not take effect.
 *
 * With few concurrent writers plain search finds its way; with sixteen on one key it tries their orders one by one,
 * and this is what keeps it near linear. It holds for repeated values too, where it prunes less; for unique ones the
 * zones prune more.
 */

import type { Operation } from "../history/operations.ts";
import type { Lookahead } from "./model.ts";
import { ObserverQueue } from "./observer-queue.ts";
import { missedBy, neededBy, writtenBy } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import { ZoneLookahead } from "./zone-lookahead.ts";

/** No value: the operation writes, or needs, none. */
const none = -1;
/** Stands for every value that no remaining operation observes or needs gone. */
const unneeded = "\u0000 unneeded";

export class RegisterLookahead implements Lookahead<RegisterValue> {
  readonly #ids = new Map<RegisterValue, number>();
  /** By operation: the id of the value it writes, and of the value it needs. */
  readonly #writes: Int32Array;
  readonly #needs: Int32Array;
  readonly #isCertain: Uint8Array;
  /** By operation: the id of the value that it did not find. */
  readonly #missed: Int32Array;
  /** By value: the remaining operations that write it, that certainly observed it, and that may yet do so. */
  readonly #writers: Int32Array;
  readonly #observers: Int32Array;
  readonly #possibleObservers: Int32Array;
  /** By value: the remaining operations that need it gone: failed cas, deletes that found something. */
  readonly #misses: Int32Array;
  readonly #queue: ObserverQueue;
  readonly #returns: Float64Array;
  readonly #zones: ZoneLookahead | undefined;

  constructor(operations: readonly Operation[]) {
    const writes = operations.map((operation) => this.#idOf(writtenBy(operation)));
    const needs = operations.map((operation) => this.#idOf(neededBy(operation)));
    this.#writes = Int32Array.from(writes);
    this.#needs = Int32Array.from(needs);
    this.#isCertain = Uint8Array.from(operations, (operation) => (operation.outcome === "info" ? 0 : 1));
    this.#missed = Int32Array.from(operations, (operation) => this.#idOf(missedBy(operation)));
    this.#writers = new Int32Array(this.#ids.size);
    this.#observers = new Int32Array(this.#ids.size);
    this.#possibleObservers = new Int32Array(this.#ids.size);
    this.#misses = new Int32Array(this.#ids.size);
    for (let position = 0; position < operations.length; position++) this.#count(position, 1);
    const observedBy = (position: number): number => (this.#isCertain[position] === 1 ? this.#needs[position]! : none);
    this.#queue = new ObserverQueue(operations, observedBy, this.#ids.size);
    this.#returns = Float64Array.from(operations, (operation) => operation.return);
    this.#zones = ZoneLookahead.of(operations);
  }

  deadlineOf(position: number): number | undefined {
    const byZone = this.#zones?.deadlineOf(position);
    const writes = this.#writes[position] ?? none;
    if (byZone !== undefined || writes === none) return byZone;
    // Somebody must write the value before its first outstanding observer returns; it may as well be this one.
    return Math.min(this.#returns[position]!, this.#queue.firstReturnOf(writes));
  }

  refuses(state: RegisterValue, next: RegisterValue, position: number): boolean {
    const certain = this.#isCertain[position] === 1;
    if (state === next) return !certain;
    const to = this.#ids.get(next) ?? none;
    const from = this.#ids.get(state) ?? none;
    if (!certain && this.#possibleObservers[to] === 0) {
      // Unobserved, it can only serve a cas that fails because this value is gone. Without this rule a dead end is
      // left in as many ways as there are subsets of such operations.
      if (from === none || this.#misses[from] === 0) return true;
    }
    if (this.#zones?.refuses(state, next, position) === true) return true;
    if (from === none || this.#writers[from] !== 0) return false;
    const itself = certain && this.#needs[position] === from ? 1 : 0;
    return (this.#observers[from] ?? 0) - itself > 0;
  }

  settle(state: RegisterValue): RegisterValue {
    const id = this.#ids.get(state) ?? none;
    const isNeeded = id !== none && (this.#possibleObservers[id]! > 0 || this.#misses[id]! > 0);
    return isNeeded ? state : unneeded;
  }

  isSpare(position: number): boolean {
    const to = this.#writes[position] ?? none;
    if (to === none || this.#isCertain[position] === 1 || this.#needs[position] !== none) return false;
    return this.#possibleObservers[to] === 0 && this.#misses[to] === 0;
  }

  place(position: number): void {
    this.#count(position, -1);
    if (this.#needs[position] !== none) this.#queue.place(position, this.#needs[position]!);
    this.#zones?.place(position);
  }

  takeBack(position: number): void {
    this.#count(position, 1);
    if (this.#needs[position] !== none) this.#queue.takeBack(position, this.#needs[position]!);
    this.#zones?.takeBack(position);
  }

  #count(position: number, by: number): void {
    const writes = this.#writes[position] ?? none;
    if (writes !== none) this.#writers[writes]! += by;
    const needs = this.#needs[position] ?? none;
    if (needs !== none) {
      this.#possibleObservers[needs]! += by;
      if (this.#isCertain[position] === 1) this.#observers[needs]! += by;
    }
    const missed = this.#missed[position] ?? none;
    if (missed !== none) this.#misses[missed]! += by;
  }

  #idOf(value: RegisterValue | undefined): number {
    if (value === undefined) return none;
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    this.#ids.set(value, this.#ids.size);
    return this.#ids.size - 1;
  }
}
