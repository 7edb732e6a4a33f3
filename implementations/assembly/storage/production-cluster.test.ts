/**
 * Goal: the production store is deployed in both substrates and keeps what it acknowledged through crashes.
 * Method: a client of its own, one operation after the other, and faults in between; what must not happen is tried too.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { productionStorage } from "./implementations.ts";
import { StorageTrial } from "./storage-trial.fixture.ts";

test("what was acknowledged survives a crash of all nodes", async () => {
  const trial = await StorageTrial.begin(productionStorage, {});
  await trial.until("a write succeeds", async () => (await trial.put("k", "1")).kind === "ok");
  for (const level of ["one", "majority", "all"] as const) assert.equal(await trial.get("k", level), "1");
  const kill = trial.deployment.inject({ kind: "kill", nodes: trial.deployment.nodes });
  await trial.pass(100);
  kill.heal();
  await trial.until("it is read", async () => (await trial.get("k")) === "1");
  const lost = trial.deployment.inject({ kind: "disk", nodes: ["n1"], fault: { kind: "lost-sync" } });
  await trial.put("k", "2");
  await trial.until("the power was lost", () => lost.efficacy().count > 0);
  assert.equal(await trial.get("k"), "2");
  const state = await trial.stateOf("n2");
  assert.ok(state.kind === "state" && state.state.entries.some(([key]) => key === "k"));
});

test("a fault waits for a message inside a batch", async () => {
  const trial = await StorageTrial.begin(productionStorage, {});
  await trial.until("a write succeeds", async () => (await trial.put("k", "1")).kind === "ok");
  let isReached = false;
  for (const from of trial.deployment.nodes) {
    for (const to of trial.deployment.nodes) {
      const moment = { kind: "message", message: "accept", from, to, count: 1, inTerm: false } as const;
      if (from !== to) trial.deployment.at(moment, () => (isReached = true));
    }
  }
  await trial.put("k", "2");
  assert.ok(isReached);
});

test("the same seed is the same run", async () => {
  const hashes = await Promise.all(
    ["a", "a", "b"].map(async (seed) => {
      const trial = await StorageTrial.begin(productionStorage, { seed });
      for (let key = 0; key < 5; key++) await trial.put(`k${key}`, "1");
      return trial.deployment.traceHash();
    }),
  );
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});
