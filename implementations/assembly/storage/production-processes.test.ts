/**
 * Goal: in real processes a store's members come and go, and come back without their disks or with damaged ones; and
 * what its engine can be subjected to happens to it.
 * Method: one cluster after the other, driven by hand; each waits for what it wants to see.
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { DeployOptions } from "../../foundation/deployment.ts";
import type { DiskFault } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { postgresqlProgram } from "../../platform/node/postgresql-server.ts";
import { productionStorage } from "./implementations.ts";
import { StorageTrial } from "./storage-trial.fixture.ts";

const keys = Array.from({ length: 10 }, (_, index) => `key ${index}`);

/** The stable topology that each node follows, as its trace tells; of a node that is down none. */
const followed = new Map<NodeId, number>();

async function inProcesses(
  settings: NonNullable<DeployOptions["settings"]>,
  work: (trial: StorageTrial, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "grey-store-"));
  const trial = await StorageTrial.begin(productionStorage, {
    substrate: "cluster",
    directory,
    settings: { antiEntropyIntervalMs: 200, ...settings },
  });
  followed.clear();
  trial.deployment.observe(({ node, event }) => {
    if (event.kind === "stop") followed.delete(node);
    if (event.kind === "topology") followed.set(node, event.isChanging ? 0 : event.epoch);
  });
  try {
    await work(trial, directory);
  } finally {
    await trial.deployment.stop();
    await rm(directory, { recursive: true, force: true });
  }
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

test("members are replaced, lose their disks, and come back", async () => {
  await inProcesses({}, async (trial) => {
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

test("a bit that flips in closed files is noticed, or harms nothing; the node comes back either way", async () => {
  await inProcesses({}, async (trial, directory) => {
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
});

const isInstalled = findExecutable(postgresqlProgram) !== undefined;

test("on PostgreSQL a node that lost its database is taken in again", { skip: !isInstalled }, async () => {
  await inProcesses({ engine: "postgresql" }, async (trial) => {
    await write(trial, "before");
    const wipe = trial.deployment.inject({ kind: "wipe", nodes: ["n1"] });
    followed.delete("n1");
    wipe.heal();
    await holdAll(trial, "before");
  });
});

for (const engine of ["rocksdb", "simulated", "postgresql"] as const) {
  const skip = engine === "postgresql" && !isInstalled;
  test(`on ${engine}, a node whose disk refuses, is full or slow holds nobody up`, { skip }, async () => {
    await inProcesses({ engine }, async (trial) => {
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
  });
}
