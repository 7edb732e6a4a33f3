/** Waits, in a deployment's own time, for what tests wait for. */

import assert from "node:assert/strict";
import type { Clock } from "../foundation/effects.ts";
import type { Millis } from "../foundation/units.ts";

/** Virtual or real: short enough for both. */
const pollMs = 20;

interface Driven {
  readonly clock: Clock;
  run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean>;
}

/** Drives `deployment` until `condition` holds; it fails after `limitMs`, saying that it waited for `what`. */
export async function untilHolds(
  deployment: Driven,
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs: Millis,
): Promise<void> {
  const { clock } = deployment;
  const endMs = clock.nowMs() + limitMs;
  while (!(await condition())) {
    assert.ok(clock.nowMs() < endMs, `${what} within ${limitMs} ms`);
    await deployment.run(pollMs, () => undefined);
  }
}
