/**
 * Goal: a simulated deployment is the doing of its seed and of nothing else, and what happens to its nodes is what the
 * fault says: memory and promises are kept or lost as the implementation documents.
 * Method: both implementations, driven by hand in virtual time; the real world is taken away while they run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import type { Fault } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { answering, takenAway, withoutRealWorld } from "../no-real-world.fixture.ts";
import { implementations, Trial } from "./trial.fixture.ts";

const names = ["minimal", "production"] as const;
type Name = (typeof names)[number];

const begin = (name: Name, seed?: string, nodes = 3): Promise<Trial> =>
  Trial.begin({ implementation: implementations[name], nodes, ...(seed === undefined ? {} : { seed }) });

/** Some of everything: writes, a crash, a partition, a pause, a lossy network. @returns the hash of what happened. */
async function eventfulLife(name: Name, seed: string): Promise<string> {
  const trial = await begin(name, seed);
  const { deployment } = trial;
  for (let round = 0; round < 3; round++) {
    const leader = trial.leader();
    const links = deployment.nodes.filter((node) => node !== leader).map((to) => ({ from: leader, to }));
    const faults: Fault[] = [
      { kind: "kill", nodes: [leader] },
      { kind: "cut", links },
      { kind: "packet", links, fault: { kind: "loss", probability: 0.3 } },
    ];
    await trial.append(`before ${round}`);
    const handle = deployment.inject(faults[round] ?? { kind: "pause", nodes: [leader] });
    await trial.append(`during ${round}`);
    handle.heal();
    await trial.append(`after ${round}`);
  }
  await trial.agreement();
  await deployment.stop();
  const hash = deployment.traceHash();
  assert.match(hash ?? "", /^[0-9a-f]{16}$/);
  return hash ?? "";
}

for (const name of names) {
  test(`${name}: the same seed is the same run, to the last message; another seed is another`, async () => {
    const first = await eventfulLife(name, "seed 1");
    assert.equal(await eventfulLife(name, "seed 1"), first);
    assert.notEqual(await eventfulLife(name, "seed 2"), first);
  });

  test(`${name}: real clocks, timers, randomness, disks and sockets cannot slip in`, async () => {
    const open = await eventfulLife(name, "sealed");
    const sealed = await withoutRealWorld(() => eventfulLife(name, "sealed"));
    assert.equal(sealed, open);
  });

  for (const [what, hit] of [
    ["a follower", (trial: Trial): NodeId => trial.follower()],
    ["the leader", (trial: Trial): NodeId => trial.leader()],
  ] as const) {
    for (const kind of ["kill", "graceful-restart", "pause", "cut"] as const) {
      test(`${name}: with ${what} under ${kind} the others go on; healed, it has what they have`, async () => {
        const trial = await begin(name);
        const { deployment } = trial;
        assert.ok(await trial.append("before"));
        const node = hit(trial);
        const rest = deployment.nodes.filter((each) => each !== node);
        const links = rest.flatMap((other) => [
          { from: node, to: other },
          { from: other, to: node },
        ]);
        const handle = deployment.inject(kind === "cut" ? { kind, links } : { kind, nodes: [node] });
        assert.ok(await trial.append("during"));
        assert.deepEqual(await trial.agreement(rest), ["before", "during"]);
        if (kind === "cut") assert.notDeepEqual(await listOf(trial, node), ["before", "during"]);
        handle.heal();
        handle.heal();
        assert.ok(await trial.append("after"));
        assert.deepEqual(await trial.agreement(), ["before", "during", "after"]);
        assert.ok(handle.efficacy().count > 0, "the fault did something");
      });
    }
  }

  test(`${name}: without a majority nothing is acknowledged; with one again, service resumes`, async () => {
    const trial = await begin(name);
    assert.ok(await trial.append("before"));
    const handle = trial.deployment.inject({ kind: "pause", nodes: trial.deployment.nodes.slice(0, 2) });
    assert.equal(await trial.append("during", 2000), false);
    handle.heal();
    assert.ok(await trial.append("after"));
    const list = await trial.agreement();
    assert.deepEqual([list[0], list.at(-1)], ["before", "after"]);
  });

  test(`${name}: seven nodes survive the loss of three`, async () => {
    const trial = await begin(name, "seven", 7);
    assert.ok(await trial.append("before"));
    const handle = trial.deployment.inject({ kind: "kill", nodes: ["n1", "n4", "n6"] });
    assert.ok(await trial.append("during"));
    handle.heal();
    assert.deepEqual(await trial.agreement(), ["before", "during"]);
  });
}

test("what is taken away does throw, also to named imports, and is given back", async () => {
  assert.deepEqual(await withoutRealWorld(answering), []);
  assert.ok(takenAway.length > 25);
  await assert.rejects(
    withoutRealWorld(() => Date.now()),
    /Date/,
  );
  assert.ok(Date.now() > 0 && Math.random() < 1);
});

