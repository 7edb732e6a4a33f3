// Goal: while members change, writes go on as if nothing happened: a change that waits for its data is no outage.
// Method: a node joins a simulated store, so slowly that the change takes seconds, while clients write all the time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../../plan/plan.ts";
import { runBlock } from "../../run-block.ts";
import { implementationOf } from "../rooms.ts";

test("writes are answered in milliseconds while a node is given its share for seconds", async () => {
  const plan = planOf({
    module: "storage",
    seed: "join",
    workload: { id: "register", valueBytes: 256, keys: 200, readFraction: 0.2, casFraction: 0.1 },
    load: { loop: "open", clients: 50, ratePerS: 100 },
    durationMs: 4000,
    faults: [{ kind: "add", target: "one", placement: { at: "time", ms: 1000 }, durationMs: 4000 }],
    settings: { rebalanceBytesPerS: 30_000 },
  });
  const implementation = implementationOf("storage", "production");
  const block = await runBlock({ implementation, substrate: "simulated", plan, directory: "", keepTrace: true });
  assert.deepEqual(
    block.checks.filter(({ validity }) => validity !== "valid"),
    [],
  );
  const changes = block.trace.flatMap(({ ms, event }) => (event.kind === "topology" ? [{ ms, event }] : []));
  const began = changes.find(({ event }) => event.isChanging)?.ms ?? Number.NaN;
  const ended = changes.find(({ event }) => event.epoch === 3)?.ms ?? Number.NaN;
  assert.ok(ended - began > 1000, `the change took from ${began} to ${ended} ms`);
  const during = block.operations.filter(({ startMs }) => startMs > began && startMs < ended);
  assert.ok(during.length > 100);
  const slowest = Math.max(...during.map(({ startMs, endMs }) => endMs - startMs));
  assert.ok(slowest < 100, `the slowest operation of the change took ${slowest} ms`);
});
