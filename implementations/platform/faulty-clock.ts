/**
 * A node's own clock, which can be made wrong: it jumps, runs too fast or too slow, or jumps forth and back.
 *
 * Its time is `origin + (base - baseOrigin) * rate`; every change of rate or offset sets a new origin. Timers fire when
 * this clock reaches their due time: after each change all of them are set again on the base clock, in the order in
 * which they are due. The same wrapper stands in a simulated node and in a real process.
 *
 * Healing stops the disturbance and leaves the error it caused: a clock's origin is arbitrary, so only the moments at
 * which time jumps or stretches can hurt, and jumping back would be a second fault. A strobe ends on the side on which
 * it began.
 */

import { assert, unreachable } from "../foundation/assert.ts";
import type { Clock, Timer } from "../foundation/effects.ts";
import { faultHandle } from "../foundation/fault-handle.ts";
import type { ClockFault, FaultHandle } from "../foundation/faults.ts";
import type { Millis } from "../foundation/units.ts";

/** Rounding may make a timer fire this much before its due time; the clock is then taken to be there. */
const roundingMs = 1e-6;

interface Skew {
  readonly rate: number;
}

export class FaultyClock implements Clock {
  readonly #base: Clock;
  /** In the order in which they were set. */
  readonly #timers = new Set<FaultyTimer>();
  /** Until the first fault the clock is its base, to the last bit. */
  #faulted = false;
  #originMs: Millis = 0;
  #baseOriginMs: Millis = 0;
  #skews: readonly Skew[] = [];
  #rate = 1;
  /** The due time of the timer that fired last: rounding does not put the clock before it. */
  #floorMs: Millis = -Infinity;

  constructor(base: Clock) {
    this.#base = base;
  }

  nowMs(): Millis {
    if (!this.#faulted) return this.#base.nowMs();
    return Math.max(this.#floorMs, this.#exactMs());
  }

  after(delayMs: Millis, callback: () => void): Timer {
    assert(delayMs >= 0, `a delay is at least 0 ms, not ${delayMs}`);
    const timer = new FaultyTimer(this, this.nowMs() + delayMs, callback);
    this.#timers.add(timer);
    timer.armed = this.#base.after(delayMs / this.#rate, timer.fire);
    return timer;
  }

  /** Begins a fault. Faults add up: rates multiply, jumps sum. */
  inject(fault: ClockFault): FaultHandle {
    switch (fault.kind) {
      case "jump":
        this.#change(() => (this.#originMs += fault.byMs));
        return faultHandle(
          "ms of clock error",
          () => Math.abs(fault.byMs),
          () => undefined,
        );
      case "skew":
        return this.#skew(fault.rate);
      case "strobe":
        return this.#strobe(fault.byMs, fault.periodMs);
      default:
        return unreachable(fault);
    }
  }

  /** The node crashed: none of its timers fires any more. Faults at work go on, they are the machine's. */
  cancelAll(): void {
    for (const timer of this.#timers) timer.armed?.cancel();
    this.#timers.clear();
  }

  /** A timer fires; called by the timer. */
  reach(timer: FaultyTimer): void {
    this.#timers.delete(timer);
    if (this.#faulted && timer.dueMs - this.#exactMs() <= roundingMs) this.#floorMs = timer.dueMs;
  }

  /** A timer was cancelled; called by the timer. */
  drop(timer: FaultyTimer): void {
    this.#timers.delete(timer);
  }

  #skew(rate: number): FaultHandle {
    assert(rate > 0 && Number.isFinite(rate), `a clock's rate is a finite number above 0, not ${rate}`);
    const skew: Skew = { rate };
    const startMs = this.#base.nowMs();
    let endMs: Millis | undefined;
    this.#setSkews([...this.#skews, skew]);
    return faultHandle(
      "ms of clock error",
      () => Math.abs(((endMs ?? this.#base.nowMs()) - startMs) * (rate - 1)),
      () => {
        endMs = this.#base.nowMs();
        this.#setSkews(this.#skews.filter((other) => other !== skew));
      },
    );
  }

  #setSkews(skews: readonly Skew[]): void {
    this.#change(() => {
      this.#skews = skews;
      this.#rate = skews.reduce((product, { rate }) => product * rate, 1);
    });
  }

  #strobe(byMs: Millis, periodMs: Millis): FaultHandle {
    assert(periodMs > 0, `a strobe's period is above 0 ms, not ${periodMs}`);
    let jumps = 0;
    let away = false;
    const jump = (): void => {
      jumps++;
      away = !away;
      this.#change(() => (this.#originMs += away ? byMs : -byMs));
    };
    // On the base clock: a strobe that ran on the clock it disturbs would change its own period.
    const jumpAndGoOn = (): void => {
      jump();
      timer = this.#base.after(periodMs, jumpAndGoOn);
    };
    let timer = this.#base.after(periodMs, jumpAndGoOn);
    jump();
    return faultHandle(
      "jumps",
      () => jumps,
      () => {
        timer.cancel();
        if (away) jump();
      },
    );
  }

  /** Applies `change` from now on and sets every timer again. */
  #change(change: () => void): void {
    this.#originMs = this.nowMs();
    this.#baseOriginMs = this.#base.nowMs();
    this.#faulted = true;
    this.#floorMs = -Infinity;
    change();
    const nowMs = this.nowMs();
    const pending = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of pending) {
      timer.armed?.cancel();
      timer.armed = this.#base.after(Math.max(0, timer.dueMs - nowMs) / this.#rate, timer.fire);
    }
  }

  #exactMs(): Millis {
    return this.#originMs + (this.#base.nowMs() - this.#baseOriginMs) * this.#rate;
  }
}

class FaultyTimer implements Timer {
  readonly dueMs: Millis;
  /** The base clock's timer that stands for this one now. */
  armed: Timer | undefined;
  readonly #clock: FaultyClock;
  readonly #callback: () => void;

  constructor(clock: FaultyClock, dueMs: Millis, callback: () => void) {
    this.#clock = clock;
    this.dueMs = dueMs;
    this.#callback = callback;
  }

  readonly fire = (): void => {
    this.#clock.reach(this);
    this.#callback();
  };

  cancel(): void {
    this.#clock.drop(this);
    this.armed?.cancel();
  }
}
