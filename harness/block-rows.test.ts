// Goal: times in the tables count from the beginning of the load. Method: hand-written operations after a warm-up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { blockKey, throughputRows } from "./block-rows.ts";
import { blockOf, operation } from "./measure/block.fixture.ts";
import { planOf } from "./plan/plan.ts";

test("windows of throughput start when the warm-up ends, on the clock of the load", () => {
  const plan = planOf({ seed: "rows", warmUpMs: 500, durationMs: 1000 });
  const record = blockOf({ plan, operations: [operation(100, 200), operation(500, 600), operation(700, 760)] });
  const rows = throughputRows(blockKey("any", 0, record), record, 0.25);
  assert.deepEqual(
    rows.map(({ window_s, window_start_s, ok }) => [window_s, window_start_s, ok]),
    [
      ["all", 0, 2],
      ["0.25", 0.5, 1],
      ["0.25", 0.75, 1],
    ],
  );
});
