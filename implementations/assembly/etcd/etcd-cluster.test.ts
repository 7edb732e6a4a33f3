/**
 * Goal: etcd behind the driver's door does what the contract says, under faults too; what is injected happens to the
 * links and processes named and to no others; nothing outlives a deployment, however the driver ends.
 * Method: real etcd processes. Where etcd is not installed these tests say so and are skipped; CI installs it.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError, UsageError } from "../../foundation/errors.ts";
import type { Outcome } from "../../foundation/deployment.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusResult } from "../../consensus/contract.ts";
import { waitUntil } from "../../platform/node/wait-until.ts";
import { childrenOf, isRunning } from "../cluster/processes.fixture.ts";
import { Trial } from "../consensus/trial.fixture.ts";
import { etcdConsensus } from "./etcd-implementation.ts";

const available = await etcdConsensus.available();
const skip = available === true ? false : available;
const root = mkdtempSync(path.join(tmpdir(), "grey-etcd-"));
after(() => rmSync(root, { recursive: true, force: true }));

interface Running {
  readonly trial: Trial;
  readonly pids: readonly number[];
  /** Performs `operation` under an identity of the caller's choice. */
  readonly perform: (
    session: number,
    sequence: number,
    operation: ConsensusOperation,
  ) => Promise<Outcome<ConsensusResult>>;
}

/** Runs `work` on three members and stops them; afterwards no process and no data is left. */
async function withEtcd(tls: boolean, work: (running: Running) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(root, "trial-"));
  const before = new Set(childrenOf(process.pid).map(({ pid }) => pid));
  const deployment = await etcdConsensus.deploy({
    substrate: "cluster",
    nodes: 3,
    seed: 1,
    directory,
    settings: { tls },
  });
  const trial = new Trial(deployment);
  const pids = childrenOf(process.pid)
    .map(({ pid }) => pid)
    .filter((pid) => !before.has(pid));
  try {
    await trial.until("there is a leader", () => deployment.leader() !== undefined);
    const perform: Running["perform"] = (session, sequence, operation) =>
      new Promise((resolve) => deployment.invoke({ session, sequence, operation }, 5000, resolve));
    await work({ trial, pids, perform });
  } finally {
    await deployment.stop();
    await deployment.stop(); // Idempotent.
  }
  assert.deepEqual(pids.filter(isRunning), [], "no process is left");
  assert.deepEqual(readdirSync(directory), [], "no data is left");
}

const ok = (result: ConsensusResult): Outcome<ConsensusResult> => ({ kind: "ok", result });
const precondition: Outcome<ConsensusResult> = { kind: "fail", code: "PRECONDITION_FAILED" };
const write = (key: string, value: string): ConsensusOperation => ({ kind: "write", key, value });
const append = (value: string): ConsensusOperation => ({ kind: "append", value });

for (const tls of [false, true]) {
  test(`every operation, once each, with TLS ${tls ? "on" : "off"}`, { skip }, async () => {
    await withEtcd(tls, async ({ trial, pids, perform }) => {
      assert.equal(pids.length, 4, "three members and the links");
      assert.deepEqual(await perform(1, 1, { kind: "read", key: "k" }), ok({ kind: "read", value: null }));
      const swap = { kind: "cas", key: "k", from: null, to: "1" } as const;
      assert.deepEqual(await perform(1, 2, swap), ok({ kind: "cas" }));
      assert.deepEqual(await perform(1, 2, swap), ok({ kind: "cas" }), "a repeated one is answered as the first time");
      assert.deepEqual(await perform(1, 3, swap), precondition);
      assert.deepEqual(await perform(1, 4, write("k", "2")), ok({ kind: "write" }));
      assert.deepEqual(await perform(1, 3, swap), { kind: "info", code: "SESSION_EXPIRED" }, "not done late");
      assert.deepEqual(await perform(2, 1, write("k", "")), ok({ kind: "write" }), "another session's");
      assert.deepEqual(await perform(1, 4, write("k", "2")), ok({ kind: "write" }));
      assert.deepEqual(await perform(1, 5, { kind: "read", key: "k" }), ok({ kind: "read", value: "" }), "done once");
      assert.deepEqual(await perform(1, 6, append("a")), ok({ kind: "append", position: 1 }));
      assert.deepEqual(await perform(2, 2, append("b")), ok({ kind: "append", position: 2 }));
      assert.deepEqual(await perform(1, 6, append("a")), ok({ kind: "append", position: 1 }));
      const largest = "v".repeat(1024 * 1024);
      const fromNothing = await perform(1, 7, { kind: "cas", key: "large", from: largest, to: largest });
      assert.deepEqual(fromNothing, precondition, "the largest request that the contract allows");
      assert.deepEqual(await trial.agreement(), ["a", "b"]);
      const state = await trial.stateOf("n1");
      assert.deepEqual(state, { kind: "state", state: { registers: [["k", ""]], list: ["a", "b"] } });
      assert.deepEqual(await trial.deployment.knock(), tls ? { tried: 3, refused: 3 } : undefined);
      for (const { residentBytes, counters } of await trial.deployment.resources()) {
        assert.ok(!existsSync("/proc/self/status") || (residentBytes ?? 0) > 1024 * 1024);
        assert.ok((counters["node to node bytes"] ?? 0) > 0, "members speak through the links");
      }
    });
  });
}

