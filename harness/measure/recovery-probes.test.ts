// Goal: recovery ends when service is back and the last node has caught up; growth counts from the first snapshot on.
// Method: hand-written operations, traces and samples.

import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, commit, fault, measured, operation } from "./block.fixture.ts";
import { growthAfterFirstSnapshot, recoveryTimes } from "./recovery-probes.ts";

test("recovery: the later of the next new write and the last node's catching up", () => {
  const faults = [fault("isolate-one", 1000, 2000, ["n1", "n3"]), fault("isolate-one", 3000, 4000, ["n2"])];
  const operations = [operation(1900, 2500), operation(2050, 2060), operation(4100, 4900)];
  const trace = [commit(1800, "n2", 9), apply(2040, "n1", 9), apply(2300, "n3", 9), apply(3900, "n2", 9)];
  assert.deepEqual(measured(recoveryTimes, { faults, operations, trace }), [
    ["recovery-ms@fault-1", 300],
    ["recovery-ms@fault-2", 900],
  ]);
  const stuck = trace.filter(({ node }) => node !== "n3");
  assert.deepEqual(measured(recoveryTimes, { faults, operations, trace: stuck }), [["recovery-ms@fault-2", 900]]);
  assert.deepEqual(measured(recoveryTimes, { faults, operations: operations.slice(0, 2), trace }), [
    ["recovery-ms@fault-1", 300],
  ]);
});

test("growth after the first snapshot: of the node that grew most, and no number from a short watch", () => {
  const sample = (node: string, second: number, residentBytes: number) => ({
    ...{ node, ms: second * 1000, residentBytes, cpuMs: 0 },
    counters: { "snapshots taken": second < 10 ? 0 : 1 },
  });
  const watch = (node: string, late: number) =>
    Array.from({ length: 41 }, (_, second) => sample(node, second, second < 10 ? 10 : second < 30 ? 100 : late));
  const samples = [...watch("n1", 105), ...watch("n2", 150)];
  assert.deepEqual(measured(growthAfterFirstSnapshot, { samples }), [["resident-growth-after-snapshot", 0.5]]);
  const short = samples.filter(({ ms }) => ms < 25_000);
  assert.deepEqual(measured(growthAfterFirstSnapshot, { samples: short }), []);
  const never = samples.map((each) => ({ ...each, counters: {} }));
  assert.deepEqual(measured(growthAfterFirstSnapshot, { samples: never }), []);
});