test("minimal keeps its log in memory: killed all together it begins anew; production goes on where it was", async () => {
  for (const name of names) {
    const trial = await begin(name);
    for (const value of ["a", "b", "c"]) assert.ok(await trial.append(value));
    const handle = trial.deployment.inject({ kind: "kill", nodes: trial.deployment.nodes });
    await trial.pass(500);
    assert.deepEqual(await trial.stateOf("n1"), { kind: "out-of-service", reason: "n1 is down" });
    handle.heal();
    assert.ok(await trial.append("d"));
    assert.deepEqual(await trial.agreement(), name === "minimal" ? ["d"] : ["a", "b", "c", "d"]);
  }
});

test("a production node whose disk was lost stays out of service and says why; the others serve", async () => {
  const trial = await begin("production");
  assert.ok(await trial.append("before"));
  const node = trial.follower();
  const rest = trial.deployment.nodes.filter((each) => each !== node);
  const handle = trial.deployment.inject({ kind: "wipe", nodes: [node] });
  await trial.pass(200);
  handle.heal();
  assert.ok(await trial.append("after"));
  assert.deepEqual(await trial.agreement(rest), ["before", "after"]);
  const state = await trial.stateOf(node);
  assert.ok(state.kind === "out-of-service");
  assert.doesNotMatch(state.reason, /is down$/);
  assert.match(state.reason, /lost|empty|disk/i);
});

test("a production node with damage in the middle of its log stays out of service and names file and place", async () => {
  const trial = await begin("production");
  for (let index = 0; index < 20; index++) assert.ok(await trial.append(`value ${index}`));
  const node = trial.follower();
  const damage = trial.deployment.inject({ kind: "disk", nodes: [node], fault: { kind: "bit-flip" } });
  const restart = trial.deployment.inject({ kind: "kill", nodes: [node] });
  await trial.pass(50);
  damage.heal();
  restart.heal();
  const rest = trial.deployment.nodes.filter((each) => each !== node);
  assert.ok(await trial.append("after"));
  assert.equal((await trial.agreement(rest)).length, 21);
  const state = await trial.stateOf(node);
  assert.ok(state.kind === "out-of-service", "it does not vote on a log it cannot read");
  assert.match(state.reason, /offset|byte/i);
});

test("a production node that loses power keeps what it acknowledged, and is restarted", async () => {
  const trial = await begin("production");
  const starts: NodeId[] = [];
  trial.deployment.observe(({ node, event }) => {
    if (event.kind === "start" && event.life > 1) starts.push(node);
  });
  assert.ok(await trial.append("before"));
  const leader = trial.leader();
  const handle = trial.deployment.inject({ kind: "disk", nodes: [leader], fault: { kind: "lost-sync" } });
  assert.ok(await trial.append("during"));
  handle.heal();
  await trial.until("it was restarted", () => starts.includes(leader));
  assert.deepEqual(await trial.agreement(), ["before", "during"]);
});

test("moments hold: before the 10th sync, and the 9th AppendEntries of a term", async () => {
  const trial = await begin("production");
  const { deployment } = trial;
  assert.ok(await trial.append("before"));
  const [leader, follower] = [trial.leader(), trial.follower()];
  const reached: string[] = [];
  const handles: { heal: () => void }[] = [];
  deployment.at({ kind: "sync", node: follower, count: 10 }, () => reached.push("sync"));
  const message = {
    kind: "message",
    message: "AppendEntries",
    from: leader,
    to: follower,
    count: 9,
    inTerm: true,
  } as const;
  deployment.at(message, () => {
    reached.push("message");
    handles.push(deployment.inject({ kind: "kill", nodes: [leader] }));
  });
  const values = Array.from({ length: 12 }, (_, index) => `value ${index}`);
  for (const value of values) assert.ok(await trial.append(value));
  await trial.until("both were reached", () => reached.length === 2);
  assert.deepEqual(reached.toSorted(), ["message", "sync"]);
  for (const handle of handles) handle.heal();
  const list = await trial.agreement();
  assert.deepEqual(list, ["before", ...values]);
});

test("what an implementation does not have is refused, not passed over", async () => {
  const trial = await begin("minimal");
  const { deployment } = trial;
  assert.throws(() => deployment.inject({ kind: "disk", nodes: ["n1"], fault: { kind: "full" } }), UsageError);
  assert.throws(() => deployment.at({ kind: "sync", node: "n1", count: 1 }, () => undefined), UsageError);
  for (const implementation of Object.values(implementations)) {
    const options = { substrate: "simulated", nodes: 3, seed: 1, directory: "/nowhere" } as const;
    await assert.rejects(implementation.deploy({ ...options, settings: { electionTimeoutMs: -1 } }), UsageError);
  }
});

test("a run lasts as long as it was told in virtual time, and not longer in real time", async () => {
  const trial = await begin("production");
  const { clock } = trial.deployment;
  const before = clock.nowMs();
  await trial.pass(60_000);
  assert.equal(clock.nowMs() - before, 60_000);
});

async function listOf(trial: Trial, node: NodeId): Promise<readonly string[] | undefined> {
  const state = await trial.stateOf(node);
  return state.kind === "state" ? state.state.list : undefined;
}
