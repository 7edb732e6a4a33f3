/**
 * Goal: a deployment of real processes serves, does what it is asked to, tells when somebody else ended a part of it,
 * and leaves nothing behind, however the driver ends.
 * Method: real processes, sockets and disks; ends are seen in the system's list of processes, by id.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError, UsageError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import { waitUntil } from "../../platform/node/wait-until.ts";
import { implementations, Trial } from "../consensus/trial.fixture.ts";
import { childrenOf, isRunning } from "./processes.fixture.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-cluster-"));
after(() => rmSync(root, { recursive: true, force: true }));

type Name = keyof typeof implementations;

interface Running {
  readonly trial: Trial;
  readonly directory: string;
  /** Ids of the processes that were started, the links process among them. */
  readonly pids: readonly number[];
  readonly linksPid: number;
}

/** Runs `work` on a cluster of three and stops it; afterwards none of its processes is left. */
async function withCluster(name: Name, work: (running: Running) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(root, `${name}-`));
  const before = new Set(childrenOf(process.pid).map(({ pid }) => pid));
  const trial = await Trial.begin({ implementation: implementations[name], substrate: "cluster", directory });
  let pids: readonly number[] = [];
  try {
    const started = childrenOf(process.pid).filter(({ pid }) => !before.has(pid));
    pids = started.map(({ pid }) => pid);
    const linksPid = started.find(({ command }) => command.includes("links-process.ts"))?.pid;
    assert.ok(linksPid !== undefined, "the links process is a child of the driver");
    await work({ trial, directory, pids, linksPid });
  } finally {
    await trial.deployment.stop();
    await trial.deployment.stop(); // Idempotent.
  }
  await waitUntil("no process is left", () => childrenOf(process.pid, "-process.ts").length === 0);
  assert.deepEqual(pids.filter(isRunning), []);
  assert.deepEqual(readdirSync(directory), [], "no data is left");
}

const append = (index: number): { readonly kind: "append"; readonly value: string } => ({
  kind: "append",
  value: `value ${index}`,
});

test("production: one process per node serves, keeps strangers out, loses power and comes back, waits at moments", async () => {
  await withCluster("production", async ({ trial, pids }) => {
    const { deployment } = trial;
    assert.equal(pids.length, 4, "three nodes and the links");
    assert.deepEqual(await trial.invoke({ kind: "write", key: "k", value: "1" }), {
      kind: "ok",
      result: { kind: "write" },
    });
    assert.deepEqual(await trial.invoke({ kind: "cas", key: "k", from: "2", to: "3" }), {
      kind: "fail",
      code: "PRECONDITION_FAILED",
    });
    assert.deepEqual(await trial.invoke({ kind: "read", key: "k" }), {
      kind: "ok",
      result: { kind: "read", value: "1" },
    });
    assert.deepEqual(await trial.invoke(append(0)), { kind: "ok", result: { kind: "append", position: 1 } });

    assert.deepEqual(await deployment.knock(), { tried: 3, refused: 3 });

    const starts: NodeId[] = [];
    deployment.observe(({ node, event }) => {
      if (event.kind === "start" && event.life > 1) starts.push(node);
    });
    const [leader, follower] = [trial.leader(), trial.follower()];
    const counters = (await deployment.resources()).find(({ node }) => node === follower)?.counters ?? {};
    const syncs = counters["disk thread syncs"] ?? counters["syncs"] ?? 0;
    const reached = new Set<string>();
    deployment.at({ kind: "sync", node: follower, count: syncs + 20 }, () => reached.add("sync"));
    // From each, for on a busy machine another may lead by then.
    for (const from of deployment.nodes) {
      const to = from === follower ? leader : follower;
      const moment = { kind: "message", message: "AppendEntries", from, to, count: 2, inTerm: true } as const;
      deployment.at(moment, () => reached.add("message"));
    }
    for (let index = 1; reached.size < 2; index++) assert.ok(await trial.append(`value ${index}`));

    const lost = deployment.inject({ kind: "disk", nodes: [follower], fault: { kind: "lost-sync" } });
    await trial.until("it lost power and was restarted", async () => {
      assert.ok(await trial.append("more"));
      return starts.includes(follower);
    });
    lost.heal();
    assert.equal(lost.efficacy().count, 1);

    const killed = deployment.inject({ kind: "kill", nodes: [leader] });
    assert.ok(await trial.append("during"));
    killed.heal();
    await waitUntil("its next life begins", () => childrenOf(process.pid, "production-process.ts").length === 3);
    const asked = deployment.states();
    const served = (async (): Promise<string> => {
      await waitUntil("it takes part again", () => starts.includes(leader));
      for (let index = 0; index < 200; index++) assert.ok(await trial.append("meanwhile"));
      return "served";
    })();
    assert.notEqual(await Promise.race([asked, served]), "served", "asked while it starts it answers at once");
    await served;
    assert.ok((await trial.agreement()).includes("during"));
  });
});

