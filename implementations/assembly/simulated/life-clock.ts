/**
 * The timers of one life of a simulated node or disk: they stand still while the node is paused and die with it.
 *
 * Time itself goes on during a pause, as it does for a process under SIGSTOP: what fell due meanwhile fires on resume,
 * in the order in which it was due.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";

export class LifeClock implements Clock {
  readonly #base: Clock;
  readonly #guard: (callback: () => void) => void;
  #state: "running" | "paused" | "dead" = "running";
  #missed: (() => void)[] = [];

  /** @param guard runs every callback; it may say whose error comes out of one. */
  constructor(base: Clock, guard: (callback: () => void) => void = (callback) => callback()) {
    this.#base = base;
    this.#guard = guard;
  }

  nowMs(): Millis {
    return this.#base.nowMs();
  }

  after(delayMs: Millis, callback: () => void): Timer {
    let cancelled = false;
    const fire = (): void => {
      if (cancelled || this.#state === "dead") return;
      if (this.#state === "paused") this.#missed.push(fire);
      else this.#guard(callback);
    };
    const timer = this.#base.after(delayMs, fire);
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const missed = this.#missed;
    this.#missed = [];
    for (const fire of missed) fire();
  }

  kill(): void {
    this.#state = "dead";
    this.#missed = [];
  }
}
