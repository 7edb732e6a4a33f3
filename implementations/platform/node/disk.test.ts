/**
 * Goal: what only the real disk has to promise: one user per directory, sane endings, system errors by their port
 * codes, memory that stays bounded when more is written than the thread keeps up with.
 * Method: real directories under the system's temporary one; a real child process that is killed.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import type { DiskError } from "../../foundation/effects.ts";
import { HarnessError } from "../../foundation/errors.ts";
import { lockFileName } from "./directory-lock.ts";
import { NodeDisk } from "./disk.ts";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-disk-"));
  try {
    await body(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof HarnessError && /is in use by/.test(error.message);
}

test("a directory in use by this process, or by another live one, is refused; then it is free again", () =>
  inDirectory(async (directory) => {
    const disk = await NodeDisk.open(directory);
    await assert.rejects(NodeDisk.open(directory), isInUse);
    await disk.close();
    fs.writeFileSync(path.join(directory, lockFileName), `${process.ppid}`);
    await assert.rejects(NodeDisk.open(directory), isInUse);
    fs.rmSync(path.join(directory, lockFileName));
    const again = await NodeDisk.open(directory);
    await again.close();
    assert.deepEqual(fs.readdirSync(directory), []);
  }));

test("the lock of a killed process is taken over, and one whose process id now belongs to another", () =>
  inDirectory(async (directory) => {
    const url = new URL("./disk.ts", import.meta.url).href;
    const code = `const { NodeDisk } = await import("${url}"); await NodeDisk.open(process.argv[1]); console.log("open");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await assert.rejects(NodeDisk.open(directory), isInUse);
    child.kill("SIGKILL");
    await once(child, "exit");
    const disk = await NodeDisk.open(directory);
    await disk.close();
    fs.writeFileSync(path.join(directory, lockFileName), `${process.ppid} 1`);
    if (fs.existsSync("/proc/self/stat")) await (await NodeDisk.open(directory)).close();
  }));

test("a directory that cannot be had is one clear error", () =>
  inDirectory(async (directory) => {
    const file = path.join(directory, "file");
    fs.writeFileSync(file, "");
    await assert.rejects(NodeDisk.open(path.join(file, "below")), (error) => {
      return error instanceof HarnessError && error.message.startsWith("Cannot use directory ");
    });
  }));

test("close completes what was issued; afterwards everything fails with CLOSED", () =>
  inDirectory(async (directory) => {
    const disk = await NodeDisk.open(directory);
    const outcomes: (string | undefined)[] = [];
    const note = (error: DiskError | undefined): void => void outcomes.push(error?.code);
    disk.append("f", [Buffer.alloc(3_000_000, 1)], note);
    disk.sync("f", note);
    await disk.close();
    assert.deepEqual(outcomes, [undefined, undefined]);
    const error = await new Promise<DiskError | undefined>((resolve) => disk.sync("f", resolve));
    assert.equal(error?.code, "CLOSED");
    assert.equal(fs.statSync(path.join(directory, "f")).size, 3_000_000);
    await disk.close();
  }));

test(
  "a write to a full device is FULL, and other failures of the system are IO",
  { skip: !fs.existsSync("/dev/full") },
  () =>
    inDirectory(async (directory) => {
      fs.symlinkSync("/dev/full", path.join(directory, "full"));
      fs.mkdirSync(path.join(directory, "folder"));
      const disk = await NodeDisk.open(directory);
      const codeOf = (operation: (done: (error: DiskError | undefined) => void) => void): Promise<string | undefined> =>
        new Promise((resolve) => operation((error) => resolve(error?.code)));
      assert.equal(await codeOf((done) => disk.append("full", [Buffer.from("x")], done)), "FULL");
      assert.equal(await codeOf((done) => disk.append("folder", [Buffer.from("x")], done)), "IO");
      assert.equal(await codeOf((done) => disk.append("fine", [Buffer.from("x")], done)), undefined);
      await disk.close();
    }),
);

test("more than the ring holds waits in memory and arrives; the caller's thread is not held up", () =>
  inDirectory(async (directory) => {
    const disk = await NodeDisk.open(directory);
    const chunk = Buffer.alloc(700_000, 7);
    const completed: Promise<void>[] = [];
    for (let count = 0; count < 40; count++) {
      completed.push(
        new Promise((resolve, reject) =>
          disk.append(`f${count % 3}`, [chunk, chunk], (e) => (e ? reject(e) : resolve())),
        ),
      );
    }
    await Promise.all(completed);
    const sizes = ["f0", "f1", "f2"].map((name) => fs.statSync(path.join(directory, name)).size);
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      40 * 1_400_000,
    );
    assert.ok((disk.counters["lock acquisitions"] ?? 0) > 40);
    await disk.close();
  }));