test("a cut stops one direction of a pair, and every word of it", { skip }, async () => {
  await withEtcd(true, async ({ trial }) => {
    const { deployment } = trial;
    const [leader, follower] = [trial.leader(), trial.follower()];
    const holds = async (value: string): Promise<boolean> => {
      const state = await trial.stateOf(follower);
      return state.kind === "state" && state.state.list.includes(value);
    };
    const deaf = deployment.inject({ kind: "cut", links: [{ from: follower, to: leader }] });
    assert.ok(await trial.append("heard"));
    await trial.until("the follower hears the leader, who does not hear it", () => holds("heard"), 900);
    deaf.heal();
    await trial.until("there is a leader", () => deployment.leader() !== undefined);

    const [now, other] = [trial.leader(), trial.follower()];
    const third = deployment.nodes.find((node) => node !== now && node !== other);
    assert.ok(third !== undefined);
    // The third is silenced too: only the leader could have told.
    const mute = deployment.inject({ kind: "cut", links: [now, third].map((from) => ({ from, to: other })) });
    assert.ok(await trial.append("not heard"));
    const state = await trial.stateOf(other);
    assert.ok(state.kind === "state" && !state.state.list.includes("not heard"));
    mute.heal();
    assert.deepEqual(await trial.agreement(), ["heard", "not heard"]);
    await deployment.resources();
    assert.ok(mute.efficacy().count > 0);
  });
});

test("an isolated leader acknowledges nothing; another is elected, and all agree when healed", { skip }, async () => {
  await withEtcd(true, async ({ trial }) => {
    const { deployment } = trial;
    const leader = trial.leader();
    const others = deployment.nodes.filter((node) => node !== leader);
    const links = others.flatMap((to) => [
      { from: leader, to },
      { from: to, to: leader },
    ]);
    const cut = deployment.inject({ kind: "cut", links });
    await trial.until("another leads", () => ![undefined, leader].includes(deployment.leader()));
    assert.ok(await trial.append("by the others"));
    const alone = await trial.stateOf(leader);
    assert.ok(alone.kind === "state" && alone.state.list.length === 0);
    cut.heal();
    assert.deepEqual(await trial.agreement(), ["by the others"]);
  });
});

test("members that are killed, stopped, and paused come back with everything acknowledged", { skip }, async () => {
  await withEtcd(false, async ({ trial }) => {
    const { deployment } = trial;
    // By term: members are asked one by one, so a leader can be heard of after its successor.
    const leaders = new Map<number, Set<NodeId>>();
    deployment.observe(({ node, event }) => {
      if (event.kind !== "role" || event.role !== "leader") return;
      leaders.set(event.term, (leaders.get(event.term) ?? new Set()).add(node));
    });
    assert.ok(await trial.append("0"));
    const killed = deployment.inject({ kind: "kill", nodes: [trial.leader()] });
    assert.ok(await trial.append("1", 10_000));
    killed.heal();
    assert.equal(killed.efficacy().count, 1);
    assert.deepEqual(await trial.agreement(), ["0", "1"]);
    const all = deployment.inject({ kind: "kill", nodes: deployment.nodes });
    all.heal();
    assert.ok(await trial.append("2", 10_000));
    await trial.until("there is a leader", () => deployment.leader() !== undefined);
    const restarted = deployment.inject({ kind: "graceful-restart", nodes: [trial.follower()] });
    restarted.heal();
    const paused = deployment.inject({ kind: "pause", nodes: [trial.follower()] });
    assert.ok(await trial.append("3", 10_000));
    paused.heal();
    assert.ok(paused.efficacy().count > 0);
    assert.deepEqual(await trial.agreement(), ["0", "1", "2", "3"]);
    assert.ok(leaders.size >= 2, "leaders were lost, and others elected");
    assert.ok(
      [...leaders.values()].every(({ size }) => size === 1),
      "each in a term of its own",
    );
  });
});

