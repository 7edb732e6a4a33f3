// Goal: every window tells what the writes that started in it took, and background work is told with its node.
// Method: hand-written operations and traces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { blockOf, operation } from "./block.fixture.ts";
import { backgroundOverTime, latencyOverTime } from "./storage-timelines.ts";

const told = (operations: readonly ReturnType<typeof operation>[], windowMs = 100) =>
  latencyOverTime(windowMs)(blockOf({ operations })).map(({ ms, metric, value }) => [ms, metric, value]);

test("latency: a write belongs to the window in which it started, however long it took", () => {
  const operations = [operation(90, 250), operation(100, 103), operation(199, 200), operation(0, 2)];
  assert.deepEqual(told(operations), [
    [50, "write-p50-ms", 2],
    [50, "write-p99-ms", 160],
    [150, "write-p50-ms", 1],
    [150, "write-p99-ms", 3],
  ]);
});

test("latency: one write in a hundred decides the p99, one in two hundred does not", () => {
  const many = (slow: number) => Array.from({ length: 200 }, (_, index) => operation(5, index < slow ? 95 : 6));
  assert.deepEqual(told(many(3)).at(-1), [50, "write-p99-ms", 90]);
  assert.deepEqual(told(many(2)).at(-1), [50, "write-p99-ms", 1]);
});

test("latency: reads, failed writes and windows without a write say nothing", () => {
  const read = { ...operation(10, 50), f: "read" } as const;
  const operations = [read, operation(20, 90, "fail"), operation(30, 2000, "info"), operation(310, 317)];
  assert.deepEqual(told(operations), [
    [350, "write-p50-ms", 7],
    [350, "write-p99-ms", 7],
  ]);
});

test("background work: every beginning and end, by node", () => {
  const phase = (ms: number, node: string, work: "rebalance" | "compaction", which: "begin" | "end") =>
    ({ ms, node, event: { kind: "background", work, phase: which, records: 0, bytes: 0 } }) as const;
  const stop = { ms: 3, node: "n1", event: { kind: "stop", orderly: true } } as const;
  const trace = [phase(1, "n4", "rebalance", "begin"), phase(2, "n1", "compaction", "begin"), stop];
  const moments = backgroundOverTime(blockOf({ trace: [...trace, phase(9, "n4", "rebalance", "end")] }));
  assert.deepEqual(
    moments.map(({ ms, node, metric, value }) => [ms, node, metric, value]),
    [
      [1, "n4", "background-rebalance", 1],
      [2, "n1", "background-compaction", 1],
      [9, "n4", "background-rebalance", 0],
    ],
  );
});
