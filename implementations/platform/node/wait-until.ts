/** For tests on real sockets and processes: waits for a condition, never for a time. */

import { AssertionError } from "../../foundation/assert.ts";

/**
 * Resolves when `condition` holds; it is looked at once per turn of the event loop.
 *
 * @throws AssertionError when it does not hold within `limitMs`: long enough for any machine, so only a defect gets
 *   here.
 */
export async function waitUntil(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new AssertionError(`Gave up after ${limitMs} ms waiting until ${what}`);
    await new Promise(setImmediate);
  }
}
