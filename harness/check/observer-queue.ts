/**
 * By value, the operations that are still to observe it, the one that returns first at the front: by when somebody
 * must write the value at the latest. Kept as one array of buckets with a pointer each, so that placing an operation
 * and taking it back cost next to nothing.
 */

import type { Operation } from "../history/operations.ts";

export class ObserverQueue {
  readonly #returns: Float64Array;
  /** Positions of the observers, by value, then by return; `#starts` has one more entry than there are values. */
  readonly #slots: Int32Array;
  readonly #starts: Int32Array;
  readonly #slotOf: Int32Array;
  /** By value: the first slot whose observer is outstanding, or the end of its bucket. */
  readonly #fronts: Int32Array;
  readonly #isPlaced: Uint8Array;

  /** @param valueOf by position: the id of the value it certainly observed; negative: none. */
  constructor(operations: readonly Operation[], valueOf: (position: number) => number, values: number) {
    this.#returns = Float64Array.from(operations, (operation) => operation.return);
    const observers = operations.map((_, position) => position).filter((position) => valueOf(position) >= 0);
    observers.sort((a, b) => valueOf(a) - valueOf(b) || this.#returns[a]! - this.#returns[b]!);
    this.#slots = Int32Array.from(observers);
    this.#slotOf = new Int32Array(operations.length).fill(-1);
    this.#starts = new Int32Array(values + 1);
    observers.forEach((position, slot) => {
      this.#slotOf[position] = slot;
      this.#starts[valueOf(position) + 1]!++;
    });
    for (let value = 0; value < values; value++) this.#starts[value + 1]! += this.#starts[value]!;
    this.#fronts = this.#starts.slice(0, values);
    this.#isPlaced = new Uint8Array(observers.length);
  }

  /** The first return of the outstanding observers; Infinity when there is none. */
  firstReturnOf(value: number): number {
    const front = this.#fronts[value]!;
    return front < this.#starts[value + 1]! ? this.#returns[this.#slots[front]!]! : Infinity;
  }

  place(position: number, value: number): void {
    const slot = this.#slotOf[position]!;
    if (slot < 0) return;
    this.#isPlaced[slot] = 1;
    const end = this.#starts[value + 1]!;
    while (this.#fronts[value]! < end && this.#isPlaced[this.#fronts[value]!] === 1) this.#fronts[value]!++;
  }

  takeBack(position: number, value: number): void {
    const slot = this.#slotOf[position]!;
    if (slot < 0) return;
    this.#isPlaced[slot] = 0;
    if (slot < this.#fronts[value]!) this.#fronts[value] = slot;
  }
}
