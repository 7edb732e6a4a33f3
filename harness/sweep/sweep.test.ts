/**
 * Goal: a sweep over processes runs each seed once, gives the same verdicts as running them here, and ends when it is
 * told to. Method: a few seeds, on processes of this repository.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { readCapsule } from "../capsule/capsule.ts";
import { repositoryRoot } from "../repository-root.ts";
import { sweepPlan } from "../rooms/consensus/sweep-plan.ts";
import { runShare } from "./run-share.ts";
import { sweep } from "./sweep.ts";
import type { SweepOptions, SweepSummary } from "./sweep.ts";
import type { SweepShare } from "./sweep-share.ts";

const out = await mkdtemp(path.join(tmpdir(), "grey-sweep-"));
after(() => rm(out, { recursive: true }));

async function sweepOf(options: Partial<SweepOptions>): Promise<SweepSummary> {
  const run = sweep({
    root: repositoryRoot,
    module: "consensus",
    implementation: "production",
    kinds: ["kill", "halves"],
    style: "swarm",
    seed: "sweep-test",
    first: 0,
    last: 5,
    workers: 2,
    out: path.join(out, "capsules"),
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
    ...options,
  });
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
  }
}

const share: SweepShare = {
  module: "consensus",
  implementation: "production",
  kinds: ["kill"],
  style: "swarm",
  seed: "sweep-test",
  first: 2,
  last: 9,
  step: 3,
  untilInvalid: false,
};

test("every seed of the range is run once, and no capsule is left by runs that are valid", async () => {
  const summary = await sweepOf({});
  assert.deepEqual([summary.runs, summary.failed, summary.verdict], [6, 0, "valid"]);
  assert.equal(existsSync(path.join(out, "capsules")), false);
});

test("a run that is not valid leaves a capsule with its plan", async () => {
  // Minimal loses its memory in a crash, as documented: a sure way to a run that is not valid.
  const summary = await sweepOf({ implementation: "minimal", kinds: ["kill"], last: 11 });
  assert.equal(summary.verdict, "invalid");
  const [failure] = summary.failures;
  assert.ok(failure);
  const { plan } = await readCapsule(failure.capsule);
  assert.deepEqual(plan.faults, sweepPlan(failure.seed, ["kill"]).faults);
});

test("a share is every so-many-th seed", async () => {
  const seeds: string[] = [];
  const { signal } = new AbortController();
  for await (const { seed } of runShare({ root: repositoryRoot, share, signal })) seeds.push(seed);
  assert.deepEqual(seeds, ["sweep-test/2", "sweep-test/5", "sweep-test/8"]);
});

test("stopped in the middle, it ends with what it has, and without an error", async () => {
  const controller = new AbortController();
  const run = runShare({ root: repositoryRoot, share: { ...share, last: 100_000 }, signal: controller.signal });
  assert.equal((await run.next()).done, false);
  controller.abort();
  for await (const { seed } of run) assert.ok(seed.startsWith("sweep-test/"));
});

test("a consumer that has seen enough ends the process", async () => {
  const { signal } = new AbortController();
  let seen = 0;
  for await (const { seed } of runShare({ root: repositoryRoot, share: { ...share, last: 100_000 }, signal })) {
    assert.equal(seed, "sweep-test/2");
    seen++;
    break;
  }
  assert.equal(seen, 1);
});

test("sources that do not run are told with the reason", async () => {
  const run = runShare({ root: out, share, signal: new AbortController().signal });
  await assert.rejects(
    run.next(),
    (error) =>
      error instanceof HarnessError && /^Cannot run production on seeds .* Cannot find module/s.test(error.message),
  );
});
