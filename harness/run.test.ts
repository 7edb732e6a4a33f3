/**
 * Goal: whatever happens to a run, what it measured is kept, a resumed run ends with the same tables as one that
 * nothing happened to, and the same seed gives the same bytes.
 * Method: small simulated experiments through the whole spine, into real directories; runs are interrupted between
 * blocks and inside one, stages fail, the disk fills up by way of /dev/full.
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError, UsageError } from "../implementations/foundation/errors.ts";
import { blockStage } from "./block-stage.ts";
import type { Experiment, Stage } from "./plan/experiment.ts";
import { planOf } from "./plan/plan.ts";
import { createResults, resumeResults } from "./record/results-directory.ts";
import type { ResultsDirectory } from "./record/results-directory.ts";
import { readTable } from "./record/results-reader.ts";
import { findProblems } from "./record/verify.ts";
import type { RunEvent } from "./run-events.ts";
import { run } from "./run.ts";
import type { RunOutcome } from "./run.ts";
import { stepStage } from "./step-stage.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-run-"));
after(() => rmSync(root, { recursive: true, force: true }));

const both = ["minimal", "production"] as const;

const faults: Experiment = {
  id: "faults",
  module: "consensus",
  title: "Under faults",
  purpose: "Does it hold?",
  stages: (_, seed) => Array.from({ length: 3 }, (__, block) => faultStage(`${seed}/${block}`, block)),
};

function faultStage(seed: string, block: number): Stage {
  return blockStage({
    experiment: "faults",
    block,
    label: `block ${block}`,
    implementations: both,
    substrate: "simulated",
    plan: planOf({
      seed,
      workload: { id: "confluent", valueBytes: 16, keys: 2, readFraction: 0.3, casFraction: 0.2 },
      load: { loop: "closed", clients: 3 },
      durationMs: 4000,
      operationsPerClient: 40,
      faults: [{ kind: "isolate-one", target: "leader", placement: { at: "time", ms: 20 }, durationMs: 600 }],
    }),
    estimateS: 1,
    compareAtRest: true,
    keepHistory: true,
  });
}

const steps: Experiment = {
  id: "steps",
  module: "consensus",
  title: "Step by step",
  purpose: "Do they agree?",
  stages: (_, seed) => {
    const shared = { experiment: "steps", implementations: both, substrate: "simulated" } as const;
    return [0, 1].map((block) =>
      stepStage({ module: "consensus", ...shared, block, nodes: 3, steps: 20, seed: `${seed}/${block}`, estimateS: 1 }),
    );
  },
};

/** An experiment of stages that do what the test wants. */
function madeOf(...runs: Stage["run"][]): Experiment {
  const stages = runs.map((each, block) => ({ label: `${block}`, seed: `${block}`, estimateS: 1, run: each }));
  return { id: "made", module: "consensus", title: "Made", purpose: "A test", stages: () => stages };
}

const fine: Stage["run"] = () =>
  Promise.resolve({ rows: {}, implementations: [], files: [], validity: "valid", summary: "fine" });

let directories = 0;
function create(experiments: readonly Experiment[], seed: string): ResultsDirectory {
  return createResults(
    { out: path.join(root, `run-${directories++}`) },
    {
      profile: "smoke",
      seed,
      command: ["test"],
      experiments: experiments.map(({ id }) => id),
      notRun: {},
      git: undefined,
      startedAt: "2026-01-31T07:45:00.000Z",
    },
  );
}

interface Ran extends RunOutcome {
  readonly events: readonly RunEvent[];
}

/** Runs to the end, or until `interruptAt` says so. */
async function drive(
  results: ResultsDirectory,
  experiments: readonly Experiment[],
  seed: string,
  interruptAt: (event: RunEvent) => boolean = () => false,
): Promise<Ran> {
  const abort = new AbortController();
  const running = run({ experiments, profile: "smoke", seed, results, signal: abort.signal, budgetS: undefined });
  const events: RunEvent[] = [];
  for (;;) {
    const next = await running.next();
    if (next.done === true) return { ...next.value, events };
    events.push(next.value);
    if (interruptAt(next.value)) abort.abort();
  }
}

