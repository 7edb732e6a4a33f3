/**
 * Goal: a stress of threads is hunted like a sweep of seeds: each seed is a run, one whose threads wait for ever is
 * invalid and the last one, and a stress that cannot run is an error of the harness and no finding.
 * Method: stresses of a line in a directory of their own, run by the real process.
 */

import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { repositoryRoot } from "../repository-root.ts";
import type { SeedRun } from "../sweep/sweep-share.ts";
import { runStress } from "./stress-share.ts";
import type { StressShare } from "./stress-share.ts";

const root = await mkdtemp(path.join(tmpdir(), "grey-stress-"));
after(() => rm(root, { recursive: true }));
await mkdir(path.join(root, "harness/stress"), { recursive: true });
await symlink(path.join(repositoryRoot, "node_modules"), path.join(root, "node_modules"));
await writeFile(path.join(root, "package.json"), '{ "type": "module" }\n');
await mkdir(path.join(root, "implementations/foundation"), { recursive: true });
for (const file of ["harness/stress/stress-process.ts", "implementations/foundation/assert.ts"]) {
  await copyFile(path.join(repositoryRoot, file), path.join(root, file));
}

/** @param body of a stress, given `seed`, `rounds` and `threads`. */
async function runs(body: string, options: Partial<StressShare> = {}): Promise<readonly SeedRun[]> {
  const text = `export async function stressSkipList({ seed, rounds, threads }) { ${body} }\n`;
  await writeFile(path.join(root, "harness/stress/stress-skip-list.ts"), text);
  const share: StressShare = {
    ...{ stress: "stress-skip-list", rounds: 2, threads: 3, limitMs: 60_000 },
    ...{ seed: "s", first: 0, last: 4, step: 2, untilInvalid: true },
    ...options,
  };
  const found: SeedRun[] = [];
  for await (const run of runStress({ root, share, signal: new AbortController().signal })) found.push(run);
  return found;
}

test("every seed is a run", async () => {
  const found = await runs('return { validity: "valid", summary: "" };');
  assert.deepEqual(
    found.map(({ seed, failures }) => [seed, failures.length]),
    [
      ["s/0", 0],
      ["s/2", 0],
      ["s/4", 0],
    ],
  );
});

test("the first invalid seed ends it, if that is asked for", async () => {
  const body = 'return { validity: seed === "s/2" ? "invalid" : "valid", summary: `${rounds} of ${threads}` };';
  const found = await runs(body);
  assert.deepEqual(found.at(-1)?.failures, [{ id: "stress-skip-list", validity: "invalid", summary: "2 of 3" }]);
  assert.equal(found.length, 2);
  assert.equal((await runs(body, { untilInvalid: false })).length, 3);
});

test("a broken assertion of what is stressed is a finding", async () => {
  const body =
    'const { assert } = await import("../../implementations/foundation/assert.ts"); assert(false, "one owner");';
  const [run] = await runs(body);
  assert.match(run?.failures[0]?.summary ?? "", /^an assertion failed: Invariant broken: one owner$/);
});

test("threads that wait for ever are found, and nothing runs after them", async () => {
  const found = await runs("setInterval(() => undefined, 1000); return new Promise(() => undefined);", {
    ...{ limitMs: 100, untilInvalid: false },
  });
  assert.equal(found.length, 1);
  assert.match(found[0]?.failures[0]?.summary ?? "", /^no end of 2 rounds within 100 ms: threads wait for ever$/);
});

test("a stress that cannot run is no finding", async () => {
  const cannot = (error: unknown): boolean =>
    error instanceof HarnessError && /^Cannot run stress-skip-list on seeds s\/0 to s\/4: oh no$/.test(error.message);
  await assert.rejects(runs('throw new Error("oh no");'), cannot);
});
