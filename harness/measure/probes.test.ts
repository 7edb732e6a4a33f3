// Goal: each probe measures what its claim is about, and its bad side when the system is bad.
// Method: hand-written blocks, a few events each; every probe sees a good system and one that breaks the claim.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryRecorder } from "../history/recorder.ts";
import type { BlockRecord, TimedEvent } from "../run-block.ts";
import { apply, commit, election, event, fault, measured, operation, role } from "./block.fixture.ts";
import { valueText } from "../workload/value-text.ts";
import {
  counterProbe,
  forcedElections,
  isolation,
  lostAppends,
  minoritySide,
  residentMemory,
  restartTime,
  throughputDuringElection,
  timeToNewLeader,
  withoutQuorum,
} from "./probes.ts";

test("time to a new leader: one row per election that a kill caused, and of no other", () => {
  const elections = [
    election("start", 150),
    election("kill", 210),
    election("stepped down", 90),
    election("kill", 190),
  ];
  assert.deepEqual(measured(timeToNewLeader, { elections }), [
    ["time-to-new-leader-ms", 210],
    ["time-to-new-leader-ms", 190],
  ]);
});

test("forced elections: those aimed at the leader; one that nobody won is missing from the successes", () => {
  const faults = [
    fault("isolate-one", 1000, 2000, ["n1"]),
    fault("isolate-one", 3000, 4000, ["n2"], "n2"),
    fault("isolate-one", 5000, 6000, ["n3"], "n1"),
  ];
  assert.deepEqual(measured(forcedElections, { faults, elections: [election("isolate-one", 200)] }), [
    ["forced-elections", 2],
    ["successful-elections", 1],
    ["election-ms", 200],
  ]);
});

test("throughput during elections: operations per second of the seconds after a fault over those of the others", () => {
  const steady = Array.from({ length: 100 }, (_, index) => operation(index * 100, index * 100 + 1));
  const faults = [fault("kill", 2000, 2500, ["n1"]), fault("kill", 2400, 3000, ["n1"])];
  const [[metric, ratio] = ["", 0]] = measured(throughputDuringElection, { operations: steady, faults });
  assert.equal(metric, "throughput-during-election-ratio");
  assert.ok(Math.abs(ratio - 1) < 0.01, `${ratio}`);
  // Overlapping windows count once: 1.4 s, of which the first 0.7 s were silent.
  const silent = steady.filter(({ endMs }) => endMs < 2000 || endMs >= 2700);
  const [[, half] = ["", 0]] = measured(throughputDuringElection, { operations: silent, faults });
  assert.ok(Math.abs(half - 0.5) < 0.01, `${half}`);
  assert.deepEqual(measured(throughputDuringElection, { operations: steady }), [], "nothing was forced");
});

test("lost appends: acknowledged values the final list lacks, and values it holds twice; unacknowledged ones are not missed", () => {
  const history = new HistoryRecorder();
  for (const [process, value] of [1, 2, 3, 4].entries()) history.invoke(process, process, "append", undefined, value);
  for (const process of [0, 1, 2]) history.complete(10 + process, "ok", process, process + 1);
  history.complete(20, "info", 3, 4, "REPLY_TIMEOUT");
  const holding = (...values: number[]): Partial<BlockRecord> => ({
    history,
    states: new Map([
      ["n1", { kind: "out-of-service", reason: "n1 is down" }],
      ["n2", { kind: "state", state: { registers: [], list: values.map((value) => valueText(value, 8)) } }],
    ]),
  });
  const counts = (lost: number, duplicates: number): unknown => [
    ["lost-acknowledged-writes", lost],
    ["acknowledged-writes", 3],
    ["duplicate-entries", duplicates],
  ];
  assert.deepEqual(measured(lostAppends, holding(1, 2, 3)), counts(0, 0));
  assert.deepEqual(measured(lostAppends, holding(1, 2, 4, 3)), counts(0, 0));
  assert.deepEqual(measured(lostAppends, holding(1, 3, 3)), counts(1, 1));
  assert.deepEqual(measured(lostAppends, holding()), counts(3, 0));
});