function close(results: ResultsDirectory, status: "complete" | "interrupted"): Record<string, string> {
  results.close(status, "2026-01-31T08:00:00.000Z");
  return tablesOf(results.path);
}

/** Every table and every history of a results directory, byte for byte. */
function tablesOf(directory: string): Record<string, string> {
  return Object.fromEntries(
    ["csv", "histories"].flatMap((folder) =>
      readdirSync(path.join(directory, folder))
        .filter((name) => !name.startsWith("."))
        .map((name) => [name, readFileSync(path.join(directory, folder, name), "utf8")]),
    ),
  );
}

async function undisturbed(seed: string): Promise<Record<string, string>> {
  const results = create([faults, steps], seed);
  const outcome = await drive(results, [faults, steps], seed);
  assert.deepEqual([outcome.interrupted, outcome.missing], [false, 0]);
  assert.deepEqual(
    [...outcome.validities],
    [
      ["faults", "valid"],
      ["steps", "valid"],
    ],
  );
  return close(results, "complete");
}

test("the same seed gives the same bytes in every table and history; another seed gives others", async () => {
  const first = await undisturbed("7");
  assert.ok(["checks.csv", "faults.csv", "diffs.csv", "measurements.csv"].every((name) => name in first));
  assert.deepEqual(await undisturbed("7"), first);
  const other = await undisturbed("8");
  assert.deepEqual(Object.keys(other), Object.keys(first));
  assert.notEqual(other["faults-0-production.ndjson"], first["faults-0-production.ndjson"]);
});

for (const [when, interruptAt] of [
  ["between two blocks", (event: RunEvent) => event.kind === "block-finished" && event.block === 1],
  ["inside a block", (event: RunEvent) => event.kind === "block-progress" && event.block === 1],
  ["before anything", () => true],
] as const) {
  test(`interrupted ${when} and resumed, a run ends with the tables of one that was not`, async () => {
    const expected = await undisturbed("7");
    const results = create([faults, steps], "7");
    const cut = await drive(results, [faults, steps], "7", interruptAt);
    assert.equal(cut.interrupted, true);
    results.close("interrupted", "2026-01-31T07:50:00.000Z");
    const done = results.manifest.blocks.length;
    assert.ok(done < 5, `${done} blocks were done`);

    const resumed = resumeResults(results.path);
    const { events, interrupted, missing, validities } = await drive(resumed, [faults, steps], "7");
    assert.deepEqual([interrupted, missing, validities.get("faults")], [false, 0, "valid"]);
    assert.equal(events.filter(({ kind }) => kind === "block-started").length, 5 - done, "nothing is done twice");
    assert.deepEqual(close(resumed, "complete"), expected);
    assert.deepEqual(findProblems(results.path), []);
    assert.throws(() => resumeResults(results.path), UsageError, "there is nothing left to resume");
  });
}

test("a stage that the harness fails leaves the run going on, and a resumed run does it again", async () => {
  let broken = true;
  const flaky: Stage["run"] = (context) =>
    broken ? Promise.reject(new HarnessError("Cannot start n1: no such luck")) : fine(context);
  const experiment = madeOf(fine, flaky, fine);
  const results = create([experiment], "1");
  const { events, missing, validities } = await drive(results, [experiment], "1");
  assert.equal(missing, 1);
  assert.equal(validities.get("made"), "unknown");
  assert.deepEqual(
    events.flatMap((event) => (event.kind === "block-finished" ? [event.validity] : [])),
    ["valid", "void", "valid"],
  );
  assert.ok(events.some((event) => event.kind === "note" && event.text.includes("no such luck")));
  results.close("interrupted", "2026-01-31T08:00:00.000Z");

  broken = false;
  const resumed = resumeResults(results.path);
  const again = await drive(resumed, [experiment], "1");
  assert.deepEqual([again.missing, again.validities.get("made")], [0, "valid"]);
  assert.deepEqual(
    again.events.flatMap((event) => (event.kind === "block-started" ? [event.block] : [])),
    [1],
  );
  resumed.close("complete", "2026-01-31T08:00:00.000Z");
});

