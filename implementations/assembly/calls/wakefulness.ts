/**
 * Whether a node that is called directly is awake: what reaches one that is paused waits, and happens when it goes on,
 * as the signals of a stopped process and the bytes in its sockets do.
 */

import { faultHandle } from "../../foundation/fault-handle.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";

export class Wakefulness {
  readonly #clock: Clock;
  readonly #guard: (act: () => void) => void;
  /** Faults that hold it. */
  #pauses = 0;
  #missed: (() => void)[] = [];

  /** @param guard runs every act; it may say whose error comes out of one. */
  constructor(clock: Clock, guard: (act: () => void) => void) {
    this.#clock = clock;
    this.#guard = guard;
  }

  get isAwake(): boolean {
    return this.#pauses === 0;
  }

  whenAwake(act: () => void): void {
    if (this.isAwake) this.#guard(act);
    else this.#missed.push(act);
  }

  /** @param resumed is called when nothing holds it any more and what it missed has happened. */
  pause(resumed: () => void): FaultHandle {
    const startMs = this.#clock.nowMs();
    let pausedMs: Millis | undefined;
    this.#pauses++;
    return faultHandle(
      "ms paused",
      () => Math.round(pausedMs ?? this.#clock.nowMs() - startMs),
      () => {
        pausedMs = this.#clock.nowMs() - startMs;
        if (--this.#pauses > 0) return;
        const missed = this.#missed;
        this.#missed = [];
        for (const act of missed) this.#guard(act);
        resumed();
      },
    );
  }
}
