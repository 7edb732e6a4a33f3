/**
 * Goal: a disk that is full stops a node from acknowledging and from leading, and nothing else; with room again it goes
 * on without a restart. A failed sync takes the node out until it restarts. A slow disk slows its node alone.
 * Method: production clusters in virtual time; disks fail on single nodes, on all, and during a start.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { implementations, Trial } from "./trial.fixture.ts";

interface Watched {
  readonly trial: Trial;
  /** Nodes that started once more. */
  readonly restarts: NodeId[];
  /** Nodes that became leader, or ran for it, since the list was last emptied. */
  readonly candidacies: NodeId[];
}

async function begin(seed: string, settings: Readonly<Record<string, number>> = {}): Promise<Watched> {
  const trial = await Trial.begin({ implementation: implementations.production, seed, settings });
  const restarts: NodeId[] = [];
  const candidacies: NodeId[] = [];
  trial.deployment.observe(({ node, event }) => {
    if (event.kind === "start" && event.life > 1) restarts.push(node);
    if (event.kind === "role" && event.role !== "follower") candidacies.push(node);
  });
  assert.ok(await trial.append("before"));
  return { trial, restarts, candidacies };
}

function fill(trial: Trial, nodes: readonly NodeId[]): FaultHandle {
  return trial.deployment.inject({ kind: "disk", nodes, fault: { kind: "full" } });
}

for (let seed = 1; seed <= 5; seed++) {
  test(`all disks full: nothing is acknowledged; with room again all goes on, without a restart (seed ${seed})`, async () => {
    const { trial, restarts, candidacies } = await begin(`all full ${seed}`);
    const acknowledged = ["before"];
    for (let index = 0; index < seed; index++) {
      assert.ok(await trial.append(`more ${index}`));
      acknowledged.push(`more ${index}`);
    }
    const handle = fill(trial, trial.deployment.nodes);
    assert.equal(await trial.append("during", 3000), false);
    candidacies.length = 0;
    await trial.pass(10_000);
    assert.deepEqual(candidacies, [], "none can keep a vote, so none asks for one");
    assert.ok(handle.efficacy().count > 0);
    handle.heal();
    assert.ok(await trial.append("after"));
    const list = await trial.agreement();
    assert.deepEqual(
      list.filter((value) => value !== "during"),
      [...acknowledged, "after"],
    );
    assert.ok(list.filter((value) => value === "during").length <= 1, "stored at most once");
    assert.deepEqual(restarts, []);
  });
}

test("the leader's disk full: another leads and writes go on; with room again it has what the others have", async () => {
  const { trial, restarts } = await begin("leader full");
  const leader = trial.leader();
  const handle = fill(trial, [leader]);
  const values = Array.from({ length: 10 }, (_, index) => `during ${index}`);
  for (const value of values) assert.ok(await trial.append(value));
  assert.notEqual(trial.leader(), leader);
  assert.equal((await trial.counter(leader, "stalls on a full disk")) > 0, true);
  await trial.pass(5000);
  handle.heal();
  assert.ok(await trial.append("after"));
  const list = await trial.agreement();
  assert.deepEqual(list, ["before", ...values, "after"]);
  assert.deepEqual(restarts, []);
});

test("a stalled node answers a write at once and definitely", async () => {
  const { trial } = await begin("definite");
  const handle = fill(trial, trial.deployment.nodes);
  await trial.invoke({ kind: "append", value: "unknown" }, 1000);
  const outcome = await trial.invoke({ kind: "append", value: "refused" }, 1000);
  assert.deepEqual(outcome, { kind: "fail", code: "NOT_LEADER" });
  handle.heal();
  assert.ok(await trial.append("after"));
  assert.ok(!(await trial.agreement()).includes("refused"));
});

test("a follower's disk full: it acknowledges nothing, the others go on, and it catches up by snapshot", async () => {
  const settings = { snapshotEveryEntries: 20, trailingEntries: 0 };
  const { trial, restarts, candidacies } = await begin("follower full", settings);
  const follower = trial.follower();
  candidacies.length = 0;
  const handle = fill(trial, [follower]);
  for (let index = 0; index < 100; index++) assert.ok(await trial.append(`value ${index}`));
  handle.heal();
  assert.equal((await trial.agreement()).length, 101);
  assert.deepEqual([restarts, candidacies], [[], []]);
});

