/**
 * Goal: the minimal store is deployed in both substrates, and suffers what it says it can be subjected to.
 * Method: a client of its own, one operation after the other, and faults in between; what must not work is tried too.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import { minimalStorage } from "./implementations.ts";
import { StorageTrial } from "./storage-trial.fixture.ts";

const between = (one: NodeId, others: readonly NodeId[]) =>
  others.flatMap((other) => [
    { from: one, to: other },
    { from: other, to: one },
  ]);

test("what was written is read, at every level, and is on every node", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  assert.deepEqual(await trial.put("k", "1"), { kind: "ok", result: { kind: "put", version: 1 } });
  for (const level of ["one", "majority", "all"] as const) assert.equal(await trial.get("k", level), "1");
  const cas = { kind: "cas", key: "k", from: "0", to: "2" } as const;
  assert.deepEqual(await trial.invoke(cas), { kind: "fail", code: "PRECONDITION_FAILED" });
  for (const node of trial.deployment.nodes) {
    assert.deepEqual(await trial.stateOf(node), {
      kind: "state",
      state: { entries: [["k", "1", 1]], copies: undefined },
    });
  }
});

test("a node alone refuses a majority, others serve it; healed, all do", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  const cut = trial.deployment.inject({ kind: "cut", links: between("n1", ["n2", "n3"]) });
  for (let key = 0; key < 6; key++) assert.equal((await trial.put(`k${key}`, "1")).kind, "ok");
  assert.deepEqual(await trial.put("k", "1", "all"), { kind: "fail", code: "QUORUM_NOT_MET" });
  assert.ok(cut.efficacy().count > 0);
  const state = await trial.stateOf("n1");
  assert.deepEqual(state.kind === "state" && state.state.entries, []);
  cut.heal();
  assert.equal((await trial.put("k", "1", "all")).kind, "ok");
});

test("a cut in one direction is enough: a peer is reached both ways or not at all", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  const links = [
    { from: "n2", to: "n1" },
    { from: "n3", to: "n2" },
    { from: "n1", to: "n3" },
  ];
  const cut = trial.deployment.inject({ kind: "cut", links });
  assert.deepEqual(await trial.put("k", "1"), { kind: "fail", code: "QUORUM_NOT_MET" });
  assert.equal((await trial.put("k", "1", "one")).kind, "ok");
  cut.heal();
});

test("a node that is killed forgets, and reads give it back what the others kept", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  await trial.put("k", "1");
  const kill = trial.deployment.inject({ kind: "kill", nodes: ["n2"] });
  assert.equal(kill.efficacy().count, 1);
  assert.equal((await trial.stateOf("n2")).kind, "out-of-service");
  assert.equal(await trial.get("k"), "1");
  kill.heal();
  const empty = await trial.stateOf("n2");
  assert.deepEqual(empty.kind === "state" && empty.state.entries, []);
  assert.equal(await trial.get("k", "all"), "1");
  const repaired = await trial.stateOf("n2");
  assert.deepEqual(repaired.kind === "state" && repaired.state.entries, [["k", "1", 1]]);
});

test("a write to a node that does not answer is not sent to another one, a read is", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  const pause = trial.deployment.inject({ kind: "pause", nodes: trial.deployment.nodes });
  assert.deepEqual(await trial.put("k", "1"), { kind: "info", code: "REPLY_TIMEOUT" });
  pause.heal();
  await trial.pass(100);
  const sent = (await trial.deployment.resources()).reduce((sum, { counters }) => sum + (counters["requests"] ?? 0), 0);
  assert.equal(sent, 1);
  assert.equal(await trial.get("k"), "1", "it was done when the node went on, after its client had gone");
  const again = trial.deployment.inject({ kind: "kill", nodes: ["n1", "n2"] });
  assert.equal(await trial.get("k", "one"), "1");
  again.heal();
});

test("the same seed is the same run", async () => {
  const hashes = await Promise.all(
    ["a", "a", "b"].map(async (seed) => {
      const trial = await StorageTrial.begin(minimalStorage, { seed });
      for (let key = 0; key < 5; key++) await trial.put(`k${key}`, "1");
      return trial.deployment.traceHash();
    }),
  );
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});

test("what it cannot suffer is refused in words", async () => {
  const trial = await StorageTrial.begin(minimalStorage, {});
  const nodes = ["n1"];
  assert.throws(() => trial.deployment.inject({ kind: "disk", nodes, fault: { kind: "full" } }), UsageError);
  assert.throws(() => trial.deployment.inject({ kind: "clock", nodes, fault: { kind: "jump", byMs: 1 } }), UsageError);
  assert.throws(() => trial.deployment.inject({ kind: "membership", nodes, change: "add" }), UsageError);
  const moment = { kind: "message", message: "accept", from: "n1", to: "n2", count: 1, inTerm: false } as const;
  assert.throws(() => trial.deployment.at(moment, () => undefined), UsageError);
  await assert.rejects(
    StorageTrial.begin(minimalStorage, { settings: { shards: 1.5 } }),
    /shards 1.5: allowed is a whole/,
  );
});

test("in real processes it is the same store", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "grey-store-"));
  // A write is sent once: on a busy machine its answer may take its time.
  const slowly = { clientAttemptTimeoutMs: 5000 };
  const trial = await StorageTrial.begin(minimalStorage, { substrate: "cluster", directory, ...slowly });
  try {
    assert.deepEqual(await trial.put("k", "1", "all"), { kind: "ok", result: { kind: "put", version: 1 } });
    const kill = trial.deployment.inject({ kind: "kill", nodes: ["n2"] });
    await trial.until("n2 is down", async () => (await trial.stateOf("n2")).kind === "out-of-service");
    assert.equal(await trial.get("k"), "1");
    kill.heal();
    await trial.until("n2 is up", async () => (await trial.stateOf("n2")).kind === "state");
    assert.equal(await trial.get("k", "all"), "1");
  } finally {
    await trial.deployment.stop();
    await rm(directory, { recursive: true, force: true });
  }
});
