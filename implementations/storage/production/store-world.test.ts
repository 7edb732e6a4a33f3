/**
 * Goal: at majority the operations on a key are linearizable together, and a failure is what it says, whatever crashes,
 * cuts and losses happen (Rystsov 2018, section 3). Method: random clients on few keys, random faults, hundreds of
 * seeds; every key's history is judged by itself.
 */

import { test } from "node:test";
import assert from "node:assert/strict";
import type { StorageState } from "../contract.ts";
import { judgeKey } from "./key-history.fixture.ts";
import type { HistoryEntry } from "./key-history.fixture.ts";
import { StoreWorld } from "./store-world.fixture.ts";
import { disturb, runClients } from "./load.fixture.ts";

const seeds = 100;

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
  const settings = seed % 2 === 0 ? { tombstoneGraceMs: 30, antiEntropyIntervalMs: 60 } : {};
  const world = new StoreWorld({ seed, settings });
  const load = runClients(world, { clients: 5, keys: 2, operations: 24, levels: ["majority", "majority", "all"] });
  disturb(world, 1500);
  world.runFor(2500);
  load.readAll();
  world.runFor(3000);
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