test("isolation: writes that succeeded meanwhile, and when the node had what was committed before it came back", () => {
  const faults = [fault("isolate-one", 1000, 3000, ["n3"])];
  const operations = [operation(500, 510), operation(1500, 1600), operation(2000, 2100, "info"), operation(2900, 3100)];
  const trace = [
    apply(900, "n3", 4),
    commit(2500, "n1", 9),
    apply(3050, "n3", 7),
    apply(3200, "n3", 9),
    commit(4000, "n1", 12),
  ];
  assert.deepEqual(measured(isolation, { faults, operations, trace }), [
    ["writes-during-isolation", 1],
    ["catch-up-ms", 200],
  ]);
  const stuck = trace.filter(({ ms }) => ms !== 3200);
  assert.deepEqual(measured(isolation, { faults, operations, trace: stuck }), [["writes-during-isolation", 1]]);
  const snapshot = event(3300, "n3", { kind: "snapshot", index: 9, term: 1, installed: true });
  assert.deepEqual(measured(isolation, { faults, operations, trace: [...stuck, snapshot] })[1], ["catch-up-ms", 300]);
});

test("without a quorum: what was accepted although invoked without one, and when service resumed", () => {
  const faults = [fault("kill", 1000, 3000, ["n1", "n2"])];
  const before = operation(990, 1010);
  const after = operation(2000, 3200);
  assert.deepEqual(measured(withoutQuorum, { faults, operations: [before, after] }), [
    ["accepted-without-quorum", 0],
    ["resume-ms", 200],
    ["served-after-return", 1],
  ]);
  assert.deepEqual(measured(withoutQuorum, { faults, operations: [operation(1500, 1600)] }), [
    ["accepted-without-quorum", 1],
    ["served-after-return", 0],
  ]);
});

test("the minority side: what it learns of old commits is fine, a commit of its own is not, nor a leader it keeps", () => {
  const faults = [fault("majority-minority", 1000, 4000, ["n1", "n2"])];
  const led = [role(10, "n1", "leader"), commit(900, "n1", 5)];
  const good = [...led, commit(1100, "n2", 5), role(1300, "n1", "follower"), commit(2000, "n3", 8)];
  assert.deepEqual(measured(minoritySide, { faults, trace: good }), [
    ["minority-accepted", 0],
    ["minority-leaders-kept", 0],
  ]);
  assert.deepEqual(measured(minoritySide, { faults, trace: [...led, commit(2500, "n1", 6)] }), [
    ["minority-accepted", 1],
    ["minority-leaders-kept", 1],
  ]);
});

test("restart time: from the heal to the start of each node's next life", () => {
  const start = (ms: number, node: string, life: number): TimedEvent =>
    event(ms, node, { kind: "start", life, term: 1, votedFor: null, snapshotIndex: 0, snapshotTerm: 0, entries: [] });
  const trace = [start(0, "n1", 1), start(0, "n2", 1), start(2300, "n1", 2), start(2700, "n2", 2)];
  assert.deepEqual(measured(restartTime, { faults: [fault("kill", 1000, 2000, ["n2", "n1"])], trace }), [
    ["restart-ms", 700],
    ["restart-ms", 300],
  ]);
});

test("resident memory: the largest node late against early; without samples there is no number", () => {
  const sample = (ms: number, residentBytes: number) => ({ ms, node: "n1", residentBytes, cpuMs: 0, counters: {} });
  const samples = [sample(100, 900), sample(3500, 100), sample(3600, 80), sample(9500, 150), sample(9600, 120)];
  assert.deepEqual(measured(residentMemory, { samples }), [
    ["resident-bytes", 150],
    ["resident-growth-ratio", 0.5],
  ]);
  assert.deepEqual(measured(residentMemory, { samples: samples.slice(0, 3) }), []);
});

test("counters: summed over the nodes, or the largest", () => {
  const resources = [3, 5].map((syncs, index) => ({
    node: `n${index}`,
    residentBytes: undefined,
    cpuMs: undefined,
    counters: { syncs },
  }));
  assert.deepEqual(measured(counterProbe("syncs", "syncs", "count"), { resources }), [["syncs", 8]]);
  assert.deepEqual(measured(counterProbe("most", "syncs", "count", "max"), { resources }), [["most", 5]]);
});
