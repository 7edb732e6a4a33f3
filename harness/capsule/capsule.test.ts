/**
 * Goal: a capsule replays its run exactly and says when it does not; damage to one is told in one line.
 * Method: capsules of real simulated blocks are replayed as they are and tampered with; every kind of damage to the
 * file is held against its message.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { implementationOf } from "../rooms/rooms.ts";
import { planOf } from "../plan/plan.ts";
import type { Plan } from "../plan/plan.ts";
import { runBlock } from "../run-block.ts";
import type { BlockRecord } from "../run-block.ts";
import { encodeCapsule, readCapsule } from "./capsule.ts";
import { replay } from "./replay.ts";
import type { ReplaySummary } from "./replay.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-capsule-"));
after(() => rmSync(root, { recursive: true, force: true }));

const plan: Plan = planOf({
  seed: "capsule",
  load: { loop: "open", clients: 3, ratePerS: 60 },
  durationMs: 1500,
  faults: [
    { kind: "kill", target: "leader", placement: { at: "time", ms: 200 }, durationMs: 300 },
    {
      kind: "loss",
      target: ["n1", "n3"],
      placement: { at: "operation", client: 0, count: 5 },
      durationMs: 300,
      parameters: { probability: 0.4 },
    },
    {
      kind: "pause",
      target: "one",
      placement: {
        at: "moment",
        moment: { kind: "message", message: "AppendEntries", from: "n2", to: "n3", count: 2, inTerm: true },
      },
      durationMs: 100,
    },
  ],
  everyFaultMustAct: false,
  settings: { electionTimeoutMs: 100 },
});

async function capsuleOf(implementation: string): Promise<string> {
  const record = await runBlock({
    implementation: implementationOf("consensus", implementation),
    substrate: "simulated",
    plan,
    directory: "/nowhere",
  });
  return encodeCapsule("test", record);
}

let files = 0;
function written(content: string): string {
  const file = path.join(root, `${files++}.json`);
  writeFileSync(file, content);
  return file;
}

async function replayed(
  file: string,
  options: { readonly trace?: boolean; readonly untilStep?: number; readonly signal?: AbortSignal } = {},
): Promise<ReplaySummary & { readonly lines: readonly string[] }> {
  const { trace = false, untilStep, signal = new AbortController().signal } = options;
  const running = replay({ capsule: file, untilStep, trace, signal });
  const lines: string[] = [];
  for (;;) {
    const next = await running.next();
    if (next.done === true) return { ...next.value, lines };
    if (next.value.kind === "trace") lines.push(next.value.line);
  }
}

async function refused(file: string, message: RegExp): Promise<void> {
  await assert.rejects(
    () => replayed(file),
    (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.ok(error.message.startsWith(`Cannot read capsule ${file}: `), error.message);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"), "one line");
      return true;
    },
  );
}

for (const name of ["minimal", "production"]) {
  test(`${name}: a capsule replays to the same hash and the same verdicts, any number of times`, async () => {
    const file = written(await capsuleOf(name));
    for (let time = 0; time < 2; time++) {
      const { matches, verdict, text } = await replayed(file);
      assert.equal(matches, true, text);
      assert.equal(verdict, "valid", text);
      assert.match(text, /as recorded/);
    }
  });

  test(`${name}: a capsule whose plan, hash or verdicts were changed does not match`, async () => {
    const content = await capsuleOf(name);
    for (const [from, to] of [
      ['"seed": "capsule"', '"seed": "capsulf"'],
      ['"ratePerS": 60', '"ratePerS": 61'],
      ['"electionTimeoutMs": 100', '"electionTimeoutMs": 101'],
      ['"probability": 0.4', '"probability": 0.5'],
      ['"traceHash": "', '"traceHash": "0'],
      ['"validity": "valid"', '"validity": "invalid"'],
    ] as const) {
      assert.ok(content.includes(from), from);
      const { matches, text } = await replayed(written(content.replace(from, to)));
      assert.equal(matches, false, `${to}: ${text}`);
      assert.match(text, /NOT as recorded/);
    }
  });
}

test("what is read is what was written", async () => {
  const { plan: read, expected, implementation } = await readCapsule(written(await capsuleOf("production")));
  assert.deepEqual(read, plan);
  assert.equal(implementation, "production");
  assert.match(expected.traceHash ?? "", /^[0-9a-f]{16}$/);
  assert.ok(expected.checks.length >= 5);
});

test("the jobs of a scheduler's clients are read as they were written, and damage to them is told", async () => {
  const tasks = {
    ...{
      tasksPerJob: 4,
      separateFraction: 0.5,
      checkpointMs: 2,
      topPriority: 9,
      deadlineFraction: 0.1,
      deadlineMs: 50,
    },
    kinds: [{ share: 1, kind: "spin", ms: 0.5, tenant: "a" }],
    tenants: [{ name: "a", share: 2 }],
    resources: [{ cpuMilli: 500, memoryMb: 0 }],
  } as const;
  const scheduled = planOf({ module: "scheduler", seed: "jobs", workload: { id: "confluent", tasks } });
  const content = encodeCapsule("test", {
    ...{ implementation: "minimal", substrate: "simulated", traceHash: undefined, checks: [] },
    plan: scheduled,
  } as unknown as BlockRecord);
  assert.deepEqual((await readCapsule(written(content))).plan, scheduled);
  await refused(written(content.replace('"ms": 0.5', '"ms": -1')), /plan\.workload\.tasks\.kinds\.0\.ms/);
  await refused(written(content.replace('"tasksPerJob": 4', '"tasksPerJob": 0')), /plan\.workload\.tasks\.tasksPerJob/);
  await refused(written(content.replace('"id": "confluent"', '"id": "register"')), /plan\.workload\.id/);
});

test("the trace is told step by step, up to where it was asked for", async () => {
  const file = written(await capsuleOf("production"));
  const { lines } = await replayed(file, { trace: true });
  const some = await replayed(file, { trace: true, untilStep: 7 });
  assert.deepEqual(some.lines, lines.slice(0, 7));
  assert.equal(some.matches, true, "what is shown changes nothing");
  assert.match(lines[0] ?? "", /^ {5}1 +\d+\.\d{3} ms {2}n\d {2}starts life 1 in term 0, 0 entries$/);
  assert.ok(lines.some((line) => line.endsWith(" becomes leader of term 1")));
});

test("an interrupted replay judges nothing, and leaves no directory", async () => {
  const file = written(await capsuleOf("minimal"));
  const present = replayDirectories();
  const { matches, verdict } = await replayed(file, { signal: AbortSignal.abort() });
  assert.deepEqual([matches, verdict], [false, "unknown"]);
  assert.deepEqual(replayDirectories(), present);
});

test("damage is told with the file, the field and what was wanted", async () => {
  const content = await capsuleOf("production");
  const changed = (from: string | RegExp, to: string): string => {
    assert.notEqual(content.replace(from, to), content);
    return written(content.replace(from, to));
  };
  await refused(path.join(root, "missing.json"), /no such file/i);
  await refused(root, /directory/i);
  await refused(written(""), /JSON/);
  await refused(written("null"), /the whole file/);
  await refused(written("[]"), /the whole file/);
  await refused(written(content.slice(0, content.length / 2)), /JSON/);
  await refused(changed('"nodes": 3,', "oops\n"), /JSON/);
  await refused(changed('"grey": "capsule"', '"grey": "history"'), /grey/);
  await refused(changed('"version": 1', '"version": 2'), /version/);
  await refused(changed('"nodes": 3', '"nodes": 0'), /plan\.nodes/);
  await refused(changed('"nodes": 3', '"nodes": "3"'), /plan\.nodes/);
  await refused(changed('"durationMs": 1500', '"durationMs": -1'), /plan\.durationMs/);
  await refused(changed('"keys": 5', '"keys": 0'), /plan\.workload\.keys/);
  await refused(changed('"kind": "kill"', '"kind": "murder"'), /plan\.faults\.0\.kind/);
  await refused(changed('"n3"\n', '"n4"\n'), /n4/);
  await refused(changed('"from": "n2"', '"from": "n7"'), /n7/);
  await refused(changed('"substrate": "simulated"', '"substrate": "dreamt"'), /substrate/);

  const unknown = changed('"implementation": "production"', '"implementation": "etce"');
  await assert.rejects(
    () => replayed(unknown),
    (error) => error instanceof UsageError && /etce.*production/.test(error.message),
  );
});

function replayDirectories(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("grey-replay-"));
}
