/**
 * Goal: at majority the operations on a key are linearizable together, and a failure is what it says, whatever crashes,
 * cuts and losses happen (Rystsov 2018, section 3). Method: random clients on few keys, random faults, hundreds of
 * seeds; every key's history is judged by itself.
 */

import { test } from "node:test";
import assert from "node:assert/strict";
import type { StorageOperation, StorageReply, StorageState } from "../contract.ts";
import { judgeKey } from "./key-history.fixture.ts";
import type { HistoryEntry } from "./key-history.fixture.ts";
import { StoreWorld } from "./store-world.fixture.ts";
import type { WorldNode } from "./store-world.fixture.ts";
import { disturb, runClients } from "./load.fixture.ts";

const seeds = 40;

test("histories at majority are linearizable under crashes, cuts, losses and duelling coordinators", () => {
  let ended = 0;
  let writes = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      const history = runSeed(seed);
      ended += history.length;
      writes += history.filter(({ operation }) => operation.kind !== "get").length;
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  assert.ok(ended > seeds * 50 && writes > seeds * 20, `enough went through: ${ended}, of them ${writes} writes`);
});

/** Every other seed forgets tombstones and compares replicas while the load runs. */
function runSeed(seed: number): readonly HistoryEntry[] {
  const settings = seed % 2 === 0 ? { tombstoneGraceMs: 30, antiEntropyIntervalMs: 150 } : {};
  // On slow disks, what is told too early is forgotten in a crash.
  const engineDelayMs = seed % 3 === 0 ? ([5, 30] as const) : ([0.5, 2] as const);
  const world = new StoreWorld({ seed, settings, engineDelayMs });
  const load = runClients(world, { clients: 5, keys: 2, operations: 24, levels: ["majority", "majority", "all"] });
  disturb(world, 1500);
  world.runFor(2500);
  load.readAll();
  world.runFor(2500);
  for (const [key, history] of world.histories) judgeKey(key, history);
  assert.equal(load.unread, 0, "a healed store answers");
  const states = world.nodes.map((node) => live(world.stateOf(node)));
  assert.deepEqual(states[1], states[0], "replicas converge");
  assert.deepEqual(states[2], states[0], "replicas converge");
  return [...world.histories.values()].flat().filter(({ reply }) => reply?.kind === "ok");
}

function live(state: StorageState | undefined): StorageState["entries"] | undefined {
  return state?.entries.filter(([, value]) => value !== null);
}

test("what a node missed while it was away is handed to it when it is back, and counts in no quorum", () => {
  const world = new StoreWorld({ seed: "hints", settings: { antiEntropyIntervalMs: 1_000_000 } });
  world.runFor(50);
  const [first, , third] = world.nodes;
  world.crash(third!);
  const put = { session: 1, sequence: 1, operation: { kind: "put", key: "k", value: "v", level: "majority" } } as const;
  const reply = world.await<StorageReply | undefined>((done) => world.request(first!, put, 300, done));
  assert.equal(reply?.kind, "ok");
  world.runFor(200);
  assert.equal(first!.core?.counters["hints kept"], 1);
  const all = { session: 1, sequence: 2, operation: { kind: "put", key: "k", value: "w", level: "all" } } as const;
  const refused = world.await<StorageReply | undefined>((done) => world.request(first!, all, 300, done));
  assert.deepEqual(refused, { kind: "error", code: "QUORUM_NOT_MET" });
  world.start(third!);
  const get = { session: 1, sequence: 3, operation: { kind: "get", key: "k", level: "all" } } as const;
  world.runFor(50);
  world.await<StorageReply | undefined>((done) => world.request(third!, get, 300, done));
  world.runFor(500);
  assert.deepEqual(world.stateOf(third!)?.entries, [["k", "v", 1]]);
  assert.equal(first!.core?.counters["hint bytes"], 0);
});

test("tombstones go once every replica has them, not while one is away, and versions count on", () => {
  const settings = { tombstoneGraceMs: 50, antiEntropyIntervalMs: 200 };
  const world = new StoreWorld({ seed: "tombstones", settings });
  world.runFor(50);
  const [first, second, third] = world.nodes;
  const ask = (node: WorldNode, sequence: number, operation: StorageOperation): StorageReply | undefined =>
    world.await<StorageReply | undefined>((done) =>
      world.request(node, { session: 1, sequence, operation }, 300, done),
    );
  ask(first!, 1, { kind: "put", key: "k", value: "v", level: "all" });
  world.crash(third!);
  assert.equal(ask(second!, 2, { kind: "delete", key: "k", level: "majority" })?.kind, "ok");
  world.runFor(1500);
  assert.ok(world.stateOf(first!)?.entries.length === 1, "it is kept for the one that is away");
  world.start(third!);
  world.runFor(3000);
  for (const node of world.nodes) assert.deepEqual(world.stateOf(node)?.entries, [], `${node.member.id} forgot it`);
  const reply = ask(first!, 3, { kind: "put", key: "k", value: "w", level: "majority" });
  assert.ok(reply?.kind === "ok" && reply.result.version > 2, `versions count on: ${JSON.stringify(reply)}`);
});

test("at level one replicas converge to one value per key, also after cuts and crashes", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = new StoreWorld({ seed: `one ${seed}`, settings: { antiEntropyIntervalMs: 100 } });
    runClients(world, { clients: 5, keys: 3, operations: 24, levels: ["one"] });
    disturb(world, 1000);
    world.runFor(6000);
    const [first, ...others] = world.nodes.map((node) => world.stateOf(node));
    assert.ok((first?.entries.length ?? 0) > 0);
    for (const other of others) assert.deepEqual(other, first, `seed ${seed}`);
  }
});

test("a node whose engine has no room answers for what it cannot keep, and goes on when there is room", () => {
  const world = new StoreWorld({ seed: "full" });
  world.runFor(50);
  const [first] = world.nodes;
  first!.engine!.refusal = "FULL";
  const ask = (sequence: number): StorageReply | undefined =>
    world.await<StorageReply | undefined>((done) =>
      world.request(
        first!,
        { session: 1, sequence, operation: { kind: "put", key: "k", value: `v${sequence}`, level: "one" } },
        100,
        done,
      ),
    );
  assert.deepEqual(ask(1), { kind: "error", code: "WRITE_UNCERTAIN" }, "it may still get there");
  assert.deepEqual(ask(2), { kind: "error", code: "UNAVAILABLE" });
  first!.engine!.refusal = undefined;
  world.runFor(2000);
  assert.equal(ask(3)?.kind, "ok");
});