test("production: a node joins as a process of its own, the leader is replaced, and who left is gone with its data", async () => {
  await withCluster("production", async ({ trial, directory }) => {
    const { deployment } = trial;
    assert.ok(await trial.append("before"));
    const leader = trial.leader();
    const replaced = deployment.inject({ kind: "membership", change: "replace", nodes: [leader] });
    await trial.until("the leader is replaced", () => replaced.efficacy().count === 1);
    assert.equal(deployment.nodes.includes(leader), false);
    assert.ok(await trial.append("after"));
    assert.deepEqual(await trial.agreement(), ["before", "after"]);
    await trial.until("its data is gone", () => !existsSync(path.join(directory, leader)));
    const started = childrenOf(process.pid, "production-process.ts").length;
    assert.equal(started, 3, "three members, three processes");
    const handedOver = deployment.inject({ kind: "membership", change: "transfer", nodes: [] });
    await trial.until("the office is handed over", () => handedOver.efficacy().count === 1);
    assert.ok(await trial.append("with another leader"));
    // A change that nobody can make any more must not keep the driver waiting at the end.
    deployment.inject({ kind: "kill", nodes: deployment.nodes });
    deployment.inject({ kind: "membership", change: "add", nodes: [] });
  });
});

test("production: a full disk stops a process from acknowledging, not from running; a write waits for room on a majority", async () => {
  await withCluster("production", async ({ trial, pids }) => {
    const { deployment } = trial;
    const starts: NodeId[] = [];
    deployment.observe(({ node, event }) => {
      if (event.kind === "start" && event.life > 1) starts.push(node);
    });
    assert.ok(await trial.append("before"));
    const leader = trial.leader();
    const one = deployment.inject({ kind: "disk", nodes: [leader], fault: { kind: "full" } });
    assert.ok(await trial.append("led by another"));
    await trial.until("another leads", () => deployment.leader() !== leader);
    const all = deployment.inject({ kind: "disk", nodes: deployment.nodes, fault: { kind: "full" } });
    assert.equal(await trial.append("waits", 1000), false);
    one.heal();
    all.heal();
    assert.ok(await trial.append("after"));
    const list = await trial.agreement();
    assert.deepEqual(
      list.filter((value) => value !== "waits"),
      ["before", "led by another", "after"],
    );
    assert.deepEqual(starts, []);
    assert.ok(pids.every(isRunning));
  });
});

