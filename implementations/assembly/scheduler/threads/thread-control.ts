/**
 * Words between the main thread and one worker thread: who sleeps, and who shall stand still.
 *
 * A worker that is stalled sleeps on the stall's own word until it is healed. The word serves sleeping tasks too: they
 * sleep on it for their time, so a stall reaches them at once, and `terminate` ends either.
 */

import type { Millis } from "../../../foundation/units.ts";

const stalledCell = 0;
const standsCell = 1;
/** In float64 words. */
const sinceCell = 1;

export function allocateThreadControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(64);
}

export class ThreadControl {
  readonly #cells: Int32Array;
  readonly #times: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared);
    this.#times = new Float64Array(shared);
  }

  /** Of the main thread. */
  setStalled(stalled: boolean): void {
    Atomics.store(this.#cells, stalledCell, stalled ? 1 : 0);
    Atomics.notify(this.#cells, stalledCell);
  }
  get isStalled(): boolean {
    return Atomics.load(this.#cells, stalledCell) === 1;
  }

  /** Since when the worker executes nothing, be it stalled or without work; undefined while it works. */
  get standsSinceMs(): Millis | undefined {
    return Atomics.load(this.#cells, standsCell) === 1 ? this.#times[sinceCell] : undefined;
  }

  /** Of the worker, and once that has died, of the main thread. @param sinceMs undefined: it works. */
  setStands(sinceMs: Millis | undefined): void {
    if (sinceMs !== undefined) this.#times[sinceCell] = sinceMs;
    Atomics.store(this.#cells, standsCell, sinceMs === undefined ? 0 : 1);
  }

  /** Of the worker: sleeps until it is not stalled. */
  waitForHealing(): void {
    while (this.isStalled) Atomics.wait(this.#cells, stalledCell, 1);
  }

  /** Of the worker: sleeps for `ms`, or until it is stalled. */
  sleep(ms: Millis): void {
    Atomics.wait(this.#cells, stalledCell, 0, ms);
  }
}

/**
 * Whether the main thread looks by itself, or has to be told. It says so before it looks for the last time, a worker
 * asks after it has published: one of the two sees the other's word, and no wake-up is lost.
 */
export class MainThreadSleep {
  readonly shared: SharedArrayBuffer;
  readonly #cell: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(64)) {
    this.shared = shared;
    this.#cell = new Int32Array(shared);
  }

  /**
   * Says that the main thread sleeps, unless there is more to read: whoever publishes from then on wakes it, and what
   * was published before is there for this last look.
   *
   * @returns false: there is more, and it does not sleep.
   */
  fallAsleep(hasMore: () => boolean): boolean {
    Atomics.store(this.#cell, 0, 1);
    if (!hasMore()) return true;
    Atomics.store(this.#cell, 0, 0);
    return false;
  }

  /** @returns whether the main thread slept, and the caller is the one who has to wake it. */
  claimWake(): boolean {
    return Atomics.load(this.#cell, 0) === 1 && Atomics.exchange(this.#cell, 0, 0) === 1;
  }
}
