/**
 * One clock for all threads of a process.
 *
 * `performance.now` counts from the birth of its own thread, so readings of two threads cannot be compared. All of them
 * are cut from the machine's one monotonic clock, which `process.hrtime` shows: the difference between the two is the
 * thread's birth on that clock, a constant. A thread that knows the birth of another one can tell that one's time, at
 * the price of `performance.now` and an addition (`process.hrtime` itself allocates at every call).
 */

import type { Millis } from "../../foundation/units.ts";

const readings = 16;

/** Returns when the calling thread's `performance.now` was 0, on the machine's monotonic clock; exact to about 1 us. */
export function threadBirthMs(): Millis {
  let bestMs = Infinity;
  let birthMs = 0;
  for (let reading = 0; reading < readings; reading++) {
    const beforeMs = performance.now();
    const [seconds, nanoseconds] = process.hrtime();
    const afterMs = performance.now();
    if (afterMs - beforeMs >= bestMs) continue; // The shorter the reading, the less its middle can be off.
    bestMs = afterMs - beforeMs;
    birthMs = seconds * 1e3 + nanoseconds / 1e6 - (beforeMs + afterMs) / 2;
  }
  return birthMs;
}

/** Returns a clock that shows, on the calling thread, what `performance.now` shows on the one born at `birthMs`. */
export function clockOfThread(birthMs: Millis): () => Millis {
  const offsetMs = threadBirthMs() - birthMs;
  return () => performance.now() + offsetMs;
}
