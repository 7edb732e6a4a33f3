/**
 * Verifies a results directory: that its files are those the run left, that its tables have their columns, and that the
 * run was complete. Nothing is changed.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { checksum, checksumsName, filesIn } from "./checksums.ts";
import { parseTable } from "./csv.ts";
import { readText } from "./files.ts";
import { readManifest } from "./results-reader.ts";
import { tables } from "./tables.ts";
import type { TableName } from "./tables.ts";

/** One thing wrong with a results directory; `path` is relative to it. */
export interface Problem {
  readonly path: string;
  readonly problem: string;
}

/** What there is to tell a person: how many files were looked at, and one line per problem. */
export interface Verification {
  readonly files: number;
  readonly problems: readonly string[];
}

/** Verifies `directory` as `findProblems` does, in lines for a person. @throws as it does. */
export function verify(directory: string): Verification {
  const problems = findProblems(directory).map(({ path, problem }) => `${path}: ${problem}`);
  return { files: filesIn(directory).length, problems };
}

/**
 * Returns what is wrong with the results in `directory`: files changed, missing or added since its checksums were
 * written, tables that do not have their columns. Empty when they are as the run left them.
 *
 * @throws UsageError when it is no results directory; HarnessError when it cannot be read.
 */
export function findProblems(directory: string): readonly Problem[] {
  const manifest = readManifest(directory);
  const problems: Problem[] = [];
  if (manifest.status !== "complete")
    problems.push({ path: "manifest.json", problem: `the run is ${manifest.status}` });
  const sums = join(directory, checksumsName);
  if (!existsSync(sums)) return [...problems, { path: checksumsName, problem: "missing: the run was not closed" }];
  return [...problems, ...differences(directory, readText(sums)), ...unreadableTables(directory)];
}

function differences(directory: string, sums: string): readonly Problem[] {
  const problems: Problem[] = [];
  const present = new Set(filesIn(directory));
  for (const [index, line] of sums.split("\n").slice(0, -1).entries()) {
    const [, expected, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (expected === undefined || path === undefined) {
      problems.push({ path: checksumsName, problem: `line ${index + 1} is not "<sha256>  <path>"` });
    } else if (!present.delete(path)) {
      problems.push({ path, problem: "missing" });
    } else if (checksum(join(directory, path)) !== expected) {
      problems.push({ path, problem: "changed since the run" });
    }
  }
  for (const path of present) problems.push({ path, problem: "added since the run" });
  return problems;
}

function unreadableTables(directory: string): readonly Problem[] {
  const problems: Problem[] = [];
  for (const name of Object.keys(tables) as TableName[]) {
    const path = join(directory, "csv", `${name}.csv`);
    if (!existsSync(path)) continue;
    try {
      parseTable(name, readText(path), path);
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error;
      problems.push({ path: `csv/${name}.csv`, problem: error.message });
    }
  }
  return problems;
}
