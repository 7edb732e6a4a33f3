/**
 * Counts how operations ended, per window of time and over the whole block.
 *
 * An operation belongs to the window in which it ended. Only whole windows are reported: the rate of a last, shorter
 * window would be noise. The total is over the time the load really ran, whatever the windows.
 */

import { assert } from "../../implementations/foundation/assert.ts";

export type Ending = "ok" | "fail" | "info";

export interface Throughput {
  readonly windowStartS: number;
  readonly windowS: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  /** Successful operations per second. */
  readonly throughputPerS: number;
}

type Counts = Record<Ending, number>;

/** A day of one-second windows. */
const maxWindows = 86_400;

export class ThroughputWindows {
  readonly #windowS: number;
  readonly #windows: Counts[] = [];
  readonly #total: Counts = { ok: 0, fail: 0, info: 0 };

  /** @param windowS length of a window in seconds, above 0. */
  constructor(windowS: number) {
    assert(windowS > 0, `a window lasts longer than ${windowS} s`);
    this.#windowS = windowS;
  }

  /** Counts an operation that ended `endS` seconds after the load began. */
  record(endS: number, ending: Ending): void {
    const index = Math.floor(endS / this.#windowS);
    assert(index >= 0 && index < maxWindows, `an operation ends within ${maxWindows} windows, not in number ${index}`);
    while (this.#windows.length <= index) this.#windows.push({ ok: 0, fail: 0, info: 0 });
    (this.#windows[index] as Counts)[ending]++;
    this.#total[ending]++;
  }

  /** Returns every whole window of a load that ran for `durationS`, also those in which nothing ended. */
  windows(durationS: number): readonly Throughput[] {
    // The allowance keeps 0.3 s in three windows of 0.1 s, where floating point says 2.9999999999999996.
    const whole = Math.min(maxWindows, Math.floor(durationS / this.#windowS + 1e-9));
    return Array.from({ length: whole }, (_, index) =>
      rate(index * this.#windowS, this.#windowS, this.#windows[index] ?? { ok: 0, fail: 0, info: 0 }),
    );
  }

  /** Returns the whole block: everything that ended, over `durationS` (> 0). */
  total(durationS: number): Throughput {
    assert(durationS > 0, `a load runs for longer than ${durationS} s`);
    return rate(0, durationS, this.#total);
  }
}

function rate(windowStartS: number, windowS: number, counts: Counts): Throughput {
  return { windowStartS, windowS, ...counts, throughputPerS: counts.ok / windowS };
}
