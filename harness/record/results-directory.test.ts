// Goal: a run's records are complete whenever it ends, and nobody can mistake half a block for a whole one.
// Method: real directories under the system's temporary one. A writer process is killed at arbitrary moments and
// resumed; the disk fills up by way of /dev/full; every refusal is held against its one-line message.

import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { execa } from "execa";
import { HarnessError, UsageError } from "../../implementations/foundation/errors.ts";
import { exampleBlock, exampleRows, exampleRun } from "./example-run.fixture.ts";
import { createResults, resultsName, resumeResults } from "./results-directory.ts";
import { readManifest, readTable } from "./results-reader.ts";
import { findProblems } from "./verify.ts";

const root = mkdtempSync(join(tmpdir(), "grey-results-"));
after(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const fresh = (): string => join(root, `run-${directories++}`);
const finishedAt = "2026-01-31T08:00:00.000Z";

/** Commits the blocks, in this order. */
function commit(results: ReturnType<typeof createResults>, ...blocks: (readonly [string, number])[]): void {
  for (const [experiment, block] of blocks)
    results.commitBlock(exampleBlock(experiment, block), exampleRows(experiment, block));
}

function csvOf(directory: string): Record<string, string> {
  const names = readdirSync(join(directory, "csv")).filter((name) => name.endsWith(".csv"));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, "csv", name), "utf8")]));
}

function refused(work: () => unknown, kind: typeof UsageError | typeof HarnessError, message: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

test("the name says when, from what and how much", () => {
  assert.equal(resultsName(exampleRun.startedAt, exampleRun.git, "quick"), "20260131T074500Z-0123456-quick");
  assert.equal(resultsName(exampleRun.startedAt, undefined, "smoke"), "20260131T074500Z-nogit-smoke");
});

test("two runs of one second get two directories", () => {
  const [first, second] = [createResults({ under: root }, exampleRun), createResults({ under: root }, exampleRun)];
  assert.equal(second.path, `${first.path}-2`);
  for (const results of [first, second]) results.close("complete", finishedAt);
});

test("a complete run holds its rows, manifest, dictionary and checksums, and nothing else", () => {
  const results = createResults({ out: fresh() }, exampleRun);
  commit(results, ["consensus-latency", 0], ["consensus-latency", 1], ["consensus-churn", 0]);
  results.writeFile("report.md", "# Report\n");
  writeFileSync(join(results.folder(".scratch"), "n1.log"), "noise");
  results.close("complete", finishedAt);
  const present = readdirSync(results.path, { recursive: true, encoding: "utf8" });
  const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : 1);
  assert.deepEqual(present.toSorted(byCodeUnit), [
    "SHA256SUMS",
    "csv",
    "csv/checks.csv",
    "csv/measurements.csv",
    "datapackage.json",
    "manifest.json",
    "report.md",
  ]);
  assert.deepEqual(findProblems(results.path), []);
  assert.equal(readTable(results.path, "measurements").length, 6);
  assert.equal(readTable(results.path, "checks")[0]?.summary, 'all "9", placed');
  assert.deepEqual(readTable(results.path, "latency"), []);
  const manifest = readManifest(results.path);
  assert.deepEqual([manifest.status, manifest.finishedAt, manifest.blocks.length], ["complete", finishedAt, 3]);
  refused(() => resumeResults(results.path), UsageError, /Cannot resume .*: its run is complete/);
});

test("the tables do not depend on the order of the blocks or on an interruption", () => {
  const whole = createResults({ out: fresh() }, exampleRun);
  commit(whole, ["consensus-latency", 0], ["consensus-latency", 1], ["consensus-churn", 0]);
  whole.close("complete", finishedAt);

  const interrupted = createResults({ out: fresh() }, exampleRun);
  commit(interrupted, ["consensus-churn", 0], ["consensus-latency", 1]);
  interrupted.close("interrupted", finishedAt);
  assert.equal(readManifest(interrupted.path).status, "interrupted");
  const resumed = resumeResults(interrupted.path);
  assert.deepEqual([resumed.has("consensus-latency", 1), resumed.has("consensus-latency", 0)], [true, false]);
  commit(resumed, ["consensus-latency", 0]);
  resumed.close("complete", finishedAt);
  assert.deepEqual(csvOf(resumed.path), csvOf(whole.path));
  assert.equal(
    readFileSync(join(resumed.path, "SHA256SUMS"), "utf8"),
    readFileSync(join(whole.path, "SHA256SUMS"), "utf8"),
  );
});

test("a block is committed once, and only in an experiment of the run", () => {
  const results = createResults({ out: fresh() }, exampleRun);
  commit(results, ["consensus-latency", 0]);
  assert.throws(() => commit(results, ["consensus-latency", 0]), /committed once/);
  assert.throws(() => commit(results, ["other", 0]), /part of the run/);
  results.close("interrupted", finishedAt);
  assert.throws(() => commit(results, ["consensus-latency", 1]), /closed/);
});

