/**
 * Goal: whatever clients ask and whatever is slow, what a node holds for them stays within its bounds, and who is
 * turned away is told so definitely: OVERLOADED, and it did not happen.
 * Method: production clusters in virtual time, flooded by many clients that never pause; every bound is made the one
 * that is hit. One more flood with a follower down looks for growth.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation } from "../../consensus/contract.ts";
import { implementations, Trial } from "./trial.fixture.ts";

const mebibyte = 1024 * 1024;

const begin = (seed: string, settings: Readonly<Record<string, number>>): Promise<Trial> =>
  Trial.begin({ implementation: implementations.production, seed, settings });

/** Clients that ask one thing after the other until they are stopped. */
class Flood {
  /** Values of writes by their outcome's kind and code: "ok", "fail OVERLOADED", ... */
  readonly outcomes = new Map<string, string[]>();
  #isStopped = false;
  #number = 0;
  #open = 0;

  constructor(trial: Trial, clients: number, deadlineMs: number, operation: (value: string) => ConsensusOperation) {
    const ask = (session: number, sequence: number): void => {
      if (this.#isStopped) return;
      const value = `${++this.#number}`;
      this.#open++;
      trial.deployment.invoke({ session, sequence, operation: operation(value) }, deadlineMs, (outcome) => {
        this.#open--;
        const name = outcome.kind === "ok" ? "ok" : `${outcome.kind} ${outcome.code}`;
        this.outcomes.set(name, [...(this.outcomes.get(name) ?? []), value]);
        ask(session, sequence + 1);
      });
    };
    for (let session = 1; session <= clients; session++) ask(session, 1);
  }

  of(name: string): readonly string[] {
    return this.outcomes.get(name) ?? [];
  }

  async stop(trial: Trial): Promise<void> {
    this.#isStopped = true;
    await trial.until("all clients have their answers", () => this.#open === 0);
  }
}

/** Lets time pass, and returns the highest values of `names` at `node` that were seen meanwhile. */
async function highest(trial: Trial, node: NodeId, names: readonly string[], forMs: number): Promise<number[]> {
  const most = names.map(() => 0);
  for (let passedMs = 0; passedMs < forMs; passedMs += 10) {
    await trial.pass(10);
    for (const [index, name] of names.entries()) {
      most[index] = Math.max(most[index] ?? 0, await trial.counter(node, name));
    }
  }
  return most;
}

test("writes past maxPendingProposals are answered OVERLOADED and did not happen; the others did", async () => {
  const trial = await begin("count", { maxPendingProposals: 20 });
  const leader = trial.leader();
  const slow = trial.deployment.inject({
    kind: "disk",
    nodes: trial.deployment.nodes,
    fault: { kind: "slow", extraMs: 40 },
  });
  const flood = new Flood(trial, 100, 200, (value) => ({ kind: "append", value }));
  const [pending = 0] = await highest(trial, leader, ["pending proposals"], 2000);
  await flood.stop(trial);
  slow.heal();
  assert.equal(pending, 20);
  const list = new Set(await trial.agreement());
  assert.ok(flood.of("ok").length > 100 && flood.of("fail OVERLOADED").length > 100, [...flood.outcomes.keys()].join());
  for (const value of flood.of("ok")) assert.ok(list.has(value), `${value} was acknowledged`);
  for (const value of flood.of("fail OVERLOADED")) assert.ok(!list.has(value), `${value} was refused`);
  assert.equal(trial.leader(), leader, "overload unseats nobody");
});

test("writes past maxPendingBytes are answered OVERLOADED, however few they are", async () => {
  const valueBytes = 256 * 1024;
  const trial = await begin("bytes", { maxPendingBytes: 4 * mebibyte });
  const slow = trial.deployment.inject({
    kind: "disk",
    nodes: trial.deployment.nodes,
    fault: { kind: "slow", extraMs: 40 },
  });
  const flood = new Flood(trial, 30, 380, (value) => ({ kind: "write", key: "k", value: value.padEnd(valueBytes) }));
  const [pending = 0] = await highest(trial, trial.leader(), ["pending bytes"], 400);
  await flood.stop(trial);
  slow.heal();
  assert.ok(pending > 3 * mebibyte && pending < 4 * mebibyte + valueBytes + 100, `${pending} bytes`);
  assert.ok(flood.of("ok").length > 0 && flood.of("fail OVERLOADED").length > 0, [...flood.outcomes.keys()].join());
  await trial.agreement();
});

test("reads past maxPendingReads are answered OVERLOADED, not sent to look for another leader", async () => {
  const trial = await begin("reads", { maxPendingReads: 10 });
  const leader = trial.leader();
  const others = trial.deployment.nodes.filter((node) => node !== leader);
  const late = trial.deployment.inject({
    kind: "packet",
    links: others.map((to) => ({ from: leader, to })),
    fault: { kind: "delay", distribution: { shape: "constant", ms: 50 } },
  });
  const flood = new Flood(trial, 100, 80, () => ({ kind: "read", key: "k" }));
  const [pending = 0] = await highest(trial, leader, ["pending reads"], 1000);
  late.heal();
  await flood.stop(trial);
  assert.equal(pending, 10);
  assert.ok(flood.of("ok").length > 0);
  assert.ok(flood.of("fail OVERLOADED").length > 100);
  assert.deepEqual(flood.of("fail NOT_LEADER"), []);
});

const smallLog = {
  maxLogBytes: 8 * mebibyte,
  maxPendingBytes: 4 * mebibyte,
  trailingEntries: 10,
  trailingBytes: mebibyte,
  snapshotEveryBytes: 2 * mebibyte,
};
/** Writes of a hundred keys: a state of a few slices. */
const writeOf =
  (valueBytes: number) =>
  (value: string): ConsensusOperation => ({
    kind: "write",
    key: `k${value.slice(-2)}`,
    value: value.padEnd(valueBytes),
  });

test("a log that snapshots cannot keep short is bounded by maxLogBytes: writes are answered OVERLOADED", async () => {
  const trial = await begin("log", smallLog);
  const leader = trial.leader();
  // The followers commit; what is not durable here cannot be covered by a snapshot here.
  const slow = trial.deployment.inject({ kind: "disk", nodes: [leader], fault: { kind: "slow", extraMs: 1000 } });
  const flood = new Flood(trial, 40, 300, writeOf(64 * 1024));
  const [log = 0, waiting = 0] = await highest(trial, leader, ["log bytes", "bytes waiting for the disk"], 1500);
  await flood.stop(trial);
  assert.ok(log >= 8 * mebibyte && log < 12 * mebibyte, `${log} bytes`);
  assert.ok(waiting < 12 * mebibyte, `${waiting} bytes`);
  assert.ok(flood.of("fail OVERLOADED").length > 0, [...flood.outcomes.keys()].join());
  slow.heal();
  await trial.until("the log shrank", async () => (await trial.counter(leader, "log bytes")) < 4 * mebibyte);
  assert.ok(await trial.append("after"));
  await trial.pass(2000);
  await trial.agreement();
});

test("a follower whose log is at its bound takes no more entries, follows all the same, and catches up", async () => {
  const trial = await begin("follower", { ...smallLog, maxInFlight: 1000 });
  assert.ok(await trial.append("before"), "the clients know the leader");
  const leader = trial.leader();
  const follower = trial.follower();
  const slow = trial.deployment.inject({ kind: "disk", nodes: [follower], fault: { kind: "slow", extraMs: 1500 } });
  const flood = new Flood(trial, 20, 300, writeOf(64 * 1024));
  const isAtBound = async (): Promise<boolean> => (await trial.counter(follower, "messages ignored")) > 0;
  await trial.until("its log is at its bound", isAtBound);
  const [log = 0] = await highest(trial, follower, ["log bytes"], 100);
  await flood.stop(trial);
  assert.ok(log >= 8 * mebibyte && log < 10 * mebibyte, `${log} bytes`);
  assert.equal(trial.leader(), leader, "it hears the leader, and wants no other");
  slow.heal();
  await trial.pass(5000); // Comparing large states is slow; looking at them often is slower.
  await trial.agreement();
});

test("what waits for a full disk is bounded in batches too: a term that cannot be stored makes every answer wait", async () => {
  const trial = await Trial.begin({ implementation: implementations.production, seed: "batches", nodes: 5 });
  assert.ok(await trial.append("before"));
  const leader = trial.leader();
  const follower = trial.follower();
  const full = trial.deployment.inject({ kind: "disk", nodes: [follower], fault: { kind: "full" } });
  const down = trial.deployment.inject({ kind: "kill", nodes: [leader] });
  assert.ok(await trial.append("in another term"));
  await trial.pass(600_000);
  assert.equal(await trial.counter(follower, "batches waiting for the disk"), 16_384);
  assert.ok((await trial.counter(follower, "messages ignored")) > 0);
  full.heal();
  down.heal();
  assert.deepEqual(await trial.agreement(), ["before", "in another term"]);
});

test("sustained overload with a follower down: the log, and all that waits, do not grow", async () => {
  const trial = await begin("flat", { ...smallLog, maxPendingProposals: 30 });
  const leader = trial.leader();
  assert.ok(await trial.append("before"), "the clients know the leader");
  const down = trial.deployment.inject({ kind: "kill", nodes: [trial.follower()] });
  const flood = new Flood(trial, 60, 300, writeOf(32 * 1024));
  const names = ["log bytes", "log entries", "pending bytes", "pending proposals", "bytes waiting for the disk"];
  await highest(trial, leader, names, 200);
  assert.ok((await trial.counter(leader, "snapshots taken")) > 0, "past the first snapshot");
  const early = await highest(trial, leader, names, 150);
  const late = await highest(trial, leader, names, 150);
  await flood.stop(trial);
  assert.equal(late[names.indexOf("pending proposals")], 30, "clients are being turned away");
  for (const [index, name] of names.entries()) {
    assert.ok((late[index] ?? 0) <= 1.25 * (early[index] ?? 0) + 1, `${name}: ${early[index]}, then ${late[index]}`);
  }
  down.heal();
  await trial.pass(1000);
  await trial.agreement();
});