test("a majority's disks full: the one with room is not elected, and raises no term", async () => {
  const { trial } = await begin("majority full");
  const candidates: NodeId[] = [];
  trial.deployment.observe(({ node, event }) => {
    if (event.kind === "role" && event.role === "candidate") candidates.push(node);
  });
  const [one, other] = [trial.leader(), trial.follower()];
  const handle = fill(trial, [one, other]);
  assert.equal(await trial.append("during", 2000), false);
  await trial.pass(20_000);
  assert.deepEqual(candidates, []);
  handle.heal();
  assert.ok(await trial.append("after"));
  await trial.agreement();
});

test("a node that starts on a full disk waits for room and takes part then, in its first attempt", async () => {
  const { trial, restarts } = await begin("full start");
  const lives: number[] = [];
  trial.deployment.observe(({ event }) => {
    if (event.kind === "start") lives.push(event.life);
  });
  const node = trial.follower();
  const down = trial.deployment.inject({ kind: "kill", nodes: [node] });
  await trial.pass(10);
  down.heal();
  const handle = fill(trial, [node]);
  assert.ok(await trial.append("during"));
  await trial.pass(3000);
  const waiting = await trial.stateOf(node);
  assert.equal(waiting.kind, "out-of-service");
  handle.heal();
  assert.deepEqual(await trial.agreement(), ["before", "during"]);
  assert.deepEqual([restarts, lives], [[node], [2]]);
});

test("failed syncs: what they should have stored is never counted; the node leaves the quorum and comes back", async () => {
  let restarted = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const { trial, restarts } = await begin(`failed sync ${seed}`);
    const { deployment } = trial;
    const node = seed % 2 === 0 ? trial.leader() : trial.follower();
    const failing = deployment.inject({
      kind: "disk",
      nodes: [node],
      fault: { kind: "write-error", probability: 0.5 },
    });
    const values = Array.from({ length: 10 }, (_, index) => `during ${index}`);
    for (const value of values) assert.ok(await trial.append(value, 20_000));
    failing.heal();
    assert.deepEqual(await trial.agreement(), ["before", ...values]);
    // The power goes on all, so that whatever was counted and not stored is missed now.
    const lost = deployment.inject({ kind: "disk", nodes: deployment.nodes, fault: { kind: "lost-sync" } });
    await trial.append("power is lost", 20_000);
    lost.heal();
    assert.ok(await trial.append("after", 20_000));
    const list = await trial.agreement();
    assert.deepEqual(
      list.filter((value) => value !== "power is lost"),
      ["before", ...values, "after"],
    );
    restarted += restarts.length;
  }
  assert.ok(restarted > 24, `${restarted} restarts`);
});

/** How long one write takes, in the median of a few. */
async function writeMs(trial: Trial): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < 9; index++) {
    const fromMs = trial.deployment.clock.nowMs();
    assert.ok(await trial.append(`value ${index}`, 20_000));
    took.push(trial.deployment.clock.nowMs() - fromMs);
  }
  return took.toSorted((one, other) => one - other)[4] ?? 0;
}

test("a slow disk: the leader's alone costs nothing, a majority's costs its own time; neither costs the leader its office", async () => {
  const extraMs = 400;
  const { trial, candidacies } = await begin("slow");
  const leader = trial.leader();
  const quickMs = await writeMs(trial);
  candidacies.length = 0;
  const slow = { kind: "disk", fault: { kind: "slow", extraMs } } as const;
  const alone = trial.deployment.inject({ ...slow, nodes: [leader] });
  const aloneMs = await writeMs(trial);
  assert.ok(aloneMs < 2 * quickMs + 5, `${aloneMs} ms after ${quickMs} ms`);
  const majority = trial.deployment.inject({ ...slow, nodes: [trial.follower()] });
  const majorityMs = await writeMs(trial);
  // The append and the sync of one of the slow two are on the way, and of the one before at most.
  assert.ok(majorityMs >= 2 * extraMs && majorityMs <= 4 * extraMs + quickMs, `${majorityMs} ms`);
  assert.deepEqual([candidacies, trial.leader()], [[], leader]);
  majority.heal();
  alone.heal();
  assert.ok(alone.efficacy().count > 0 && majority.efficacy().count > 0);
  await trial.agreement();
});
