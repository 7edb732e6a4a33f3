/**
 * Goal: in real processes a store's members come and go, and come back without their disks or with damaged ones; and
 * what its engine can be subjected to happens to it.
 * Method: one cluster for each engine, driven by hand; each test waits for what it wants to see.
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { DiskFault } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { postgresqlProgram } from "../../platform/node/postgresql-server.ts";
import { productionStorage } from "./implementations.ts";
import { StorageTrial } from "./storage-trial.fixture.ts";

const keys = Array.from({ length: 10 }, (_, index) => `key ${index}`);

/** The stable topology that each node follows, as its trace tells; of a node that is down none. */
const followed = new Map<NodeId, number>();

interface Running {
  readonly trial: StorageTrial;
  readonly directory: string;
}

/** One cluster for the tests of a group, since it takes its time to start: each leaves it whole. */
function cluster(engine: "rocksdb" | "simulated" | "postgresql"): () => Running {
  let running: Running | undefined;
  before(async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "grey-store-"));
    const settings = { antiEntropyIntervalMs: 200, engine };
    const trial = await StorageTrial.begin(productionStorage, { substrate: "cluster", directory, settings });
    running = { trial, directory };
    followed.clear();
    trial.deployment.observe(({ node, event }) => {
      if (event.kind === "stop") followed.delete(node);
      if (event.kind === "topology") followed.set(node, event.isChanging ? 0 : event.epoch);
    });
  });
  after(async () => {
    if (running === undefined) return;
    await running.trial.deployment.stop();
    await rm(running.directory, { recursive: true, force: true });
  });
  return () => {
    assert.ok(running !== undefined);
    return running;
  };
}

async function write(trial: StorageTrial, value: string): Promise<void> {
  for (const key of keys) {
    await trial.until(`${key} is written`, async () => (await trial.put(key, value)).kind === "ok");
  }
}

/** Waits until each node serves and holds every key. Nodes that are starting are not asked: they answer late. */
async function holdAll(trial: StorageTrial, value: string): Promise<void> {
  await trial.until("all hold everything", async () => {
    const { nodes } = trial.deployment;
    const epochs = new Set(nodes.map((node) => followed.get(node) ?? 0));
    if (epochs.size > 1 || epochs.has(0)) return false;
    const states = await trial.deployment.states();
    return nodes.every((node) => {
      const state = states.get(node);
      if (state?.kind !== "state" || state.state.copies !== 3) return false;
      return keys.every((key) => state.state.entries.some(([name, held]) => name === key && held === value));
    });
  });
}

function testRefusingDisk(running: () => Running): void {
  test("a node whose disk refuses, is full or slow holds nobody up", async () => {
    const { trial } = running();
    const faults: readonly DiskFault[] = [
      { kind: "write-error", probability: 1 },
      { kind: "full" },
      { kind: "slow", extraMs: 20 },
      { kind: "read-error", probability: 1 },
    ];
    await write(trial, "before");
    for (const fault of faults) {
      const handle = trial.deployment.inject({ kind: "disk", nodes: ["n2"], fault });
      // What is in memory is not read.
      if (fault.kind !== "read-error") await write(trial, fault.kind);
      else await trial.pass(50);
      handle.heal();
      if (fault.kind !== "read-error") await holdAll(trial, fault.kind);
    }
  });
}

describe("on RocksDB", () => {
  const running = cluster("rocksdb");
  testRefusingDisk(running);

  test("a bit that flips in closed files is noticed, or harms nothing; the node comes back either way", async () => {
    const { trial, directory } = running();
    await write(trial, "x".repeat(1000));
    let damaged = 0;
    trial.deployment.observe(({ event }) => {
      if (event.kind === "damage") damaged++;
    });
    for (let round = 0; round < 6 && damaged === 0; round++) {
      const flip = trial.deployment.inject({ kind: "disk", nodes: ["n3"], fault: { kind: "bit-flip" } });
      await trial.until("a bit is flipped", () => flip.efficacy().count === 1);
      followed.delete("n3");
      flip.heal();
      await holdAll(trial, "x".repeat(1000));
    }
    assert.ok(damaged > 0, "of several bits one mattered");
    const kept = (await readdir(path.join(directory, "n3"))).filter((name) => name.startsWith("records-damaged"));
    assert.equal(kept.length, 1, "for whoever wants to look");
  });

  test("members are replaced, lose their disks, and come back", async () => {
    const { trial } = running();
    await write(trial, "before");
    const wipe = trial.deployment.inject({ kind: "wipe", nodes: ["n1"] });
    assert.equal(await trial.get("key 1"), "before");
    followed.delete("n1");
    wipe.heal();
    await holdAll(trial, "before");
    const replace = trial.deployment.inject({ kind: "membership", change: "replace", nodes: ["n2"] });
    await trial.until("n2 is replaced", () => replace.efficacy().count === 1);
    assert.deepEqual(trial.deployment.nodes, ["n1", "n3", "n4"]);
    await holdAll(trial, "before");
    const [first] = await trial.deployment.resources();
    const { counters } = first ?? {};
    assert.ok(counters?.["operations answered"] !== undefined && counters["device bytes written"] !== undefined);
  });
});

describe("on the simulated engine", () => testRefusingDisk(cluster("simulated")));

const skip = findExecutable(postgresqlProgram) === undefined;

describe("on PostgreSQL", { skip }, () => {
  const running = cluster("postgresql");
  testRefusingDisk(running);

  test("a node that lost its database is taken in again", async () => {
    const { trial } = running();
    await write(trial, "before");
    const wipe = trial.deployment.inject({ kind: "wipe", nodes: ["n1"] });
    followed.delete("n1");
    wipe.heal();
    await holdAll(trial, "before");
  });
});