test("killed at any moment, every block is in all tables or in none, and the run goes on from there", async () => {
  const directory = fresh();
  const fixture = fileURLToPath(new URL("results-writer.fixture.ts", import.meta.url));
  let before = 0;
  for (let kill = 0; kill < 4; kill++) {
    const writer = execa(process.execPath, [fixture, directory], { reject: false });
    while (!existsSync(join(directory, "manifest.json")) || readManifest(directory).blocks.length < before + 3) {
      await new Promise((next) => setImmediate(next));
    }
    writer.kill("SIGKILL");
    await writer;
    const blocks = readManifest(directory).blocks.map((block) => block.block);
    assert.deepEqual(
      blocks,
      blocks.map((_, index) => index),
      "blocks are 0, 1, 2, ...",
    );
    assert.deepEqual(
      readTable(directory, "checks").map((row) => row.block),
      blocks,
    );
    assert.deepEqual(
      readTable(directory, "measurements").map((row) => row.block),
      blocks.flatMap((block) => [block, block]),
    );
    before = blocks.length;
  }
  appendFileSync(join(directory, "csv", "checks.csv"), "consensus-latency,4,min");
  const resumed = resumeResults(directory);
  const lines = readFileSync(join(directory, "csv", "checks.csv"), "utf8").split("\n");
  assert.equal(lines.length, before + 2, "the torn line is gone, every block has its line");
  resumed.close("interrupted", finishedAt);
});

test(
  "a full disk is one clear line, and the block can be committed when there is room again",
  { skip: !existsSync("/dev/full") },
  () => {
    const results = createResults({ out: fresh() }, exampleRun);
    commit(results, ["consensus-latency", 0]);
    const tables = csvOf(results.path);
    symlinkSync("/dev/full", join(results.path, "csv", ".blocks", ".consensus-latency.1.json.tmp"));
    refused(
      () => commit(results, ["consensus-latency", 1]),
      HarnessError,
      /^Cannot write .*: the disk is full \(ENOSPC\)$/,
    );
    assert.deepEqual([csvOf(results.path), results.has("consensus-latency", 1)], [tables, false]);
    commit(results, ["consensus-latency", 1]);
    results.close("complete", finishedAt);
    assert.deepEqual(findProblems(results.path), []);
  },
);

test("two writers of one directory: the second is refused, with the number of the first", async () => {
  const results = createResults({ out: fresh() }, exampleRun);
  refused(() => resumeResults(results.path), HarnessError, new RegExp(`process ${process.pid} is writing it`));
  const fixture = fileURLToPath(new URL("results-writer.fixture.ts", import.meta.url));
  const other = await execa(process.execPath, [fixture, results.path], { reject: false });
  assert.match(other.stderr, new RegExp(`process ${process.pid} is writing it`));
  assert.equal(readdirSync(results.path).filter((name) => name.startsWith(".lock")).length, 1);
  results.close("interrupted", finishedAt);
  resumeResults(results.path).close("interrupted", finishedAt);
});

test("the lock of a process that is gone is swept aside", () => {
  const results = createResults({ out: fresh() }, exampleRun);
  results.close("interrupted", finishedAt);
  writeFileSync(join(results.path, `.lock-${process.pid}-1`), "");
  writeFileSync(join(results.path, ".lock-999999999-0"), "");
  const resumed = resumeResults(results.path);
  assert.equal(readdirSync(results.path).filter((name) => name.startsWith(".lock")).length, 1);
  resumed.close("interrupted", finishedAt);
});

test("a directory that cannot be used is refused, and left as it was", () => {
  const used = fresh();
  mkdirSync(used);
  writeFileSync(join(used, "thesis.txt"), "precious");
  refused(
    () => createResults({ out: used }, exampleRun),
    UsageError,
    /it is not empty; --out wants a new or empty directory/,
  );
  assert.deepEqual(readdirSync(used), ["thesis.txt"]);
  refused(
    () => createResults({ out: join(used, "thesis.txt", "x") }, exampleRun),
    HarnessError,
    /a part of the path is a file/,
  );
  refused(() => resumeResults(used), UsageError, /not a results directory/);
  refused(() => resumeResults(join(used, "nowhere")), UsageError, /not a results directory/);
  const run = createResults({ out: fresh() }, exampleRun);
  run.close("interrupted", finishedAt);
  refused(
    () => createResults({ out: run.path }, exampleRun),
    UsageError,
    /holds a run already; continue it with --resume/,
  );
});

test("damage is named: a manifest that is no JSON, one with a field gone, a journal entry cut short", () => {
  const results = createResults({ out: fresh() }, exampleRun);
  commit(results, ["consensus-latency", 0]);
  results.close("interrupted", finishedAt);
  const manifest = join(results.path, "manifest.json");
  const text = readFileSync(manifest, "utf8");
  writeFileSync(manifest, text.slice(0, 100));
  refused(() => readManifest(results.path), HarnessError, /manifest.json: it is not JSON/);
  writeFileSync(manifest, text.replace('"profile"', '"profil"'));
  refused(() => readManifest(results.path), HarnessError, /manifest.json: profile: /);
  writeFileSync(manifest, text);
  const entry = join(results.path, "csv", ".blocks", "consensus-latency.0.json");
  writeFileSync(entry, readFileSync(entry, "utf8").slice(0, -20));
  refused(() => resumeResults(results.path), HarnessError, /consensus-latency.0.json: it is not JSON/);
});

test("a tampered, missing or added file is caught", () => {
  const results = createResults({ out: fresh() }, exampleRun);
  commit(results, ["consensus-latency", 0], ["consensus-latency", 1]);
  results.writeFile("figures/a.svg", "<svg/>");
  results.close("complete", finishedAt);
  const table = join(results.path, "csv", "measurements.csv");
  writeFileSync(table, readFileSync(table, "utf8").replace("1.33333", "0.33333"));
  rmSync(join(results.path, "figures", "a.svg"));
  writeFileSync(join(results.path, "csv", "checks2.csv"), "");
  assert.deepEqual(findProblems(results.path), [
    { path: "csv/measurements.csv", problem: "changed since the run" },
    { path: "figures/a.svg", problem: "missing" },
    { path: "csv/checks2.csv", problem: "added since the run" },
  ]);
});
