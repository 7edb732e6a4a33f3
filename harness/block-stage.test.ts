/**
 * Goal: an experiment that names a peer which is not installed runs the others, says what is missing, and claims
 * nothing of it; of an implementation that does not tell its log nothing is called valid that was not judged.
 * Method: a stage with etcd where its binary is a file that does not exist; a block of an implementation that says it
 * tells nothing.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../implementations/foundation/errors.ts";
import { blockStage } from "./block-stage.ts";
import { invariantIds } from "./check/violations.ts";
import { compare } from "./compare.ts";
import { implementationOf } from "./rooms/rooms.ts";
import { knockStage } from "./knock-stage.ts";
import { planOf } from "./plan/plan.ts";
import type { Stage, StageResult } from "./plan/experiment.ts";
import { runBlock } from "./run-block.ts";

const plan = planOf({ seed: "stage", durationMs: 500 });
const notInstalled = /^etcd is not installed: /;

/** Runs `work` on a machine without etcd. */
async function withoutEtcd<Result>(work: () => Promise<Result>): Promise<Result> {
  const before = process.env["GREY_ETCD"];
  process.env["GREY_ETCD"] = "/nowhere/etcd";
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env["GREY_ETCD"];
    else process.env["GREY_ETCD"] = before;
  }
}

function ran(stage: Stage): Promise<StageResult> {
  const context = { workDirectory: "/nowhere", signal: new AbortController().signal, onProgress: () => undefined };
  return withoutEtcd(() => stage.run(context));
}

function stageOf(implementations: readonly string[]): Stage {
  const options = { experiment: "e", block: 0, label: "l", substrate: "simulated", estimateS: 1 } as const;
  return blockStage({ ...options, implementations, plan, compareAtRest: true });
}

test("a missing peer is left out with the reason, and the others run", async () => {
  const { implementations, validity, rows, summary } = await ran(stageOf(["minimal", "etcd"]));
  assert.deepEqual(
    implementations.map(({ name, status, voids }) => ({ name, status, kinds: voids.map(({ kind }) => kind) })),
    [
      { name: "etcd", status: "void", kinds: ["not-installed"] },
      { name: "minimal", status: "sound", kinds: [] },
    ],
  );
  assert.match(implementations[0]?.voids[0]?.reason ?? "", notInstalled);
  assert.equal(validity, "valid");
  assert.match(summary, /^etcd left out: etcd is not installed/);
  assert.deepEqual(rows.diffs ?? [], [], "nothing was compared with it");
  assert.ok(rows.checks?.every(({ implementation }) => implementation === "minimal"));
});

test("a stage of nothing but missing peers is void", async () => {
  for (const stage of [
    stageOf(["etcd"]),
    knockStage({ module: "consensus", experiment: "e", block: 0, implementation: "etcd", seed: "s" }),
  ]) {
    const { implementations, validity, summary } = await ran(stage);
    assert.equal(validity, "void");
    assert.match(summary, /etcd is not installed/);
    assert.deepEqual(
      implementations.map(({ voids }) => voids[0]?.kind),
      ["not-installed"],
    );
  }
});

test("a person who asks for a missing peer is told so in one line", async () => {
  const options = {
    module: "consensus",
    implementations: ["minimal", "etcd"],
    substrate: "cluster",
    workload: "register",
    faults: [],
    nodes: 3,
    clients: 1,
    rate: undefined,
    durationS: 1,
    sizeBytes: 32,
    settings: {},
    seed: "1",
    out: "/nowhere/results",
    signal: new AbortController().signal,
    commandLine: "compare",
  } as const;
  await assert.rejects(
    withoutEtcd(() => compare(options).next()),
    (error) => error instanceof UsageError && /^Cannot run etcd here: etcd is not installed.*$/.test(error.message),
  );
});

test("a fault that the settings take away is refused before anything is started", async () => {
  const etcd = implementationOf("consensus", "etcd");
  const corrupted = planOf({
    seed: "s",
    settings: { "etcd.tls": false, "etcd.sessions": false },
    faults: [{ kind: "corrupt", target: "all", placement: { at: "time", ms: 1 }, durationMs: 1 }],
  });
  await assert.rejects(
    runBlock({ implementation: etcd, substrate: "cluster", plan: corrupted, directory: "/nowhere" }),
    /^UsageError: Cannot inject corrupt into etcd: TCP would not let it through; set etcd.tls true$/,
  );
  assert.equal(etcd.refusalOf?.("corrupt", {}), undefined);
  assert.equal(etcd.refusalOf?.("delay", { tls: false }), undefined);
});

test("claims about the log are judged of an implementation that tells its log, and of no other", async () => {
  const minimal = implementationOf("consensus", "minimal");
  const checksOf = async (tracesLog: boolean): Promise<string[]> => {
    const implementation = { ...minimal, tracesLog };
    const record = await runBlock({ implementation, substrate: "simulated", plan, directory: "/nowhere" });
    return record.checks.map(({ id }) => id);
  };
  const told = await checksOf(true);
  const untold = await checksOf(false);
  assert.ok(invariantIds.every((id) => told.includes(id)));
  assert.deepEqual(
    untold,
    told.filter((id) => !invariantIds.some((each) => each === id)),
  );
  assert.ok(untold.includes("linearizable") && untold.includes("recovery"));
});
