/**
 * Goal: pools are measured in processes of their own, a missing one is left out with the reason, and a scenario that
 * cannot be done is an error that names it.
 * Method: the smallest scenario of two pools; a pool that does not exist; a scenario that fails.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError } from "../implementations/foundation/errors.ts";
import { poolStage } from "./pool-stage.ts";
import type { PoolStageOptions } from "./pool-stage.ts";
import type { StageResult } from "./plan/experiment.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-pools-"));
after(() => rmSync(root, { recursive: true, force: true }));

function ran(contenders: PoolStageOptions["contenders"], scale = 0.001): Promise<StageResult> {
  const stage = poolStage({ ...{ experiment: "e", block: 0, label: "l", seed: "s", estimateS: 1 }, contenders, scale });
  return stage.run({ workDirectory: root, signal: new AbortController().signal, onProgress: () => undefined });
}

test("every contender that is here is measured, and one that is not is left out with the reason", async () => {
  const result = await ran({ production: ["empty"], minimal: ["empty"], nobody: ["empty"] });
  assert.equal(result.validity, "valid");
  const measured = (result.rows.measurements ?? []).map(({ implementation, metric, value, substrate }) => {
    assert.ok(Number(value) > 0);
    assert.equal(substrate, "cluster");
    return `${implementation} ${metric}`;
  });
  assert.deepEqual(measured.toSorted(), ["minimal throughput-per-s@empty", "production throughput-per-s@empty"]);
  const left = result.implementations.find(({ name }) => name === "nobody");
  assert.equal(left?.status, "void");
  assert.match(result.summary, /nobody left out: there is no pool of nobody/);
});

test("a stage of nothing but missing pools is void", async () => {
  assert.equal((await ran({ nobody: ["empty"] })).validity, "void");
});

test("a scenario that fails is an error that names the pool", async () => {
  // As if a name had been mistyped where types do not look.
  const scenario = ran({ "p-queue": ["nothing" as "empty"] });
  await assert.rejects(scenario, (error) => error instanceof HarnessError && /pool of p-queue/.test(error.message));
});
