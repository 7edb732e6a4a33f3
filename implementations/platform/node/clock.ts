/**
 * The real clock of this process: monotonic, with timers that keep the port's promises.
 *
 * Node's own timers may fire up to a millisecond early and order themselves by duration, not by due time. So timers
 * wait in one queue by due time, one Node timer is set for the earliest, and when it wakes everything that is due
 * fires, in order. A timer without delay fires in the same turn of the event loop, after what came in with it.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import { TimerQueue } from "../timer-queue.ts";

/** Timers that fire in one go before other work of the event loop gets a turn. */
const maxFiresPerTurn = 1000;

class NodeClock implements Clock {
  readonly #queue = new TimerQueue();
  /** When the process wakes up for a timer; Infinity: it does not. */
  #wakesAtMs = Infinity;
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  nowMs(): Millis {
    return performance.now();
  }

  after(delayMs: Millis, callback: () => void): Timer {
    assert(delayMs >= 0, `a delay is at least 0 ms, not ${delayMs}`);
    const timer = this.#queue.add(this.nowMs() + delayMs, callback);
    this.#arm();
    return {
      cancel: () => {
        timer.cancel();
        if (this.#queue.size === 0) this.#disarm(); // Or the process would stay up for a timer that nobody wants.
      },
    };
  }

  #arm(): void {
    const dueMs = this.#queue.nextDueMs();
    if (dueMs >= this.#wakesAtMs) return;
    this.#disarm();
    if (dueMs === Infinity) return;
    this.#wakesAtMs = dueMs;
    const waitMs = dueMs - this.nowMs();
    if (waitMs <= 0) this.#immediate = setImmediate(this.#wake);
    else this.#timeout = setTimeout(this.#wake, Math.min(Math.ceil(waitMs), longestTimeoutMs));
  }

  #disarm(): void {
    clearTimeout(this.#timeout);
    clearImmediate(this.#immediate);
    this.#wakesAtMs = Infinity;
  }

  readonly #wake = (): void => {
    this.#wakesAtMs = Infinity;
    try {
      for (let fired = 0; fired < maxFiresPerTurn && this.#queue.nextDueMs() <= this.nowMs(); fired++) {
        this.#queue.take()?.();
      }
    } finally {
      this.#arm(); // Also when a callback threw: the others are still waiting.
    }
  };
}

/** What Node can wait for at once, 2^31 - 1 ms; a later timer is waited for again. */
const longestTimeoutMs = 0x7fffffff;

/** There is one real time, so there is one clock. */
export const nodeClock: Clock = new NodeClock();
