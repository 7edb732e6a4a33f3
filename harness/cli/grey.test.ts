/**
 * Goal: `grey` starts under any Node a reader may have: it hands over to the pinned one, or says in one line what to
 * do; it dies as it should and leaves nothing behind.
 * Method: the real file in real processes, with a preload that makes this Node claim to be another version. The pinned
 * Node must not see that preload, which is why it hangs on the words and not on NODE_OPTIONS.
 */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const grey = fileURLToPath(new URL("grey.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "grey-start-"));
after(() => rmSync(folder, { recursive: true }));

/** Words for Node that make it call itself `version`. */
const claiming = (version: string): readonly string[] => {
  const text = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
  return ["--import", `data:text/javascript,${encodeURIComponent(text)}`];
};

async function run(...words: readonly string[]): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, words, { reject: false, stdin: "ignore" });
  return { code: exitCode, stdout, stderr };
}

test("under a recent Node", async () => {
  assert.deepEqual(await run(grey, "--version"), { code: 0, stdout: "0.1.0", stderr: "" });
});

for (const version of ["12.22.12", "20.20.2", "24.11.1"]) {
  test(`Node ${version} hands over to the pinned one, words and exit code intact`, async () => {
    assert.deepEqual(await run(...claiming(version), grey, "--version"), { code: 0, stdout: "0.1.0", stderr: "" });
    const refused = await run(...claiming(version), grey, "frobnicate", "a b");
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /^grey: unknown command "frobnicate"[^\n]*$/);
  });
}

test("an old Node without the pinned one gets one line", async () => {
  const alone = join(folder, "harness", "cli", "grey.js");
  mkdirSync(join(folder, "harness", "cli"), { recursive: true });
  cpSync(grey, alone);
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`);
  const { code, stdout, stderr } = await run(...claiming("20.20.2"), alone, "list");
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(stderr, /^grey needs Node 24\.12 or later, this is v20\.20\.2: run it through npm, as `npm run -s grey/);
  assert.ok(!stderr.includes("\n"));
});

test("without its dependencies it says what to run", async () => {
  const bare = join(folder, "bare");
  for (const part of ["harness", "implementations", "package.json"]) {
    cpSync(fileURLToPath(new URL(`../../${part}`, import.meta.url)), join(bare, part), { recursive: true });
  }
  const { code, stderr } = await run(join(bare, "harness", "cli", "grey.js"), "list");
  assert.equal(code, 3);
  assert.match(stderr, /^grey is not installed completely: run `npm ci` first \([^\n]*\)$/);
});

test("a reader that goes away is an end, not an error", async () => {
  const { stderr, exitCode } = await execa({
    reject: false,
    shell: true,
  })`${process.execPath} ${grey} --help | head -1`;
  assert.deepEqual([stderr, exitCode], ["", 0]);
});
