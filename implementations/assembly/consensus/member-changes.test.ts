/**
 * Goal: members come and go while clients are served, and nothing acknowledged goes with them.
 * Method: a simulated production cluster, driven by hand in virtual time; the same file of changes serves real
 * processes, where `process-cluster.test.ts` looks at what they leave behind.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultHandle, MembershipChange } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { implementations, Trial } from "./trial.fixture.ts";

const begin = (seed: string, nodes = 3): Promise<Trial> =>
  Trial.begin({ implementation: implementations.production, seed, nodes });

async function change(trial: Trial, kind: MembershipChange, node: NodeId): Promise<FaultHandle> {
  const handle = trial.deployment.inject({ kind: "membership", change: kind, nodes: [node] });
  await trial.until(`${kind} is done`, () => handle.efficacy().count === 1);
  return handle;
}

/** Appends a few values, all acknowledged. @returns them. */
async function serve(trial: Trial, label: string): Promise<string[]> {
  const values = Array.from({ length: 5 }, (_, index) => `${label} ${index}`);
  for (const value of values) assert.ok(await trial.append(value), value);
  return values;
}

test("a node joins and holds what was written before it came; healed, it is let go again", async () => {
  const trial = await begin("joins");
  const before = await serve(trial, "before");
  const handle = await change(trial, "add", "n1");
  assert.deepEqual(trial.deployment.nodes, ["n1", "n2", "n3", "n4"]);
  assert.deepEqual(await trial.agreement(["n4"]), before);
  const during = await serve(trial, "during");
  handle.heal();
  await trial.until("n4 is gone", () => trial.deployment.nodes.length === 3);
  assert.deepEqual(await trial.agreement(), [...before, ...during]);
});

for (const [what, chosen] of [
  ["the leader", (trial: Trial): NodeId => trial.leader()],
  ["a follower", (trial: Trial): NodeId => trial.follower()],
] as const) {
  test(`${what} is replaced, again and again, until none of the founders is left`, async () => {
    const trial = await begin(`replaces ${what}`);
    const written: string[] = [];
    for (let round = 0; round < 5; round++) {
      written.push(...(await serve(trial, `round ${round}`)));
      await trial.until("there is a leader", () => trial.deployment.leader() !== undefined);
      const gone = chosen(trial);
      await change(trial, "replace", gone);
      assert.equal(trial.deployment.nodes.includes(gone), false);
    }
    assert.equal(trial.deployment.nodes.length, 3);
    written.push(...(await serve(trial, "after")));
    assert.deepEqual(await trial.agreement(), written);
  });
}

test("what a removed member was, the others do without: it serves nobody and stands for nothing", async () => {
  const trial = await begin("removed");
  const roles: NodeId[] = [];
  const gone = trial.follower();
  trial.deployment.observe(({ node, event }) => {
    if (event.kind === "role" && event.role !== "follower") roles.push(node);
  });
  await change(trial, "remove", gone);
  await trial.pass(5000);
  const written = await serve(trial, "two");
  assert.deepEqual(await trial.agreement(), written);
  assert.equal(trial.deployment.nodes.length, 2);
  assert.equal(roles.includes(gone), false);
});

test("a voter that lost its disk stays out until it is replaced; then the cluster is whole, and may lose another", async () => {
  const trial = await begin("wiped");
  const written = await serve(trial, "before");
  const lost = trial.follower();
  trial.deployment.inject({ kind: "wipe", nodes: [lost] }).heal();
  await trial.until("it is out of service", async () => (await trial.stateOf(lost)).kind === "out-of-service");
  await change(trial, "replace", lost);
  assert.deepEqual(await trial.agreement(), written);
  const killed = trial.deployment.inject({ kind: "kill", nodes: [trial.leader()] });
  written.push(...(await serve(trial, "with one more down")));
  killed.heal();
  assert.deepEqual(await trial.agreement(), written);
});

test("a change waits for a majority, and is made when there is one", async () => {
  const trial = await begin("waits");
  const followers = trial.deployment.nodes.filter((node) => node !== trial.leader());
  const killed = trial.deployment.inject({ kind: "kill", nodes: followers });
  const handle = trial.deployment.inject({ kind: "membership", change: "add", nodes: [] });
  await trial.pass(3000);
  assert.equal(handle.efficacy().count, 0);
  killed.heal();
  await trial.until("it is made", () => handle.efficacy().count === 1);
  assert.equal(trial.deployment.nodes.length, 4);
});

test("leadership goes to another when it is asked for, within a few messages and not an election timeout", async () => {
  const trial = await begin("hands over");
  const written = await serve(trial, "before");
  for (let round = 0; round < 5; round++) {
    const leader = trial.leader();
    const fromMs = trial.deployment.clock.nowMs();
    await change(trial, "transfer", leader);
    await trial.until("another leads", () => ![leader, undefined].includes(trial.deployment.leader()));
    assert.ok(trial.deployment.clock.nowMs() - fromMs < 120, "an election timeout is 150 ms at least");
    written.push(...(await serve(trial, `round ${round}`)));
  }
  assert.deepEqual(await trial.agreement(), written);
});
