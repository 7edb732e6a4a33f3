/**
 * Timers ordered by due time and, at the same time, by the order in which they were set: the heart of both clocks.
 *
 * A binary heap whose keys lie in two numeric arrays, so that comparing touches no object. Cancelling marks a timer and
 * leaves it in the heap, which costs nothing now; when most of the heap is cancelled it is rebuilt without them, so
 * cancelled timers never take more room than live ones.
 */

import { assert } from "../foundation/assert.ts";
import type { Timer } from "../foundation/effects.ts";
import type { Millis } from "../foundation/units.ts";

const smallestRebuild = 64;

export class TimerQueue {
  #dueMs = new Float64Array(smallestRebuild);
  /** Insertion numbers stay exact up to 2^53. */
  #orders = new Float64Array(smallestRebuild);
  #timers: QueuedTimer[] = [];
  #nextOrder = 0;
  #cancelled = 0;

  /** Timers that are neither fired nor cancelled. */
  get size(): number {
    return this.#timers.length - this.#cancelled;
  }

  /** Adds a timer due at `dueMs`, a finite time. */
  add(dueMs: Millis, callback: () => void): Timer {
    assert(Number.isFinite(dueMs), `a timer's due time is finite, not ${dueMs}`);
    const timer = new QueuedTimer(this, callback);
    const index = this.#timers.length;
    if (index === this.#dueMs.length) this.#grow();
    this.#timers.push(timer);
    this.#siftUp(index, dueMs, this.#nextOrder++, timer);
    return timer;
  }

  /** Due time of the next timer; Infinity when there is none. */
  nextDueMs(): Millis {
    this.#dropCancelledHead();
    return this.#timers.length === 0 ? Infinity : this.#dueMs[0]!;
  }

  /** Removes the next timer and returns its callback; undefined when there is none. */
  take(): (() => void) | undefined {
    this.#dropCancelledHead();
    const timer = this.#timers[0];
    if (timer === undefined) return undefined;
    this.#removeHead();
    const callback = timer.callback;
    timer.callback = undefined;
    return callback;
  }

  /** A timer of this queue was cancelled. */
  noteCancelled(): void {
    this.#cancelled++;
    if (this.#cancelled >= smallestRebuild && this.#cancelled * 2 > this.#timers.length) this.#rebuild();
  }

  #dropCancelledHead(): void {
    while (this.#timers.length > 0 && this.#timers[0]!.callback === undefined) {
      this.#removeHead();
      this.#cancelled--;
    }
  }

  #removeHead(): void {
    const last = this.#timers.length - 1;
    const timer = this.#timers.pop()!;
    if (last > 0) this.#siftDown(this.#dueMs[last]!, this.#orders[last]!, timer, last);
  }

  #siftUp(from: number, dueMs: Millis, order: number, timer: QueuedTimer): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      // At equal times the earlier insertion stays above, and a parent is always the earlier one here.
      if (this.#dueMs[parent]! <= dueMs) break;
      this.#place(index, this.#dueMs[parent]!, this.#orders[parent]!, this.#timers[parent]!);
      index = parent;
    }
    this.#place(index, dueMs, order, timer);
  }

  /** Puts a timer into the empty root of a heap of `length` and lets it sink. */
  #siftDown(dueMs: Millis, order: number, timer: QueuedTimer, length: number, root = 0): void {
    let index = root;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#isBefore(child + 1, this.#dueMs[child]!, this.#orders[child]!)) child++;
      if (!this.#isBefore(child, dueMs, order)) break;
      this.#place(index, this.#dueMs[child]!, this.#orders[child]!, this.#timers[child]!);
      index = child;
    }
    this.#place(index, dueMs, order, timer);
  }

  #isBefore(index: number, dueMs: Millis, order: number): boolean {
    const due = this.#dueMs[index]!;
    return due < dueMs || (due === dueMs && this.#orders[index]! < order);
  }

  #place(index: number, dueMs: Millis, order: number, timer: QueuedTimer): void {
    this.#dueMs[index] = dueMs;
    this.#orders[index] = order;
    this.#timers[index] = timer;
  }

  #rebuild(): void {
    let live = 0;
    for (let index = 0; index < this.#timers.length; index++) {
      const timer = this.#timers[index]!;
      if (timer.callback !== undefined) this.#place(live++, this.#dueMs[index]!, this.#orders[index]!, timer);
    }
    this.#timers.length = live;
    this.#cancelled = 0;
    for (let index = (live >> 1) - 1; index >= 0; index--) {
      this.#siftDown(this.#dueMs[index]!, this.#orders[index]!, this.#timers[index]!, live, index);
    }
  }

  #grow(): void {
    const dueMs = new Float64Array(this.#dueMs.length * 2);
    const orders = new Float64Array(this.#orders.length * 2);
    dueMs.set(this.#dueMs);
    orders.set(this.#orders);
    this.#dueMs = dueMs;
    this.#orders = orders;
  }
}

class QueuedTimer implements Timer {
  /** Undefined once fired or cancelled. */
  callback: (() => void) | undefined;
  readonly #queue: TimerQueue;

  constructor(queue: TimerQueue, callback: () => void) {
    this.#queue = queue;
    this.callback = callback;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#queue.noteCancelled();
  }
}