test("a member that somebody kills is told as what it is, with id and signal", { skip }, async () => {
  await withEtcd(false, async ({ trial }) => {
    const [victim] = childrenOf(process.pid, "--name=n2");
    assert.ok(victim !== undefined);
    const running = trial.pass(20_000);
    process.kill(victim.pid, "SIGKILL");
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.match(error.message, new RegExp(`n2 \\(pid ${victim.pid}\\).*SIGKILL`));
      return true;
    });
  });
});

test("when the driver is killed no etcd is left, though one is stopped", { skip }, async () => {
  const directory = mkdtempSync(path.join(root, "driver-"));
  const driver = spawn(process.execPath, ["--input-type=module-typescript", "--eval", driverSource(directory)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(driver.stdout, "data");
    assert.ok(driver.pid !== undefined);
    const started = childrenOf(driver.pid);
    assert.equal(started.length, 4);
    const stopped = started.find(({ command }) => command.includes("--name=n1"));
    assert.ok(stopped !== undefined);
    process.kill(stopped.pid, "SIGSTOP");
    driver.kill("SIGKILL");
    await waitUntil("all are gone", () => started.every(({ pid }) => !isRunning(pid)));
  } finally {
    driver.kill("SIGKILL");
  }
});

test("what cannot be done is refused before anything is started", async () => {
  const directory = path.join(root, "refused");
  const deploy = (options: object) =>
    etcdConsensus.deploy({ substrate: "cluster", nodes: 3, seed: 1, directory, ...options });
  const rows: readonly (readonly [object, RegExp])[] = [
    [{ settings: { tls: "yes" } }, /tls "yes".*true and false/],
    [{ settings: { electionTimeoutMs: -1 } }, /electionTimeoutMs -1.*\[10, 50000\]/],
    [{ settings: { heartbeatIntervalMs: 300 } }, /heartbeatIntervalMs 300.*a fifth/],
    [{ settings: { sessions: false }, repeats: true }, /sessions false.*repeats/],
    [{ substrate: "simulated" }, /simulator/],
  ];
  for (const [options, message] of rows) {
    await assert.rejects(deploy(options), (error) => error instanceof UsageError && message.test(error.message));
  }
  assert.equal(existsSync(directory), false);
});

test("where it is not installed it says in one line what to install, and does not deploy", async () => {
  const before = process.env["GREY_ETCD"];
  process.env["GREY_ETCD"] = path.join(root, "no-such-file");
  try {
    const answer = await etcdConsensus.available();
    assert.ok(answer !== true);
    assert.match(answer, /^etcd is not installed: run `npm run peers`.*etcd-server.*GREY_ETCD$/);
    const directory = path.join(root, "missing");
    await assert.rejects(etcdConsensus.deploy({ substrate: "cluster", nodes: 3, seed: 1, directory }), UsageError);
  } finally {
    if (before === undefined) delete process.env["GREY_ETCD"];
    else process.env["GREY_ETCD"] = before;
  }
});

test("a binary that is no etcd is told with its last words, and nothing is left running", async () => {
  const before = process.env["GREY_ETCD"];
  process.env["GREY_ETCD"] = process.execPath;
  try {
    const deploying = etcdConsensus.deploy({
      substrate: "cluster",
      nodes: 1,
      seed: 1,
      directory: path.join(root, "node"),
    });
    await assert.rejects(deploying, (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.match(error.message, /^Cannot start etcd n1: .*ended with exit code 9.*bad option/);
      return true;
    });
  } finally {
    if (before === undefined) delete process.env["GREY_ETCD"];
    else process.env["GREY_ETCD"] = before;
  }
});

/** Deploys, says so, and waits to be killed. */
function driverSource(directory: string): string {
  const implementationUrl = new URL("etcd-implementation.ts", import.meta.url).href;
  return `
    import { etcdConsensus } from ${JSON.stringify(implementationUrl)};
    const deployment = await etcdConsensus.deploy({
      substrate: "cluster", nodes: 3, seed: 1, directory: ${JSON.stringify(directory)},
    });
    process.stdout.write("deployed");
    await deployment.run(1e6, () => undefined);
  `;
}
