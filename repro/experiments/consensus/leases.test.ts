/**
 * Goal: the lease experiment tells the two sides of the bound apart, in both directions. Method: its plan beyond the
 * bound shows a stale read within a few seeds; the same plan with a clock as slow as the bound allows shows none in as
 * many, and is not what the documentation says then.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { sweepStage } from "../../../harness/sweep-stage.ts";
import type { StageResult } from "../../../harness/plan/experiment.ts";
import type { Plan } from "../../../harness/plan/plan.ts";
import { slowLeaderPlan } from "./leases.ts";

const runs = 6;

function sweepOf(plan: (seed: string) => Plan, mustFail: string | undefined): Promise<StageResult> {
  const stage = sweepStage({
    module: "consensus",
    experiment: "consensus-leases",
    block: 0,
    implementation: "production",
    kinds: [],
    seed: "leases",
    runs,
    estimateS: 1,
    plan,
    ...(mustFail === undefined ? {} : { mustFail }),
  });
  return stage.run({ workDirectory: "", signal: new AbortController().signal, onProgress: () => undefined });
}

function atTheBound(seed: string): Plan {
  const plan = slowLeaderPlan(seed);
  const parameters = { rate: 1 / Number(plan.settings["maxClockSkew"]) };
  return { ...plan, faults: plan.faults.map((fault) => (fault.kind === "skew" ? { ...fault, parameters } : fault)) };
}

test("beyond the bound a stale read is expected, shown, and kept as a capsule", async () => {
  const { validity, summary, rows, files } = await sweepOf(slowLeaderPlan, "linearizable");
  assert.equal(validity, "valid", summary);
  assert.match(summary, /^linearizable fails within \d+ runs, as documented$/);
  assert.equal(rows.checks?.find(({ check }) => check === "linearizable")?.verdict, "invalid");
  assert.ok(files.some(({ path }) => path.startsWith("capsules/")));
});

test("without that expectation it is a violation", async () => {
  const { validity, summary } = await sweepOf(slowLeaderPlan, undefined);
  assert.equal(validity, "invalid");
  assert.match(summary, /^linearizable invalid/);
});

test("at the bound no read is stale, and expecting one is refuted", async () => {
  assert.equal((await sweepOf(atTheBound, undefined)).validity, "valid");
  const { validity, summary } = await sweepOf(atTheBound, "linearizable");
  assert.equal(validity, "invalid");
  assert.match(summary, /^linearizable holds in 6 runs, though/);
});
