/**
 * Goal: a mutant is planted where it was meant to be or not at all, and never in the sources themselves.
 * Method: a small tree of sources in a temporary directory, and mutants that fit it or do not.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import type { Mutant, Replacement } from "./mutant.ts";
import { requireFit, withPlanted } from "./plant.ts";

const file = "implementations/quorum.ts";
const source = "const half = voters / 2;\nreturn votes > half;\n";
const root = await mkdtemp(path.join(tmpdir(), "grey-plant-"));
after(() => rm(root, { recursive: true }));
for (const part of ["implementations", "harness", "repro", "node_modules"]) await mkdir(path.join(root, part));
await writeFile(path.join(root, "package.json"), "{}\n");
await writeFile(path.join(root, file), source);

function mutantOf(...replacements: readonly Partial<Replacement>[]): Mutant {
  return {
    id: "M-TEST-1",
    module: "consensus",
    implementation: "production",
    mistake: "half is enough",
    violates: "quorum",
    origin: "this test",
    replacements: replacements.map((each) => ({ file, before: "votes > half", after: "votes >= half", ...each })),
  };
}

const read = (directory: string): Promise<string> => readFile(path.join(directory, file), "utf8");

test("the copy has the change, the sources do not, and the copy is gone afterwards", async () => {
  let place = "";
  const planted = await withPlanted(root, mutantOf({}), (copy) => {
    place = copy;
    assert.ok(existsSync(path.join(copy, "node_modules")));
    return read(copy);
  });
  assert.equal(planted, source.replace("votes > half", "votes >= half"));
  assert.equal(await read(root), source);
  assert.equal(existsSync(place), false);
});

test("several changes of one file add up; characters that mean something to a replacement are taken as they are", async () => {
  const both = mutantOf({}, { before: "voters / 2", after: "voters / 2 + '$&'" });
  const planted = await withPlanted(root, both, read);
  assert.equal(planted, "const half = voters / 2 + '$&';\nreturn votes >= half;\n");
});

test("without a mutant the copy is the sources", async () => {
  assert.equal(await withPlanted(root, undefined, read), source);
});

test("the copy is gone when its use fails", async () => {
  let place = "";
  const failing = withPlanted(root, mutantOf({}), (copy) => {
    place = copy;
    return Promise.reject(new Error("no"));
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.equal(existsSync(place), false);
});

for (const [name, mutant, message] of [
  ["a text that is not there", mutantOf({ before: "votes < half" }), /holds "votes < half" 0 times, wanted once/],
  [
    "a text that is there twice",
    mutantOf({ before: "half" }),
    /holds "half" 2 times, wanted once; the mutant no longer/,
  ],
  [
    "a file that is gone",
    mutantOf({ file: "implementations/gone.ts" }),
    /there is no implementations\/gone\.ts any more/,
  ],
] as const) {
  test(`${name}: says that the mutant no longer applies, and runs nothing`, async () => {
    const refused = (error: unknown): boolean => error instanceof HarnessError && message.test(error.message);
    await assert.rejects(requireFit(root, mutant), refused);
    await assert.rejects(
      withPlanted(root, mutant, () => assert.fail("must not run")),
      refused,
    );
  });
}
