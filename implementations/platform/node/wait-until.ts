/** For tests on real sockets and processes: waits for a condition, never for a time. */

import { AssertionError } from "../../foundation/assert.ts";

const quickTurns = 100;

/**
 * Resolves when `condition` holds. It is looked at once per turn of the event loop at first, then every millisecond:
 * the processes that are waited for need the processor more.
 *
 * @throws AssertionError when it does not hold within `limitMs`: long enough for any machine, so only a defect gets
 *   here.
 */
export async function waitUntil(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  for (let turn = 0; !condition(); turn++) {
    if (performance.now() > endMs) throw new AssertionError(`Gave up after ${limitMs} ms waiting until ${what}`);
    await new Promise((resolve) => void (turn < quickTurns ? setImmediate(resolve) : setTimeout(resolve, 1)));
  }
}
