/**
 * Goal: the sweep that the safety claims rest on finds nothing where there is nothing. Method: production as it is goes
 * through a number of seeds. That a sweep finds bugs is shown with mutants (`repro/mutants/`).
 */

import assert from "node:assert/strict";
import test from "node:test";
import { everyFault } from "../fault-sets.ts";
import { worstOf } from "../../../harness/check/verdict.ts";
import { implementationOf } from "../../../harness/rooms/rooms.ts";
import { runBlock } from "../../../harness/run-block.ts";
import { sweepPlan } from "../../../harness/rooms/consensus/sweep-plan.ts";

const soundSeeds = 12;

test(`production is valid on ${soundSeeds} seeds`, async () => {
  for (let seed = 0; seed < soundSeeds; seed++) {
    const record = await runBlock({
      implementation: implementationOf("consensus", "production"),
      substrate: "simulated",
      plan: sweepPlan(`sound/${seed}`, everyFault),
      directory: "/nowhere",
    });
    const wrong = record.checks.filter(({ validity }) => validity !== "valid");
    assert.equal(
      worstOf(record.checks.map(({ validity }) => validity)),
      "valid",
      `seed sound/${seed}: ${JSON.stringify(wrong)}`,
    );
    assert.equal(record.voidReason, undefined, `seed sound/${seed}`);
  }
});
