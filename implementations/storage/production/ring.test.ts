/**
 * Goal: the ring spreads slots evenly, moves no more than it must, and forgets the order in which nodes came.
 * Method: every size from 1 to 15 nodes, with several families of names; every slot is looked at.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { moduloOwner } from "./modulo-placement.ts";
import { Ring, ringDefaults } from "./ring.ts";
import { slotCount, slotOf } from "./slots.ts";

const families: readonly ((index: number) => string)[] = [
  (index) => `n${index + 1}`,
  (index) => `store-${index}.example`,
  (index) => String.fromCharCode(97 + index),
];
const slots = Array.from({ length: slotCount }, (_, slot) => slot);
const keys = Array.from({ length: 20_000 }, (_, index) => `key-${index}`);

function nodesOf(nameOf: (index: number) => string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => nameOf(index));
}

for (const [family, nameOf] of families.entries()) {
  test(`family ${family}: every node has its share within 15 %, as first replica and as any`, () => {
    for (let count = 1; count <= 15; count++) {
      const ring = new Ring(nodesOf(nameOf, count), ringDefaults);
      const first = new Map<string, number>();
      const any = new Map<string, number>();
      for (const slot of slots) {
        const replicas = ring.replicasOf(slot);
        first.set(replicas[0]!, (first.get(replicas[0]!) ?? 0) + 1);
        for (const node of replicas) any.set(node, (any.get(node) ?? 0) + 1);
      }
      for (const [loads, total] of [
        [first, slotCount],
        [any, slotCount * Math.min(3, count)],
      ] as const) {
        assert.equal(loads.size, count);
        for (const [node, load] of loads) {
          assert.ok(Math.abs((load * count) / total - 1) <= 0.15, `${node} of ${count} has ${load} of ${total}`);
        }
      }
    }
  });

  test(`family ${family}: a newcomer takes at most 1.3 / (n + 1), and nothing moves between the others`, () => {
    for (let count = 1; count < 15; count++) {
      const newcomer = nameOf(count);
      const before = new Ring(nodesOf(nameOf, count), ringDefaults);
      const after = new Ring(nodesOf(nameOf, count + 1), ringDefaults);
      for (const slot of slots) {
        const old = before.replicasOf(slot);
        const others = after.replicasOf(slot).filter((node) => node !== newcomer);
        assert.deepEqual(others, old.slice(0, others.length), `slot ${slot}, ${count} nodes`);
      }
      const moved = keys.filter((key) => before.replicasOf(slotOf(key))[0] !== after.replicasOf(slotOf(key))[0]);
      assert.ok(moved.length <= (1.3 * keys.length) / (count + 1), `${moved.length} of ${keys.length} moved`);
    }
  });
}

test("replicas are distinct, as many as asked for or as there are, and the order of joining makes no difference", () => {
  for (const replicationFactor of [1, 2, 3, 5]) {
    for (const count of [1, 2, 3, 7]) {
      const nodes = nodesOf(families[0]!, count);
      const options = { replicationFactor, virtualNodes: 16 };
      const ring = new Ring(nodes, options);
      const reversed = new Ring([...nodes].reverse(), options);
      for (const slot of slots) {
        const replicas = ring.replicasOf(slot);
        assert.equal(new Set(replicas).size, Math.min(replicationFactor, count));
        assert.equal(reversed.replicasOf(slot), replicas);
      }
    }
  }
});

test("few tokens spread badly: the bound of 15 % is one that can be missed", () => {
  const ring = new Ring(nodesOf(families[0]!, 15), { replicationFactor: 1, virtualNodes: 8 });
  const loads = new Map<string, number>();
  for (const slot of slots) loads.set(ring.replicasOf(slot)[0]!, (loads.get(ring.replicasOf(slot)[0]!) ?? 0) + 1);
  assert.ok([...loads.values()].some((load) => Math.abs((load * 15) / slotCount - 1) > 0.15));
});

test("a ring of nobody, or with somebody twice, is refused", () => {
  assert.throws(() => new Ring([], ringDefaults), /1 to 1024 nodes/);
  assert.throws(() => new Ring(["n1", "n1"], ringDefaults), /distinct/);
});

test("modulo hashing moves nearly everything when a node joins", () => {
  for (const count of [2, 5, 10]) {
    const before = nodesOf(families[0]!, count);
    const after = nodesOf(families[0]!, count + 1);
    const moved = keys.filter((key) => moduloOwner(key, before) !== moduloOwner(key, after));
    assert.ok(Math.abs(moved.length / keys.length - count / (count + 1)) < 0.05, `${moved.length} of ${keys.length}`);
  }
});
