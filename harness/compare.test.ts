/**
 * Goal: one plan, several implementations, one table that says what held and what differed; the same seed gives the
 * same bytes.
 * Method: comparisons in the simulated substrate, into real directories.
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { UsageError } from "../implementations/foundation/errors.ts";
import { compare } from "./compare.ts";
import type { CompareOptions, CompareSummary } from "./compare.ts";
import { findProblems } from "./record/verify.ts";
import type { RunEvent } from "./run-events.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-compare-"));
after(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;

function optionsOf(overrides: Partial<CompareOptions>): CompareOptions {
  return {
    module: "consensus",
    implementations: ["minimal", "production"],
    substrate: "simulated",
    workload: "confluent",
    faults: ["isolate-one", "pause"],
    nodes: 3,
    clients: 4,
    rate: undefined,
    durationS: 2,
    sizeBytes: 32,
    settings: {},
    seed: "7",
    out: path.join(root, `${directories++}`),
    signal: new AbortController().signal,
    commandLine: "compare consensus",
    ...overrides,
  };
}

async function compared(
  overrides: Partial<CompareOptions> = {},
): Promise<CompareSummary & { readonly events: RunEvent[] }> {
  const running = compare(optionsOf(overrides));
  const events: RunEvent[] = [];
  for (;;) {
    const next = await running.next();
    if (next.done === true) return { ...next.value, events };
    events.push(next.value);
  }
}

function tables(directory: string): Record<string, string> {
  const folder = path.join(directory, "csv");
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), "utf8")]));
}

test("both implementations side by side, under the same faults, in the same state at the end", async () => {
  const summary = await compared();
  assert.equal(summary.verdict, "valid", summary.table);
  assert.deepEqual(summary.divergences, []);
  assert.deepEqual(
    summary.implementations.map(({ name, substrate }) => [name, substrate]),
    [
      ["minimal", "simulated"],
      ["production", "simulated"],
    ],
  );
  for (const { operations, checks, faults, throughputPerS, latencyMs } of summary.implementations) {
    assert.equal(operations.ok, 4 * 40 + 4 * 2, "every client does its whole share, and the final values are read");
    assert.ok(checks.length >= 5 && checks.every(({ verdict }) => verdict === "valid"));
    assert.deepEqual(
      faults.map(({ kind }) => kind),
      ["isolate-one", "pause"],
    );
    assert.ok(faults.every(({ efficacy }) => efficacy > 0));
    assert.deepEqual([throughputPerS, latencyMs], [undefined, undefined], "virtual time is no performance");
  }
  assert.match(summary.table, /minimal.*production/);
  assert.deepEqual(findProblems(summary.directory), []);
});

test("the same seed gives the same bytes, another seed others", async () => {
  const [first, second, other] = [await compared(), await compared(), await compared({ seed: "8" })];
  assert.deepEqual(tables(second.directory), tables(first.directory));
  assert.equal(second.table, first.table);
  assert.notDeepEqual(tables(other.directory), tables(first.directory));
});

test("a comparison in which minimal loses its memory is invalid, names the check and leaves a capsule", async () => {
  const { verdict, implementations, directory } = await compared({ workload: "append", faults: ["kill"], nodes: 1 });
  assert.equal(verdict, "invalid");
  const [minimal, production] = implementations;
  assert.ok(minimal?.checks.some((check) => check.verdict === "invalid"));
  assert.ok(production?.checks.every((check) => check.verdict === "valid"));
  const files = [".html", ".json"].map((end) => `compare-consensus-0-minimal${end}`);
  assert.deepEqual(readdirSync(path.join(directory, "capsules")), files);
});

test("a comparison whose faults did nothing is not valid, and says which", async () => {
  // At this rate the load is over long before the second fault is due.
  const { verdict, implementations, table } = await compared({
    rate: 5000,
    durationS: 4,
    faults: ["isolate-one", "kill"],
  });
  assert.equal(verdict, "unknown");
  for (const { checks } of implementations) {
    assert.deepEqual(
      checks.filter((check) => check.verdict !== "valid").map(({ id }) => id),
      ["inert-fault"],
    );
  }
  assert.match(table, /never struck/);
});

test("an interrupted comparison judges nothing, and says so", async () => {
  const { verdict, directory } = await compared({ signal: AbortSignal.abort() });
  assert.equal(verdict, "unknown");
  assert.match(readFileSync(path.join(directory, "manifest.json"), "utf8"), /"interrupted"/);
});

test("what an implementation does not have is refused before anything is written", async () => {
  for (const [overrides, message] of [
    [{ faults: ["full"] }, /full.*minimal.*allowed are/],
    [{ implementations: ["production", "etce"] }, /etce.*allowed are/],
    [{ settings: { electionTimeoutMs: 1 } }, /electionTimeoutMs 1: allowed/],
  ] as const) {
    const out = path.join(root, `${directories++}`);
    await assert.rejects(compared({ ...overrides, out }), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
    assert.equal(existsSync(out), false);
  }
});

test("the load lasts as long as was asked for, whatever a plan's own default is", async () => {
  for (const durationS of [0.5, 7]) {
    const { directory } = await compared({ workload: "register", faults: [], durationS, rate: 20 });
    const plan: unknown = JSON.parse(readFileSync(path.join(directory, "plans", "compare-consensus-0.json"), "utf8"));
    assert.equal((plan as { durationMs: number }).durationMs, durationS * 1000);
  }
});
