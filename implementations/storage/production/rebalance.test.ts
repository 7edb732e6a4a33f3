/**
 * Goal: members come, go and are replaced while clients write, and no acknowledged write is lost.
 * Method: a toy store on a simulated network (rebalance.fixture.ts), whose values must only ever grow: one change at a
 * time, then what goes wrong in one, then many seeds of everything at once (rebalance-chaos.fixture.ts). To see more
 * seeds, raise `seeds`; a failure names the one that failed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { AdminCommand } from "../contract.ts";
import { busy, quarrelsome, runChaos } from "./rebalance-chaos.fixture.ts";
import { testSettings, TestWorld } from "./rebalance.fixture.ts";
import { slotOf } from "./slots.ts";
import { memberNumbers } from "./topology.ts";

const founders = ["n1", "n2", "n3"];
const all = ["n1", "n2", "n3", "n4", "n5", "n6"];
const founding = { replicationFactor: 3, virtualNodes: 64 };
const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
const seeds = 6;

function settledWorld(seed: string, members = founders, replicationFactor = 3): TestWorld {
  const settings = { ...testSettings, pullBytesPerSecond: 20_000 };
  const world = new TestWorld(seed, { ...founding, replicationFactor, members }, all, settings);
  assert.ok(
    world.run(3000, () => world.isSettledOn(members)),
    "the founders find each other",
  );
  return world;
}

function writeAll(world: TestWorld, id: string, word: string): void {
  let left = keys.length;
  for (const key of keys) world.node(id).operate(key, word, () => left--);
  assert.ok(
    world.run(1000, () => left === 0),
    `${id} writes ${word}`,
  );
}

/** Everyone of `ids` follows one topology, every key is read at one of them, and nobody keeps what is not its own. */
function checkAll(world: TestWorld, ids: readonly string[]): void {
  assert.ok(
    world.run(3000, () => world.isSettledOn(ids)),
    `${ids.join()} are in force`,
  );
  const reader = world.node(ids.at(-1)!);
  let left = keys.length;
  for (const key of keys) reader.operate(key, undefined, () => left--);
  assert.ok(
    world.run(1000, () => left === 0),
    `${reader.id} reads`,
  );
  world.run(1000);
  for (const node of world.nodes.values()) {
    for (const slot of node.records.keys()) {
      const belongs = reader.topology!.placementOf(slot).replicas.some(({ id }) => id === node.id);
      assert.ok(belongs || node.rebalance === undefined, `${node.id} still has slot ${slot}`);
    }
  }
}

function change(add: readonly string[], remove: readonly string[] = []): AdminCommand {
  return { kind: "change", add, remove };
}

/** Asks `id` once. @returns what it said, undefined: done, "silent": nothing within the limit. */
function ask(world: TestWorld, id: string, command: AdminCommand, limitMs = 10_000): ErrorCode | undefined | "silent" {
  let answer: ErrorCode | undefined | "silent" = "silent";
  world.node(id).rebalance!.change(command, (error) => (answer = error));
  world.run(limitMs, () => answer !== "silent");
  return answer;
}

function isChanging(world: TestWorld, id: string): boolean {
  return world.node(id).topology?.isChanging === true;
}

test("a node joins and has its share when the operator hears that it is done", () => {
  const world = settledWorld("join");
  writeAll(world, "n1", "a");
  assert.equal(ask(world, "n1", change(["n4"])), undefined);
  const held = [...world.node("n4").records.values()].reduce((sum, records) => sum + records.size, 0);
  assert.ok(held > 0 && held < keys.length);
  checkAll(world, ["n1", "n2", "n3", "n4"]);
  const ends = world.node("n4").events.filter((event) => event.kind === "background" && event.phase === "end");
  assert.equal(ends.length, 1);
});

test("three nodes are replaced by three others in one change", () => {
  const world = settledWorld("swap");
  writeAll(world, "n1", "a");
  assert.equal(ask(world, "n2", change(["n4", "n5", "n6"], founders)), undefined);
  checkAll(world, ["n4", "n5", "n6"]);
  for (const id of founders) assert.equal(world.node(id).number, 0);
});

test("five become one, step by step, and the one that is asked leaves last", () => {
  const members = ["n1", "n2", "n3", "n4", "n5"];
  const world = settledWorld("shrink", members, 5);
  writeAll(world, "n1", "a");
  assert.equal(ask(world, "n1", change([], ["n1", "n2", "n3", "n4"])), undefined);
  checkAll(world, ["n5"]);
  assert.equal(world.node("n5").topology?.epoch, 9);
});

test("a cluster of one grows to five", () => {
  const world = settledWorld("grow", ["n3"]);
  writeAll(world, "n3", "a");
  assert.equal(ask(world, "n3", change(["n1", "n2", "n4", "n5"])), undefined);
  checkAll(world, ["n1", "n2", "n3", "n4", "n5"]);
});

