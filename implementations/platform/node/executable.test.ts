/**
 * Goal: a program is found where a shell would find it, or where its variable says, and a file that cannot be run is
 * not one.
 * Method: folders and files of the test's own, as the whole path.
 */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { findExecutable } from "./executable.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-executable-"));
const before = process.env["PATH"];
after(() => {
  process.env["PATH"] = before;
  delete process.env["GREY_TEST_PROGRAM"];
  rmSync(root, { recursive: true });
});

const [first, second] = ["first", "second"].map((name) => path.join(root, name)) as [string, string];
for (const folder of [first, second]) mkdirSync(folder);
mkdirSync(path.join(first, "program"));
for (const [folder, name, mode] of [
  [second, "program", 0o755],
  [second, "plain", 0o644],
  [second, "other", 0o755],
] as const) {
  writeFileSync(path.join(folder, name), "");
  chmodSync(path.join(folder, name), mode);
}

test("the first file on the path that can be run", () => {
  process.env["PATH"] = `:${first}:${second}`;
  assert.equal(findExecutable({ name: "program" }), path.join(second, "program"), "a folder is no program");
  assert.equal(findExecutable({ name: "plain" }), undefined);
  assert.equal(findExecutable({ name: "missing" }), undefined);
});

test("a variable names another file or another name, and then nothing else will do", () => {
  process.env["PATH"] = second;
  const sought = { name: "program", variable: "GREY_TEST_PROGRAM" };
  for (const [value, found] of [
    ["", "program"],
    ["other", "other"],
    [path.join(second, "other"), "other"],
    [path.join(second, "plain"), undefined],
    [path.join(root, "missing"), undefined],
  ] as const) {
    process.env["GREY_TEST_PROGRAM"] = value;
    assert.equal(findExecutable(sought), found === undefined ? undefined : path.join(second, found), value);
  }
});