test("an experiment that has nothing to do in this profile is found neither valid nor anything else", async () => {
  const nothing: Experiment = { ...madeOf(), id: "nothing" };
  const results = create([nothing, steps], "1");
  const { events, validities } = await drive(results, [nothing, steps], "1");
  assert.deepEqual([...validities.keys()], ["steps"]);
  assert.ok(events.every((event) => !("id" in event) || event.id === "steps"));
  results.close("complete", "2026-01-31T08:00:00.000Z");
});

test("a defect is no failed stage: it ends the run, and what was measured is kept", async () => {
  const experiment = madeOf(fine, () => Promise.reject(new TypeError("a defect")), fine);
  const results = create([experiment], "1");
  await assert.rejects(drive(results, [experiment], "1"), TypeError);
  results.close("interrupted", "2026-01-31T08:00:00.000Z");
  assert.equal(resumeResults(results.path).manifest.blocks.length, 1);
});

test("a stage has a directory of its own, which is gone afterwards, also when it fails", async () => {
  const seen: string[] = [];
  const look: Stage["run"] = (context) => {
    assert.deepEqual(readdirSync(context.workDirectory), []);
    mkdirSync(path.join(context.workDirectory, "n1"));
    seen.push(context.workDirectory);
    return seen.length === 2 ? Promise.reject(new HarnessError("no")) : fine(context);
  };
  const experiment = madeOf(look, look, look);
  const results = create([experiment], "1");
  await drive(results, [experiment], "1");
  assert.equal(new Set(seen).size, 3);
  assert.deepEqual(
    seen.filter((each) => existsSync(each)),
    [],
  );
  results.close("interrupted", "2026-01-31T08:00:00.000Z");
});

test(
  "a full disk ends the run with one clear line, keeps what was there, and does not end the directory",
  {
    skip: !existsSync("/dev/full"),
  },
  async () => {
    const results = create([faults], "7");
    const folder = results.folder("histories");
    // What is written goes to a temporary file first: here that file is the full disk.
    symlinkSync("/dev/full", path.join(folder, ".faults-1-production.ndjson.tmp"));
    await assert.rejects(drive(results, [faults], "7"), (error) => {
      assert.ok(error instanceof HarnessError, String(error));
      assert.match(error.message, /^Cannot write .*faults-1-production\.ndjson: the disk is full \(ENOSPC\)$/);
      return true;
    });
    results.close("interrupted", "2026-01-31T08:00:00.000Z");
    const resumed = resumeResults(results.path);
    assert.deepEqual(
      resumed.manifest.blocks.map(({ block }) => block),
      [0],
    );
    assert.deepEqual(await drive(resumed, [faults], "7").then(({ missing }) => missing), 0);
    resumed.close("complete", "2026-01-31T08:00:00.000Z");
    assert.equal(new Set(readTable(results.path, "checks").map(({ block }) => block)).size, 3);
  },
);

test("no stage begins that the budget cannot hold; what is left out is counted and told", async () => {
  const results = create([faults], "7");
  const signal = new AbortController().signal;
  const running = run({ experiments: [faults], profile: "smoke", seed: "7", results, signal, budgetS: 0.5 });
  const texts: string[] = [];
  for (;;) {
    const next = await running.next();
    if (next.done === true) {
      assert.deepEqual([next.value.missing, next.value.interrupted], [3, false]);
      break;
    }
    if (next.value.kind === "note") texts.push(next.value.text);
    assert.notEqual(next.value.kind, "block-started");
  }
  assert.match(texts.join(), /3 blocks left out/);
  results.close("interrupted", "2026-01-31T08:00:00.000Z");
});
