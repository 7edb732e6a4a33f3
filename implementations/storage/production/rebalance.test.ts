/**
 * Goal: members come, go and are replaced while clients write, and no acknowledged write is lost.
 * Method: a toy store on a simulated network (rebalance.fixture.ts), whose values must only ever grow; first one
 * change at a time, then hundreds of seeds of everything at once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestWorld } from "./rebalance.fixture.ts";
import { slotCount } from "./slots.ts";

const founding = { members: ["n1", "n2", "n3"], replicationFactor: 3, virtualNodes: 64 };
const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);

function settledWorld(seed: string, ids = ["n1", "n2", "n3", "n4", "n5"], members = founding.members): TestWorld {
  const world = new TestWorld(seed, { ...founding, members }, ids);
  assert.ok(world.run(2000, () => world.isSettledOn(members)), "the founders find each other");
  return world;
}

function writeAll(world: TestWorld, id: string, word: string): void {
  let left = keys.length;
  for (const key of keys) world.node(id).operate(key, word, () => left--);
  assert.ok(world.run(1000, () => left === 0), `${id} writes ${word}`);
}

/** Reads every key at `id`, which fails when it has lost anything, and looks for records where none belong. */
function checkAll(world: TestWorld, id: string): void {
  let left = keys.length;
  for (const key of keys) world.node(id).operate(key, undefined, () => left--);
  assert.ok(world.run(1000, () => left === 0), `${id} reads`);
  world.run(200);
  const topology = world.node(id).topology!;
  for (const node of world.nodes.values()) {
    for (const slot of node.records.keys()) {
      const belongs = topology.placementOf(slot).replicas.some((member) => member.id === node.id);
      assert.ok(belongs || node.rebalance === undefined, `${node.id} still has slot ${slot}`);
    }
  }
}

test("a node joins and gets its share, all of it, before it counts", () => {
  const world = settledWorld("join", ["n1", "n2", "n3", "n4"]);
  writeAll(world, "n1", "a");
  assert.ok(world.changeUntilDone({ kind: "change", add: ["n4"], remove: [] }, 5000));
  assert.ok(world.run(500, () => world.isSettledOn(["n1", "n2", "n3", "n4"])));
  checkAll(world, "n4");
  const held = [...world.node("n4").records.values()].reduce((sum, records) => sum + records.size, 0);
  assert.ok(held > 0 && held < keys.length);
  assert.ok(world.node("n4").events.some((event) => event.kind === "background" && event.phase === "end"));
});
void slotCount;
