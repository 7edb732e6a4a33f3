/**
 * Keeps the order of a disk's operations while some are delayed, and some are over before those ahead of them.
 *
 * An operation starts when all before it have started and nothing is in its way; it completes when all before it have
 * completed. So whatever a wrapper does to single operations, the port's promise of order holds.
 */

import type { Completion } from "../foundation/effects.ts";

/** Returns false to let an operation start at once; otherwise calls `proceed` when it may. */
export type Obstacle = (isSync: boolean, proceed: () => void) => boolean;

interface Slot {
  /** Set when the operation is over and only waits for earlier ones. */
  deliver: (() => void) | undefined;
}

export class OperationLine {
  readonly #obstacle: Obstacle;
  /** Operations that have not started, while an earlier one is held up. */
  readonly #backlog: { readonly isSync: boolean; readonly start: () => void }[] = [];
  /** Operations that have started and not completed, in order. */
  readonly #slots: Slot[] = [];
  #isHeldUp = false;
  #isStopped = false;

  constructor(obstacle: Obstacle) {
    this.#obstacle = obstacle;
  }

  submit<T>(isSync: boolean, done: Completion<T>, operation: (complete: Completion<T>) => void): void {
    const start = (): void => {
      const slot: Slot = { deliver: undefined };
      this.#slots.push(slot);
      operation((error, value) => {
        slot.deliver = () => done(error, value);
        this.#deliver();
      });
    };
    this.#backlog.push({ isSync, start });
    this.#startNext();
  }

  /** From now on nothing starts and nothing completes. */
  stop(): void {
    this.#isStopped = true;
  }

  #startNext(): void {
    while (!this.#isHeldUp && !this.#isStopped) {
      const next = this.#backlog.shift();
      if (next === undefined) return;
      const proceed = (): void => {
        this.#isHeldUp = false;
        if (this.#isStopped) return;
        next.start();
        this.#startNext();
      };
      this.#isHeldUp = true;
      if (this.#obstacle(next.isSync, proceed)) return;
      this.#isHeldUp = false;
      next.start();
    }
  }

  #deliver(): void {
    while (!this.#isStopped && this.#slots[0]?.deliver !== undefined) this.#slots.shift()?.deliver?.();
  }
}
