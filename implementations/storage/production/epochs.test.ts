/**
 * Goal: what was asked under one topology is not done under the next one. A late acceptance there could outlive what a
 * quorum of the next one has been told.
 * Method: one replica is handed an accept for a key that it has to read first, and the topology changes meanwhile.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchWriter } from "./messages.ts";
import { membersOf, StoreWorld, wholeTopology } from "./store-world.fixture.ts";

const state = { ballot: 2049, version: 1, timestampMs: 0, session: 1, sequence: 1, value: "late" };

/** @returns the entries of a replica that was asked to accept, and then possibly heard of another topology. */
function acceptWith(changes: boolean): readonly unknown[] {
  const world = new StoreWorld({ seed: "epochs" });
  world.runFor(50);
  const [, second] = world.nodes;
  const batch = new BatchWriter();
  batch.add({ kind: "accept", id: 1, key: "k", state, next: state.ballot });
  second?.core?.receive("n1", batch.take(1));
  if (changes) second?.core?.topologyChanged(wholeTopology(membersOf(3), 2), 2);
  world.runFor(50);
  return (second && world.stateOf(second)?.entries) ?? [];
}

test("a request that waits for its record is done under its own topology or not at all", () => {
  assert.deepEqual(acceptWith(false), [["k", "late", 1]]);
  assert.deepEqual(acceptWith(true), []);
});

test("who is no member of a topology keeps nothing of it, coordinates nothing, and serves nobody", () => {
  const world = new StoreWorld({ seed: "nobody" });
  world.runFor(50);
  const [first] = world.nodes;
  first?.core?.topologyChanged(wholeTopology(membersOf(3), 2), 0);
  assert.equal(first?.core?.isServing, false);
  const request = { session: 1, sequence: 1, operation: { kind: "get", key: "k", level: "one" } } as const;
  const reply = world.await((done) => first?.core?.request(request, 100, done));
  assert.deepEqual(reply, { kind: "error", code: "UNAVAILABLE" });
});
