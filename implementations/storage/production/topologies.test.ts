/**
 * Goal: a topology places slots as its rings say, and what a change moves is exactly their difference.
 * Method: small clusters, every slot; and for the way to a goal, random starts and goals.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { Ring } from "./ring.ts";
import { slotCount } from "./slots.ts";
import type { TopologyData } from "./topologies.ts";
import {
  abandonedData,
  ChangingTopology,
  changingData,
  completedData,
  foundingData,
  nextStep,
  slotsWithout,
  StableTopology,
} from "./topologies.ts";
import { canBeQuorum, isQuorum, neededOf } from "./topology.ts";

const slots = Array.from({ length: slotCount }, (_, slot) => slot);
const founded = foundingData({ members: ["n3", "n1", "n2", "n4"], replicationFactor: 3, virtualNodes: 32 });

function changed(data: TopologyData, ids: readonly string[], lives: Record<string, string>): TopologyData {
  return changingData(data, ids, new Map(Object.entries(lives)))!;
}

function ringOf(...ids: readonly string[]): Ring {
  return new Ring(ids, founded);
}

test("founders are numbered by their ids, whatever order they are named in", () => {
  assert.deepEqual(
    founded.members.map(({ id, number }) => `${id}=${number}`),
    ["n1=1", "n2=2", "n3=3", "n4=4"],
  );
});

test("a stable topology has one group, that of the ring", () => {
  const topology = new StableTopology(founded);
  const ring = ringOf("n1", "n2", "n3", "n4");
  for (const slot of slots) {
    const { replicas, groups } = topology.placementOf(slot);
    assert.deepEqual(
      replicas.map(({ id }) => id),
      ring.replicasOf(slot),
    );
    assert.deepEqual(groups, [replicas]);
  }
  assert.equal(slotsWithout(topology, 9).length, slotCount);
});

test("a changing one has two, those who stay first, and a quorum is one in both", () => {
  const topology = new ChangingTopology(changed(founded, ["n1", "n2", "n3", "n5"], { n5: "x" }));
  const before = ringOf("n1", "n2", "n3", "n4");
  const after = ringOf("n1", "n2", "n3", "n5");
  const gainedBy = new Map([1, 2, 3, 4, 5].map((number) => [`n${number}`, new Set(topology.slotsGainedBy(number))]));
  let moved = 0;
  for (const slot of slots) {
    const { replicas, groups } = topology.placementOf(slot);
    assert.deepEqual(
      groups.map((group) => group.map(({ id }) => id)),
      [before.replicasOf(slot), after.replicasOf(slot)],
    );
    assert.equal(new Set(replicas).size, replicas.length);
    const ids = replicas.map(({ id }) => id);
    const gains = after.replicasOf(slot).filter((id) => !before.replicasOf(slot).includes(id));
    moved += gains.length;
    for (const id of gains) assert.ok(gainedBy.get(id)!.has(slot));
    if (gains.length === 1) assert.equal(ids.indexOf(gains[0]!), 2);
  }
  const gained = [...gainedBy.values()].reduce((sum, of) => sum + of.size, 0);
  assert.equal(gained, moved);
  assert.deepEqual(topology.slotsGainedBy(4), []);
  const slot = topology.slotsGainedBy(5)[0]!;
  const placement = topology.placementOf(slot);
  const old = placement.groups[0]!;
  assert.ok(!isQuorum(placement, "majority", (member) => member === old[2]));
  assert.ok(canBeQuorum(placement, "majority", ({ number }) => number === 5));
  assert.ok(!canBeQuorum(placement, "all", ({ number }) => number === 5));
});

test("a node with a new disk gains the slots of its old number, and the others nothing", () => {
  const data = changed(founded, ["n1", "n2", "n3", "n4"], { n2: "new" });
  const topology = new ChangingTopology(data);
  const kept = slots.filter((slot) => ringOf("n1", "n2", "n3", "n4").replicasOf(slot).includes("n2"));
  assert.deepEqual(topology.slotsGainedBy(5), kept);
  assert.deepEqual(
    topology.pulling().map(({ number }) => number),
    [5],
  );
  assert.equal(topology.members.filter(({ id }) => id === "n2").length, 2);
});

test("where a majority of those who stay is none of those before, they refresh every slot", () => {
  const two = foundingData({ members: ["n1", "n2"], replicationFactor: 3, virtualNodes: 64 });
  const toOne = new ChangingTopology(changed(two, ["n1"], {}));
  assert.equal(toOne.slotsRefreshedBy(1).length, slotCount);
  assert.deepEqual(toOne.slotsGainedBy(1), []);
  assert.deepEqual(toOne.pulling(), toOne.data.members);
  // A majority of two is one of three.
  const three = foundingData({ members: ["n1", "n2", "n3"], replicationFactor: 3, virtualNodes: 64 });
  assert.deepEqual(new ChangingTopology(changed(three, ["n1", "n2"], {})).pulling(), []);
  // Two of the three that stay are no majority of four.
  const four = foundingData({ members: ["n1", "n2", "n3", "n4"], replicationFactor: 4, virtualNodes: 64 });
  const toThree = new ChangingTopology(changed(four, ["n1", "n2", "n3"], {}));
  assert.equal(toThree.pulling().length, 3);
});

test("complete and abandoned lead to the members after and before, and no number is given twice", () => {
  const data = changed(founded, ["n1", "n2", "n3", "n4", "n5"], { n5: "x" });
  assert.deepEqual(completedData(data), { ...data, epoch: 3, before: [] });
  const abandoned = abandonedData(data);
  assert.deepEqual(abandoned, { ...founded, epoch: 3, nextNumber: 6 });
  assert.equal(changed(abandoned, ["n1", "n2", "n3", "n5"], { n5: "x" }).members.at(-1)?.number, 6);
});

test("numbers end at 1023: the change is refused", () => {
  const last = { ...founded, nextNumber: 1023 };
  assert.ok(changingData(last, ["n1", "n2", "n3", "n5"], new Map([["n5", "x"]])) !== undefined);
  const over = { ...founded, nextNumber: 1024 };
  assert.equal(changingData(over, ["n1", "n2", "n3", "n5"], new Map([["n5", "x"]])), undefined);
});

test("any way leads to its goal in steps in which a surviving majority meets every majority of before", () => {
  const random = seededRandom("steps");
  const ids = Array.from({ length: 9 }, (_, index) => `n${index}`);
  for (let round = 0; round < 2000; round++) {
    const draw = (): string[] => {
      const drawn = ids.filter(() => random.below(2) === 0);
      return drawn.length > 0 ? drawn : ["n0"];
    };
    const goal = draw();
    const replicationFactor = 1 + random.below(5);
    let data = foundingData({ members: draw(), replicationFactor, virtualNodes: 1 });
    const driver = data.members[0]!.id;
    for (let steps = 0; ; steps++) {
      const present = data.members.map(({ id }) => id);
      if (present.length === goal.length && present.every((id) => goal.includes(id))) break;
      assert.ok(steps < 10 && present.includes(driver), "the way ends, and the driver is there until then");
      const step = nextStep(data, goal, driver);
      const before = Math.min(present.length, replicationFactor);
      const after = Math.min(step.length, replicationFactor);
      assert.ok(neededOf(after, "majority") + neededOf(before, "majority") > before, `${before} to ${after}`);
      const newcomers = step.filter((id) => !present.includes(id)).map((id) => [id, "x"] as const);
      data = completedData(changingData(data, step, new Map(newcomers))!);
    }
  }
});

test("a step that shrinks groups by too much is a bug", () => {
  const five = foundingData({ members: ["n1", "n2", "n3", "n4", "n5"], replicationFactor: 5, virtualNodes: 1 });
  assert.throws(() => changingData(five, ["n1", "n2", "n3"], new Map()), /groups of 5 can become groups of 3/);
});
