/**
 * `npm test`: all tests under Node's own runner, two files at a time.
 *
 * Words after `--` choose files whose path contains one of them; words that begin with a dash go to the runner:
 * `npm test -- consensus --test-name-pattern=quorum`. The runner's summary stands last; the exit code is its own.
 *
 * Each file has a process of its own, and many start others, all from the same modules: what one has stripped of types
 * and compiled the next ones find in a cache. It lasts for the run only, as tests also import copies of the sources,
 * whose entries nobody would ever remove.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "zx";
import { root, sourceFiles } from "./project-files.ts";

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith("-"));
const parts = words.filter((word) => !word.startsWith("-")).map((word) => word.replace(/^\.\//, ""));
const files = sourceFiles()
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)));

if (files.length === 0) {
  console.error(`npm test: no test file's path contains ${parts.map((part) => `"${part}"`).join(" or ")}`);
  process.exit(3);
}

const runner = ["--test", "--test-concurrency=2", "--test-timeout=120000", "--test-reporter=spec"];
const cache = mkdtempSync(join(tmpdir(), "grey-compiled-"));
// Ctrl-C reaches the runner too: it ends first, and then this.
process.on("SIGINT", () => undefined);
const { exitCode } = await $({
  cwd: root,
  env: { ...process.env, NODE_COMPILE_CACHE: cache },
  stdio: "inherit",
  nothrow: true,
})`${process.execPath} ${runner} ${options} ${files}`;
rmSync(cache, { recursive: true, force: true, maxRetries: 3 });
process.exitCode = exitCode ?? 1;
