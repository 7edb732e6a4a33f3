// Goal: the lag is the most that a follower's log lacked within each window, whoever leads.
// Method: hand-written traces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { blockOf, event, role } from "./block.fixture.ts";
import { lagOverTime, residentOverTime } from "./timeline-probes.ts";

const entry = { term: 1, digest: 0 };
const append = (ms: number, node: string, after: number, count: number) =>
  event(ms, node, { kind: "append", after, entries: Array.from({ length: count }, () => entry) });

test("lag: leader's log minus follower's, the most of each window", () => {
  const trace = [
    role(-10, "n1", "leader"),
    append(-5, "n2", 0, 0),
    append(10, "n1", 0, 10),
    append(40, "n2", 0, 4),
    append(60, "n2", 4, 6),
    append(120, "n1", 10, 2),
    append(130, "n2", 10, 2),
    role(210, "n2", "leader"),
    append(220, "n2", 12, 5),
    append(330, "n1", 12, 5),
  ];
  const lag = lagOverTime(100)(blockOf({ trace, loadMs: 1000 }));
  assert.deepEqual(
    lag.map(({ node, ms, value }) => [node, ms, value]),
    [
      ["n2", 100, 10],
      ["n2", 200, 2],
      ["n1", 300, 5],
    ],
  );
});

test("lag: an installed snapshot moves a log, and a new life begins where its log ended", () => {
  const trace = [
    role(-10, "n1", "leader"),
    append(1, "n1", 0, 50),
    event(2, "n2", { kind: "snapshot", index: 40, term: 1, installed: true }),
    event(150, "n2", {
      kind: "start",
      life: 2,
      term: 1,
      votedFor: null,
      snapshotIndex: 40,
      snapshotTerm: 1,
      entries: [entry],
    }),
    append(250, "n2", 41, 9),
  ];
  const lag = lagOverTime(100)(blockOf({ trace, loadMs: 200 }));
  assert.deepEqual(
    lag.map(({ value }) => value),
    [10, 9],
  );
});

test("memory: every sample that could be read", () => {
  const sample = (residentBytes: number | undefined) => ({ node: "n1", ms: 5, residentBytes, cpuMs: 0, counters: {} });
  const moments = residentOverTime(blockOf({ samples: [sample(7), sample(undefined)] }));
  assert.deepEqual(moments, [{ node: "n1", ms: 5, metric: "resident-bytes", value: 7, unit: "bytes" }]);
});
