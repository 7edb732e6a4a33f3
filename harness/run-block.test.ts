/**
 * Goal: a simulated block, load, faults, checks and all, is the doing of its plan and of nothing else; a block that
 * proves nothing says so.
 * Method: whole blocks of both implementations; the real world is taken away while they run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../implementations/foundation/errors.ts";
import { withoutRealWorld } from "../implementations/assembly/no-real-world.fixture.ts";
import { implementationOf } from "./rooms/rooms.ts";
import { encodeNdjson } from "./history/recorder.ts";
import { planOf } from "./plan/plan.ts";
import type { FaultSpec, Plan } from "./plan/plan.ts";
import { BlockAborted, runBlock } from "./run-block.ts";
import type { BlockOptions, BlockRecord } from "./run-block.ts";

const names = ["minimal", "production"] as const;

const faults: readonly FaultSpec[] = [
  { kind: "kill", target: "leader", placement: { at: "time", ms: 300 }, durationMs: 400 },
  { kind: "majorities-ring", target: "all", placement: { at: "time", ms: 1200 }, durationMs: 500 },
  { kind: "skew", target: "all", placement: { at: "time", ms: 1800 }, durationMs: 300 },
  { kind: "pause", target: "one", placement: { at: "operation", client: 1, count: 30 }, durationMs: 200 },
];

function block(name: string, plan: Partial<Plan>, options: Partial<BlockOptions> = {}): Promise<BlockRecord> {
  return runBlock({
    implementation: implementationOf("consensus", name),
    substrate: "simulated",
    plan: planOf({ seed: "block", load: { loop: "open", clients: 4, ratePerS: 100 }, durationMs: 2500, ...plan }),
    directory: "/nowhere",
    ...options,
  });
}

/** Everything about a block that can be told from outside. */
function textOf(record: BlockRecord): string {
  const { traceHash, checks, elections, virtualMs, states } = record;
  const struck = record.faults.map(({ target, startMs, endMs, efficacy }) => ({
    target,
    startMs,
    endMs,
    ...efficacy(),
  }));
  const rest = { traceHash, checks, elections, virtualMs, states: [...states], struck };
  return JSON.stringify(rest) + [...encodeNdjson(record.history.events)].join("");
}

for (const name of names) {
  test(`${name}: real clocks, timers, randomness, disks and sockets cannot slip into a block`, async () => {
    const open = await block(name, { faults });
    const sealed = await withoutRealWorld(() => block(name, { faults }));
    assert.equal(textOf(sealed), textOf(open));
    assert.deepEqual(
      open.checks.filter(({ validity }) => validity !== "valid"),
      [],
    );
    assert.equal(open.voidReason, undefined);
    assert.ok(open.converged && open.faults.length === faults.length && open.history.counts.ok > 150);
    assert.notEqual((await block(name, { faults, seed: "another" })).traceHash, open.traceHash);
  });

  test(`${name}: what watches a block changes nothing in it`, async () => {
    const plain = await block(name, { faults });
    let seen = 0;
    const watched = await block(
      name,
      { faults },
      { keepTrace: true, sampleResources: true, onProgress: () => undefined, onTrace: () => seen++ },
    );
    assert.equal(textOf(watched), textOf(plain));
    assert.ok(seen > 100 && watched.trace.length === seen && watched.samples.length > 0);
  });
}

test("a block with a fault that never struck, or did nothing, is void", async () => {
  const never: FaultSpec = {
    kind: "kill",
    target: "one",
    placement: { at: "operation", client: 0, count: 100_000 },
    durationMs: 100,
  };
  const record = await block("production", { faults: [never] });
  assert.equal(record.voidReason, "Inert fault: kill never struck");
  const some = await block("production", { faults: [...faults, never], everyFaultMustAct: false });
  assert.equal(some.voidReason, undefined, "a random schedule needs only some fault that acted");
});

test("a block that is interrupted gives nothing", async () => {
  await assert.rejects(block("minimal", {}, { signal: AbortSignal.abort() }), BlockAborted);
  const abort = new AbortController();
  const onProgress = (fraction: number): void => {
    if (fraction > 0.5) abort.abort();
  };
  await assert.rejects(block("production", {}, { signal: abort.signal, onProgress }), BlockAborted);
});

test("a plan that asks for what an implementation does not have is refused", async () => {
  const full: FaultSpec = { kind: "full", target: "one", placement: { at: "time", ms: 100 }, durationMs: 100 };
  await assert.rejects(block("minimal", { faults: [full] }), UsageError);
  await assert.rejects(block("production", { settings: { electionTimeoutMs: 0 } }), UsageError);
});

test("the documented tradeoff: killed all together, minimal loses what it acknowledged, production does not", async () => {
  const all: FaultSpec = { kind: "kill", target: "all", placement: { at: "time", ms: 1000 }, durationMs: 300 };
  const appends = { id: "append", valueBytes: 16, keys: 1, readFraction: 0, casFraction: 0 } as const;
  for (const [name, lost] of [
    ["minimal", true],
    ["production", false],
  ] as const) {
    const { checks, converged } = await block(name, { workload: appends, faults: [all] });
    assert.equal(converged, true);
    assert.equal(
      checks.some(({ validity }) => validity === "invalid"),
      lost,
      name,
    );
  }
});

test("a kept trace is timed from the begin of the load: the start of the nodes and the first election lie before it", async () => {
  const { trace } = await block("production", {}, { keepTrace: true });
  const timesOf = (kind: string): number[] => trace.flatMap(({ ms, event }) => (event.kind === kind ? [ms] : []));
  assert.ok(timesOf("start").length === 3 && timesOf("start").every((ms) => ms < 0));
  assert.ok(timesOf("role").length > 1 && timesOf("role").every((ms) => ms <= 0), "nobody is elected later");
  assert.ok(timesOf("commit").some((ms) => ms > 0));
});