test("minimal: all nodes in one process serve; killed together they begin anew; moments are refused", async () => {
  await withCluster("minimal", async ({ trial, pids }) => {
    const { deployment } = trial;
    assert.equal(pids.length, 2, "the nodes and the links");
    assert.deepEqual(await trial.invoke(append(0)), { kind: "ok", result: { kind: "append", position: 1 } });
    const one = deployment.inject({ kind: "kill", nodes: [trial.leader()] });
    assert.deepEqual(await trial.invoke(append(1)), { kind: "ok", result: { kind: "append", position: 2 } });
    one.heal();
    // A new leader commits what the old one left only with an entry of its own: minimal has no no-op.
    assert.deepEqual(await trial.invoke(append(2)), { kind: "ok", result: { kind: "append", position: 3 } });
    assert.deepEqual(await trial.agreement(), ["value 0", "value 1", "value 2"]);
    const all = deployment.inject({ kind: "kill", nodes: deployment.nodes });
    all.heal();
    assert.ok(await trial.append("after"));
    assert.deepEqual(await trial.agreement(), ["after"]);
    assert.throws(() => deployment.at({ kind: "sync", node: "n1", count: 1 }, () => undefined), UsageError);
  });
});

test("a node that somebody kills is told as what it is, with id and signal", async () => {
  await withCluster("production", async ({ trial, pids, linksPid }) => {
    const victim = pids.find((pid) => pid !== linksPid);
    assert.ok(victim !== undefined);
    const running = trial.pass(20_000);
    process.kill(victim, "SIGKILL");
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.match(error.message, new RegExp(`pid ${victim}\\b.*SIGKILL`));
      return true;
    });
    await assert.rejects(trial.pass(1), HarnessError, "it stays void");
  });
});

test("a links process that somebody kills is told too", async () => {
  await withCluster("production", async ({ trial, linksPid }) => {
    const running = trial.pass(20_000);
    process.kill(linksPid, "SIGKILL");
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.match(error.message, /links process.*SIGKILL/);
      return true;
    });
  });
});

test("when the driver is killed nothing is left, though a node is stopped", async () => {
  const directory = mkdtempSync(path.join(root, "driver-"));
  const driver = spawn(process.execPath, ["--input-type=module-typescript", "--eval", driverSource(directory)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [chunk] = (await once(driver.stdout, "data")) as [Buffer];
    assert.equal(chunk.toString(), "deployed");
    assert.ok(driver.pid !== undefined);
    const started = childrenOf(driver.pid);
    assert.equal(started.length, 4);
    const stopped = started.find(({ command }) => command.includes("production-process.ts"));
    assert.ok(stopped !== undefined);
    process.kill(stopped.pid, "SIGSTOP");
    driver.kill("SIGKILL");
    await waitUntil("all are gone", () => started.every(({ pid }) => !isRunning(pid)));
  } finally {
    driver.kill("SIGKILL");
  }
});

test("settings out of range are refused before anything is started", async () => {
  for (const [name, implementation] of Object.entries(implementations)) {
    const directory = path.join(root, `refused-${name}`);
    const refused = implementation.deploy({ ...options, directory, settings: { electionTimeoutMs: -1 } });
    await assert.rejects(
      refused,
      (error) => error instanceof UsageError && error.message.includes("electionTimeoutMs"),
    );
    assert.equal(existsSync(directory), false);
  }
});

test("a cluster whose directory cannot be had says so and leaves nothing running", async () => {
  const file = path.join(root, "file");
  writeFileSync(file, "");
  for (const directory of [file, path.join(file, "inside")]) {
    await assert.rejects(implementations.production.deploy({ ...options, directory }), (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.ok(error.message.startsWith(`Cannot start a cluster in ${directory}: `), error.message);
      return true;
    });
  }
  assert.deepEqual(childrenOf(process.pid, "-process.ts"), []);
});

const options = { substrate: "cluster", nodes: 3, seed: 1 } as const;

/** Deploys, says so, and waits to be killed. */
function driverSource(directory: string): string {
  const implementationsUrl = new URL("../consensus/implementations.ts", import.meta.url).href;
  return `
    import { productionConsensus } from ${JSON.stringify(implementationsUrl)};
    const deployment = await productionConsensus.deploy({
      substrate: "cluster", nodes: 3, seed: 1, directory: ${JSON.stringify(directory)},
    });
    process.stdout.write("deployed");
    await deployment.run(1e6, () => undefined);
  `;
}
