// Goal: what a batch, an operation and a second took is what the operations say, without warm-up, failures and drains.
// Method: hand-written operations.

import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../plan/plan.ts";
import { fault, measured, operation } from "./block.fixture.ts";
import { batchTimes, commitRate, commitsUnderDelay, operationTimes, sustainedThroughput } from "./load-probes.ts";

const batches = planOf({ seed: "batches", load: { loop: "batch", clients: 3 }, warmUpMs: 50 });

test("a batch ends with its last acknowledgement; the warm-up, and a batch with a failure, are not timed", () => {
  const operations = [
    ...[operation(0, 40), operation(0, 41), operation(0, 42)],
    ...[operation(100, 104), operation(100, 110), operation(101, 105)],
    ...[operation(110, 113), operation(110, 112), operation(110, 130)],
    ...[operation(130, 131), operation(130, 132, "info"), operation(130, 133)],
  ];
  assert.deepEqual(measured(batchTimes, { plan: batches, operations }), [
    ["batch-p50-ms", 10],
    ["batch-p99-ms", 20],
    ["batch-count", 2],
    ["batch-entries-per-s", 200],
  ]);
  assert.deepEqual(measured(batchTimes, { plan: batches, operations: operations.slice(0, 3) }), []);
});

test("operations: percentiles of what succeeded after the warm-up", () => {
  const operations = [operation(0, 49), operation(60, 62), operation(70, 74), operation(80, 480, "info")];
  assert.deepEqual(measured(operationTimes, { plan: batches, operations }), [
    ["operation-p50-ms", 2],
    ["operation-p99-ms", 4],
    ["operation-count", 2],
  ]);
});

test("throughput: what ended while load was offered, without the warm-up", () => {
  const plan = planOf({ seed: "rate", durationMs: 1000, warmUpMs: 500 });
  const operations = [operation(0, 499), operation(400, 500), operation(600, 700, "fail"), operation(900, 1001)];
  assert.deepEqual(measured(sustainedThroughput, { plan, operations }), [["throughput-per-s", 2]]);
});

test("commit rate: an unknown outcome was lost, a definite refusal was never admitted; both are told", () => {
  const operations = [operation(0, 1), operation(0, 1), operation(0, 1), operation(0, 1, "fail")];
  assert.deepEqual(measured(commitRate, { operations, dropped: 7 }), [
    ["commit-rate", 1],
    ["refused-definitely", 1],
    ["lost-after-admission", 0],
    ["arrivals-dropped", 7],
  ]);
  assert.deepEqual(measured(commitRate, { operations: [...operations, operation(0, 9, "info")] })[0], [
    "commit-rate",
    0.75,
  ]);
  assert.deepEqual(measured(commitRate, {}), [], "nothing was submitted");
});

test("commits under delay: each rate is taken once the delay has filled the pipes, and named by the round trip", () => {
  const delay = (startMs: number, endMs: number, meanMs: number) => {
    const struck = fault("delay", startMs, endMs, ["n1"]);
    return { ...struck, spec: { ...struck.spec, parameters: { meanMs, jitterMs: 0 } } };
  };
  const plan = planOf({ seed: "delay", durationMs: 4000, warmUpMs: 1000 });
  const each = (fromMs: number, toMs: number, stepMs: number) =>
    Array.from({ length: (toMs - fromMs) / stepMs }, (_, index) => operation(0, fromMs + index * stepMs));
  const operations = [...each(0, 2000, 10), ...each(2120, 3000, 20), ...each(3200, 4000, 100)];
  assert.deepEqual(
    measured(commitsUnderDelay, { plan, operations, faults: [delay(2000, 3000, 10), delay(3000, 4000, 50)] }),
    [
      ["commits-per-s@+0-ms", 100],
      ["commits-per-s@+20-ms", 50],
      ["commits-ratio@+20-ms", 0.5],
      ["commits-per-s@+100-ms", 10],
      ["commits-ratio@+100-ms", 0.1],
    ],
  );
  assert.deepEqual(measured(commitsUnderDelay, { plan, operations }), [], "no delay, no ratio");
});
