/**
 * Goal: members come and go, and come back without their disks, while clients are served; nothing acknowledged goes
 * with them.
 * Method: a simulated production store, driven by hand in virtual time. Nodes agree when the harness would say so.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultHandle, MembershipChange } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { StorageEvent, StorageState } from "../../storage/contract.ts";
import { productionStorage } from "./implementations.ts";
import { StorageTrial } from "./storage-trial.fixture.ts";

/** Keys that are spread over all nodes. */
const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
const settings = { antiEntropyIntervalMs: 200 };

async function begin(seed: string, nodes = 3): Promise<StorageTrial> {
  const trial = await StorageTrial.begin(productionStorage, { seed, nodes, settings });
  await trial.until("it serves", async () => (await trial.put("first", "1")).kind === "ok");
  return trial;
}

async function change(trial: StorageTrial, kind: MembershipChange, node: NodeId): Promise<FaultHandle> {
  const handle = trial.deployment.inject({ kind: "membership", change: kind, nodes: [node] });
  await trial.until(`${kind} is done`, () => handle.efficacy().count === 1);
  return handle;
}

/** Writes every key, all acknowledged. */
async function write(trial: StorageTrial, value: string): Promise<void> {
  for (const key of keys) assert.equal((await trial.put(key, value)).kind, "ok", key);
}

/** Waits until each key is on `copies` nodes, with `value`, and nothing else is. */
async function agreement(trial: StorageTrial, value: string, copies = 3): Promise<void> {
  await trial.until("all nodes agree", async () => {
    const states = await statesOf(trial);
    const held = states.flatMap(({ entries }) => entries.filter(([key]) => keys.includes(key)));
    const isOne = held.every(([, found]) => found === value) && held.length === copies * keys.length;
    return isOne && states.every((state) => state.copies === copies);
  });
}

/** Of the nodes that serve; all of them must in the end. */
async function statesOf(trial: StorageTrial): Promise<readonly StorageState[]> {
  const states = [...(await trial.deployment.states()).values()];
  return states.flatMap((state) => (state.kind === "state" ? [state.state] : []));
}

function eventsOf(trial: StorageTrial, node: NodeId): StorageEvent[] {
  const events: StorageEvent[] = [];
  trial.deployment.observe((traced) => {
    if (traced.node === node) events.push(traced.event);
  });
  return events;
}

test("a node joins and takes its share; healed, it is let go again, and its share goes back", async () => {
  const trial = await begin("joins");
  await write(trial, "before");
  const handle = await change(trial, "add", "n1");
  assert.deepEqual(trial.deployment.nodes, ["n1", "n2", "n3", "n4"]);
  await agreement(trial, "before");
  const joined = await trial.stateOf("n4");
  assert.ok(joined.kind === "state" && joined.state.entries.length > keys.length / 2, "a share of about three in four");
  await write(trial, "during");
  handle.heal();
  await trial.until("n4 is gone", () => trial.deployment.nodes.length === 3);
  await agreement(trial, "during");
});

test("members are replaced until none of the founders is left", async () => {
  const trial = await begin("replaces");
  for (const gone of ["n2", "n1", "n3", "n5"]) {
    await write(trial, `before ${gone}`);
    await change(trial, "replace", gone);
    assert.equal(trial.deployment.nodes.includes(gone), false);
    await agreement(trial, `before ${gone}`);
  }
  assert.deepEqual(trial.deployment.nodes, ["n4", "n6", "n7"]);
});

test("of four members one is removed, then another: two are left, and hold everything", async () => {
  const trial = await begin("removes", 4);
  await write(trial, "a");
  await change(trial, "remove", "n3");
  await agreement(trial, "a");
  await change(trial, "remove", "n1");
  await agreement(trial, "a", 2);
  assert.equal((await trial.put("key 0", "b", "all")).kind, "ok");
});

test("a node that lost its disk is taken in again, and then the cluster may lose another", async () => {
  const trial = await begin("wiped");
  await write(trial, "before");
  const events = eventsOf(trial, "n2");
  trial.deployment.inject({ kind: "wipe", nodes: ["n2"] }).heal();
  assert.equal(await trial.get("key 1"), "before");
  await agreement(trial, "before");
  const topologies = events.filter((event) => event.kind === "topology");
  assert.deepEqual([...new Set(topologies.map(({ epoch }) => epoch))], [1, 2, 3], "one change to the same nodes");
  trial.deployment.inject({ kind: "wipe", nodes: ["n1"] }).heal();
  await agreement(trial, "before");
});

test("damaged files are set aside, and the node comes back with nothing", async () => {
  const trial = await begin("damaged");
  await write(trial, "before");
  const events = eventsOf(trial, "n3");
  const flip = trial.deployment.inject({ kind: "disk", nodes: ["n3"], fault: { kind: "bit-flip" } });
  await trial.until("a bit is flipped", () => flip.efficacy().count > 0);
  trial.deployment.inject({ kind: "kill", nodes: ["n3"] }).heal();
  await trial.until("it is noticed", () => events.some(({ kind }) => kind === "damage"));
  await agreement(trial, "before");
});

test("with a majority of the disks lost, what is left is neither given up nor added to", async () => {
  const trial = await begin("lost");
  await write(trial, "before");
  trial.deployment.inject({ kind: "wipe", nodes: ["n1", "n2"] }).heal();
  await trial.pass(20_000);
  assert.notEqual((await trial.put("key 1", "after")).kind, "ok");
  const states = await statesOf(trial);
  assert.equal(states.length, 1, "those who lost their disks wait");
  assert.ok(states[0]?.entries.some(([key, value]) => key === "key 1" && value === "before"));
});

test("with all disks lost, no new cluster comes to be in the place of the old one", async () => {
  const trial = await begin("all lost");
  trial.deployment.inject({ kind: "wipe", nodes: trial.deployment.nodes }).heal();
  await trial.pass(5000);
  assert.deepEqual(await statesOf(trial), []);
});

test("a change waits for a majority, and is made when there is one", async () => {
  const trial = await begin("waits");
  const killed = trial.deployment.inject({ kind: "kill", nodes: ["n2", "n3"] });
  const handle = trial.deployment.inject({ kind: "membership", change: "add", nodes: [] });
  await trial.pass(3000);
  assert.equal(handle.efficacy().count, 0);
  killed.heal();
  await trial.until("it is made", () => handle.efficacy().count === 1);
  await write(trial, "after");
  await agreement(trial, "after");
});