test("a node that lost its disk answers nothing until it is taken in again, under another number", () => {
  const world = settledWorld("wipe");
  writeAll(world, "n1", "a");
  world.node("n2").wipe();
  world.node("n2").start();
  assert.equal(world.node("n2").number, 0);
  checkAll(world, founders);
  assert.equal(world.node("n2").number, 4);
  for (const key of keys) assert.deepEqual(world.node("n2").records.get(slotOf(key))?.get(key)?.words, ["a"]);
});

test("a node that joined later and lost its disk is taken in again as well", () => {
  const world = settledWorld("wipe newcomer");
  assert.equal(ask(world, "n1", change(["n4"])), undefined);
  writeAll(world, "n1", "a");
  world.node("n4").wipe();
  world.node("n4").start();
  assert.ok(world.run(5000, () => world.node("n4").number === 5));
  checkAll(world, ["n1", "n2", "n3", "n4"]);
});

test("founders wait for each other, whatever each has gone through, and found one cluster", () => {
  const world = new TestWorld("founding", { ...founding, members: founders }, all);
  world.node("n3").crash();
  world.run(1000);
  assert.equal(world.node("n1").topology, undefined);
  world.node("n1").wipe();
  world.node("n1").start();
  world.node("n3").start();
  assert.ok(world.run(2000, () => world.isSettledOn(founders)));
  assert.deepEqual(
    founders.map((id) => world.node(id).number),
    [1, 2, 3],
  );
});

test("what two of three know outlives the departure of both, one after the other", () => {
  const world = settledWorld("last one");
  world.node("n2").crash();
  writeAll(world, "n1", "only n1 and n3 know");
  world.node("n2").start();
  assert.equal(ask(world, "n2", change([], ["n1"])), undefined);
  assert.equal(ask(world, "n2", change([], ["n3"])), undefined);
  checkAll(world, ["n2"]);
  for (const key of keys) {
    const words = world.node("n2").records.get(slotOf(key))?.get(key)?.words ?? [];
    assert.ok(words.includes("only n1 and n3 know"), key);
  }
});

test("what those who leave have promised is promised by those who come, also where nothing was accepted", () => {
  const world = settledWorld("promises");
  const ballot = 1_000_000 * memberNumbers + 1;
  const slot = slotOf("promised");
  for (const id of ["n2", "n3"]) {
    world.node(id).records.set(slot, new Map([["promised", { promised: ballot, accepted: 0, words: [] }]]));
  }
  assert.equal(ask(world, "n1", change(["n4"], ["n3"])), undefined);
  const majorities = [
    ["n1", "n2"],
    ["n1", "n4"],
    ["n2", "n4"],
  ];
  for (const majority of majorities) {
    const promised = majority.map((id) => world.node(id).records.get(slot)?.get("promised")?.promised ?? 0);
    assert.ok(Math.max(...promised) >= ballot, `one of ${majority.join()} refuses what lies below`);
  }
});

test("what is so already is done, and nonsense is refused", () => {
  const world = settledWorld("same");
  assert.equal(ask(world, "n3", change(["n1"], ["n5"])), undefined);
  assert.equal(world.node("n3").topology?.epoch, 1);
  assert.equal(ask(world, "n1", change(["n4"], ["n4"])), "MALFORMED_REQUEST");
  assert.equal(ask(world, "n1", change([], founders)), "MALFORMED_REQUEST");
  assert.equal(ask(world, "n5", change(["n4"])), "UNAVAILABLE");
});

test("a member that cannot know whether it is so still does not say so", () => {
  const world = settledWorld("stale");
  world.isolate("n3");
  assert.equal(ask(world, "n1", change(["n4"])), undefined);
  assert.equal(world.node("n3").topology?.epoch, 1);
  assert.equal(ask(world, "n3", change([], ["n4"])), "UNAVAILABLE");
  world.heal();
  assert.equal(ask(world, "n3", change([], ["n4"])), undefined);
  checkAll(world, founders);
});

test("a change meets another one: the same is joined, a different one is turned away", () => {
  const world = settledWorld("meet");
  writeAll(world, "n1", "a");
  const answers: (ErrorCode | undefined)[] = [];
  const note = (error: ErrorCode | undefined): void => void answers.push(error);
  world.node("n1").rebalance!.change(change(["n4"]), note);
  world.node("n1").rebalance!.change(change(["n4"]), note);
  assert.equal(ask(world, "n1", change(["n5"])), "CHANGE_UNDER_WAY");
  assert.ok(world.run(1000, () => isChanging(world, "n2")));
  assert.equal(ask(world, "n2", change(["n5"])), "CHANGE_UNDER_WAY");
  world.node("n2").rebalance!.change(change(["n4"]), note);
  assert.ok(world.run(5000, () => answers.length === 3));
  assert.deepEqual(answers, [undefined, undefined, undefined]);
});

