/**
 * Goal: at majority the operations on a key are linearizable together, and a failure is what it says, whatever crashes,
 * cuts and losses happen (Rystsov 2018, section 3). Method: random clients on few keys, random faults, hundreds of
 * seeds; every key's history is judged by itself.
 */

import { test } from "node:test";
import assert from "node:assert/strict";
import { judgeKey } from "./key-history.fixture.ts";
import { StoreWorld } from "./store-world.fixture.ts";
import { disturb, runClients } from "./load.fixture.ts";

const seeds = 150;

test("histories at majority are linearizable under crashes, cuts, losses and duelling coordinators", () => {
  let ended = 0;
  let writes = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const world = new StoreWorld({ seed });
    const label = `seed ${seed}`;
    try {
      const load = runClients(world, { clients: 5, keys: 2, operations: 24, levels: ["majority"] });
      disturb(world, 1500);
      world.runFor(2500);
      load.readAll();
      world.runFor(3000);
      for (const [key, history] of world.histories) {
        judgeKey(key, history);
        ended += history.filter(({ reply }) => reply?.kind === "ok").length;
        writes += history.filter(({ reply, operation }) => reply?.kind === "ok" && operation.kind !== "get").length;
      }
      assert.equal(load.unread, 0, "a healed store answers");
    } catch (error) {
      throw new Error(`${label}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  assert.ok(ended > seeds * 50 && writes > seeds * 20, `enough went through: ${ended}, of them ${writes} writes`);
});
