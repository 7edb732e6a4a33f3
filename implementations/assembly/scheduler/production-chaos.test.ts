/**
 * Goal: whatever fails, all accepted tasks end exactly once and as they must, dependencies are respected, and neither
 * quotas nor capacity are ever exceeded.
 * Method: random tasks and faults from a seed, in virtual time (`chaos.fixture.ts`); the trace is watched all along.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runChaos } from "./chaos.fixture.ts";

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: nothing is lost, doubled, or out of order`, async () => {
    const { violations, check, counters } = await runChaos({ seed });
    assert.deepEqual(violations, []);
    // The run was about something.
    for (const what of ["ended lost", "ended yielded", "leased", "stop"])
      assert.ok((check.counts.get(what) ?? 0) > 0, what);
    assert.ok((counters["throttledByQuota"] ?? 0) > 0, "quotas were in the way");
  });
}
