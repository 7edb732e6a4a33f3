/**
 * Goal: every scenario measures what it says, on small loads; that numbers are good is not judged here.
 * Method: each scenario once with few tasks, and what must hold of its measurements whatever the machine does.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyTasks, mixedTasks, quantile, scaling, uniformTasks } from "./pool-bench.ts";
import type { Measurement } from "./pool-bench.ts";
import { flooded, imbalance, preemptionLatency, shares } from "./task-pool-bench.ts";
import { TaskPool } from "./task-pool.ts";

function byMetric(measurements: readonly Measurement[]): Readonly<Record<string, number>> {
  for (const { metric, value } of measurements) assert.ok(Number.isFinite(value), `${metric} is ${value}`);
  return Object.fromEntries(measurements.map(({ metric, value }) => [metric, value]));
}

test("throughput of any pool", async () => {
  const pool = await TaskPool.open({ workers: 2 });
  try {
    const empty = byMetric(await emptyTasks(pool, { tasks: 1000, window: 100 }));
    assert.ok(empty["empty-tasks-per-s"]! > 0);
    const uniform = byMetric(await uniformTasks(pool, { tasks: 200 }));
    assert.ok(uniform["uniform-us-per-task"]! >= 50, "two workers cannot do 100 us tasks faster");
    const mixed = byMetric(await mixedTasks(pool, { tasks: 100 }));
    assert.ok(mixed["mixed-us-per-task"]! >= 90);
    await assert.rejects(
      emptyTasks(failing, { tasks: 1 }),
      /^Error: Cannot measure: a task failed \(threw on purpose\)/,
    );
  } finally {
    await pool.close();
  }
  const scaled = byMetric(await scaling((workers) => TaskPool.open({ workers }), { tasks: 30 }));
  assert.equal(scaled["efficiency-1-workers"], 1);
  assert.ok(scaled["throughput-1-workers-per-s"]! <= 1000);
});

const failing = {
  submit: (_task: unknown, done: (end: { state: "failed"; reason: "threw"; message: string }) => void) =>
    setImmediate(() => done({ state: "failed", reason: "threw", message: "on purpose" })),
  close: () => Promise.resolve(),
};

test("stealing evens out what affinities have bound to one worker", async () => {
  // The more tasks, the less it matters that a busy machine keeps the thief from its processor for a while.
  for (let tasks = 100; ; tasks *= 2) {
    const measured = byMetric(await imbalance({ share: 0.9, tasks, ms: 1 }));
    assert.ok(measured["makespan-without-stealing-ms"]! >= 0.9 * tasks, "the first worker has nine tenths of it");
    const isEvener = measured["imbalance-with-stealing"]! < measured["imbalance-without-stealing"]!;
    if (isEvener && measured["stolen-tasks"]! > 0) return;
    assert.ok(tasks < 1000, `nothing is gained: ${JSON.stringify(measured)}`);
  }
});

test("waits of a high priority under a flood", async () => {
  const measured = byMetric(await flooded({ flood: 3, tasks: 10, intervalMs: 4, ms: 1 }));
  assert.ok(measured["high-wait-p50-ms"]! >= 0 && measured["high-wait-p99-ms"]! >= measured["high-wait-p50-ms"]!);
});

test("shares of tenants over time", async () => {
  const measurements = await shares({ windows: 3, windowMs: 40 });
  const rows = measurements.filter(({ metric }) => metric.startsWith("tenant-share-"));
  assert.equal(rows.length, 6);
  for (const window of [0, 1, 2]) {
    const sum = (rows[2 * window]?.value ?? Number.NaN) + (rows[2 * window + 1]?.value ?? Number.NaN);
    // Nothing has ended in a window that a busy machine has slept through.
    assert.ok(sum === 0 || Math.abs(sum - 1) < 1e-9, `the shares of a window are all of it, not ${sum}`);
  }
});

test("how fast a running task makes room", async () => {
  const measured = byMetric(await preemptionLatency({ arrivals: 5, checkpointMs: 2 }));
  // One each; one more when the machine is so busy that the first to be asked counts as deaf.
  assert.ok(measured["yields"]! >= 5);
  // The one that waits longest waits for a yield as long as half of them; there are at most two to an arrival.
  assert.ok(measured["arrival-to-start-p99-ms"]! >= measured["yield-p50-ms"]! * 0.5);
});

test("quantiles are of the nearest rank", () => {
  assert.equal(quantile([], 0.5), 0);
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([3, 1, 2], 0.99), 3);
  assert.equal(quantile([3, 1, 2], 0), 1);
});