test("a newcomer that does not answer changes nothing", () => {
  const world = settledWorld("absent");
  world.node("n4").crash();
  assert.equal(ask(world, "n1", change(["n4"])), "UNAVAILABLE");
  assert.equal(world.node("n1").topology?.epoch, 1);
  world.node("n4").start();
  assert.equal(ask(world, "n1", change(["n4"])), undefined);
});

test("a newcomer that dies is given up, also where newcomers are the majority", () => {
  const world = settledWorld("dead newcomer", ["n1"]);
  writeAll(world, "n1", "a");
  let answer: ErrorCode | undefined | "silent" = "silent";
  world.node("n1").rebalance!.change(change(["n4", "n5"]), (error) => (answer = error));
  assert.ok(world.run(1000, () => isChanging(world, "n1")));
  world.node("n4").crash();
  world.node("n5").crash();
  assert.ok(world.run(5000, () => answer !== "silent"));
  assert.equal(answer, "UNAVAILABLE");
  checkAll(world, ["n1"]);
  for (const id of ["n4", "n5"]) world.node(id).start();
  assert.equal(ask(world, "n1", change(["n4", "n5"])), undefined);
  checkAll(world, ["n1", "n4", "n5"]);
});

test("a newcomer that loses its disk half way is not waited for", () => {
  const world = settledWorld("wiped newcomer");
  writeAll(world, "n1", "a");
  let answer: ErrorCode | undefined | "silent" = "silent";
  world.node("n1").rebalance!.change(change(["n4"]), (error) => (answer = error));
  assert.ok(world.run(1000, () => world.node("n4").number === 4));
  world.node("n4").wipe();
  world.node("n4").start();
  const beganMs = world.time.nowMs();
  assert.ok(world.run(5000, () => answer !== "silent"));
  assert.equal(answer, "UNAVAILABLE");
  assert.ok(world.time.nowMs() - beganMs < testSettings.changeTimeoutMs);
  assert.ok(world.run(5000, () => !isChanging(world, "n4")));
  assert.equal(world.node("n4").number, 0);
});

test("whoever drives a change may die: the others complete it", () => {
  const world = settledWorld("driver");
  writeAll(world, "n1", "a");
  world.node("n1").rebalance!.change(change(["n4"], ["n2"]), () => {});
  assert.ok(world.run(1000, () => isChanging(world, "n3")));
  world.node("n1").crash();
  assert.ok(world.run(10_000, () => world.node("n4").topology?.isChanging === false));
  world.node("n1").start();
  checkAll(world, ["n1", "n3", "n4"]);
});

test("a newcomer that restarts goes on where it was", () => {
  const world = settledWorld("restart");
  writeAll(world, "n1", "a");
  world.node("n1").rebalance!.change(change(["n4"]), () => {});
  assert.ok(world.run(1000, () => world.node("n4").records.size > 3));
  world.node("n4").crash();
  world.node("n4").start();
  assert.ok(world.node("n4").records.size > 3);
  checkAll(world, ["n1", "n2", "n3", "n4"]);
  assert.equal(world.node("n4").number, 4);
});

test("what an old owner kept is gone before the slot is its own again, and floors arrive", () => {
  const world = settledWorld("stale record");
  // A spare hears of the topology and removes what it has; what it kept all the same is planted afterwards.
  assert.ok(world.run(2000, () => world.node("n4").topology !== undefined));
  world.run(100);
  const slot = slotOf("old");
  world.node("n4").records.set(slot, new Map([["old", { promised: 0, accepted: 1027, words: ["deleted"] }]]));
  for (const id of founders) world.node(id).floors.set(slot, { slot, ballot: 2050, version: 7 });
  assert.equal(ask(world, "n1", change(["n4"], ["n3"])), undefined);
  assert.equal(world.node("n4").records.get(slot), undefined);
  assert.deepEqual(world.node("n4").floors.get(slot), { slot, ballot: 2050, version: 7 });
});

test("a pull takes the time its bytes are allowed", () => {
  const world = settledWorld("pace");
  Object.assign(world.settings, { pullBytesPerSecond: 1000 });
  writeAll(world, "n1", "a");
  const beganMs = world.time.nowMs();
  assert.equal(ask(world, "n1", change(["n4"], ["n3"])), undefined);
  const end = world.node("n4").events.find((event) => event.kind === "background" && event.phase === "end");
  assert.ok(end?.kind === "background" && end.bytes > 500);
  assert.ok(world.time.nowMs() - beganMs >= end.bytes - 100, `${end.bytes} bytes`);
});

for (let seed = 0; seed < seeds; seed++) {
  test(`chaos ${seed}: what was acknowledged stays, whatever happens to nodes and members`, () => {
    const counts = runChaos(`chaos ${seed}`, 6000, busy);
    assert.ok(counts.operations > 20 && counts.epochs > 1, JSON.stringify(counts));
  });
  test(`quarrel ${seed}: an epoch is one topology, whoever wants what`, () => {
    assert.ok(runChaos(`quarrel ${seed}`, 2500, quarrelsome).epochs > 1);
  });
}
