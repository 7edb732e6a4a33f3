/**
 * Goal: a damaged directory is out of the way, kept for whoever wants to look, and there are never many.
 * Method: the same directory is damaged again and again.
 */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setAside } from "./set-aside.ts";

test("each is kept whole beside its place, the oldest go", async () => {
  const parent = await mkdtemp(path.join(tmpdir(), "grey-aside-"));
  try {
    const directory = path.join(parent, "records");
    for (let round = 1; round <= 12; round++) {
      await mkdir(directory);
      await writeFile(path.join(directory, "file"), `round ${round}`);
      await setAside(directory);
    }
    assert.deepEqual((await readdir(parent)).toSorted(), ["records-damaged-11", "records-damaged-12"]);
    assert.equal(await readFile(path.join(parent, "records-damaged-12", "file"), "utf8"), "round 12");
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

test("where there is nothing, nothing is done", async () => {
  const parent = await mkdtemp(path.join(tmpdir(), "grey-aside-"));
  try {
    await setAside(path.join(parent, "records"));
    assert.deepEqual(await readdir(parent), []);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
