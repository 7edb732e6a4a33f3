/**
 * Virtual time: it stands still while an event runs and jumps to the next event when asked to step.
 *
 * All of a simulation shares one, so that everything that happens has one order: by time, and at the same time by the
 * order in which it was set. Nothing here waits for anything real.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import { TimerQueue } from "../timer-queue.ts";

export class VirtualTime implements Clock {
  readonly #queue = new TimerQueue();
  #nowMs: Millis = 0;
  #steps = 0;

  nowMs(): Millis {
    return this.#nowMs;
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps;
  }

  after(delayMs: Millis, callback: () => void): Timer {
    assert(delayMs >= 0, `a delay is at least 0 ms, not ${delayMs}`);
    return this.#queue.add(this.#nowMs + delayMs, callback);
  }

  /** Calls `callback` at `timeMs`, which must not lie in the past; exact where adding a delay would round. */
  at(timeMs: Millis, callback: () => void): Timer {
    assert(timeMs >= this.#nowMs, `an event at ${timeMs} ms is not before now, ${this.#nowMs} ms`);
    return this.#queue.add(timeMs, callback);
  }

  /** Runs the next event. @returns false when none is left. */
  step(): boolean {
    const dueMs = this.#queue.nextDueMs();
    const callback = this.#queue.take();
    if (callback === undefined) return false;
    this.#nowMs = dueMs;
    this.#steps++;
    callback();
    return true;
  }
}
