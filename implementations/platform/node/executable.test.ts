/**
 * Goal: a program is found where a shell would find it, or where its variable says, and a file that cannot be run is
 * not one.
 * Method: folders and files of the test's own, as the whole path.
 */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

test("folders outside of the path come first, the highest version first", () => {
  process.env["PATH"] = second;
  delete process.env["GREY_TEST_PROGRAM"];
  for (const version of ["9.6", "10", "13"]) {
    mkdirSync(path.join(root, "versions", version, "bin"), { recursive: true });
    if (version !== "13") writeFileSync(path.join(root, "versions", version, "bin", "other"), "", { mode: 0o755 });
  }
  const sought = { name: "other", variable: "GREY_TEST_PROGRAM", folders: [path.join(root, "versions", "*", "bin")] };
  assert.equal(findExecutable(sought), path.join(root, "versions", "10", "bin", "other"));
  process.env["GREY_TEST_PROGRAM"] = path.join(root, "versions", "9.6", "bin");
  assert.equal(findExecutable(sought), path.join(root, "versions", "9.6", "bin", "other"), "a folder will do");
  process.env["GREY_TEST_PROGRAM"] = "other";
  assert.equal(findExecutable(sought), path.join(second, "other"), "a name is looked for on the path");
  delete process.env["GREY_TEST_PROGRAM"];
  assert.equal(findExecutable({ ...sought, folders: [path.join(root, "nowhere", "*")] }), path.join(second, "other"));
});

test("a program without its companions, or of another kind, is not the one", () => {
  const [real, link] = ["real", "link"].map((name) => path.join(root, name)) as [string, string];
  for (const folder of [real, link]) mkdirSync(folder);
  writeFileSync(path.join(real, "server"), "#!/bin/sh\necho server 15.2\n", { mode: 0o755 });
  symlinkSync(path.join(real, "server"), path.join(link, "server"));
  process.env["PATH"] = `${link}:${real}`;
  assert.equal(findExecutable({ name: "server", beside: ["tool"] }), undefined);
  writeFileSync(path.join(real, "tool"), "", { mode: 0o755 });
  assert.equal(
    findExecutable({ name: "server", beside: ["tool"] }),
    path.join(link, "server"),
    "beside the file itself",
  );
  assert.equal(findExecutable({ name: "server", saysVersion: /^server 1\d/ }), path.join(link, "server"));
  assert.equal(findExecutable({ name: "server", saysVersion: /^postgres/ }), undefined);
  assert.equal(findExecutable({ name: "tool", saysVersion: /./ }), undefined, "it says nothing");
});
