/**
 * `SHA256SUMS`: the checksums of a results directory, in the format `sha256sum --check` reads, and their verification.
 *
 * They show that files were changed after the run, by accident or carelessly; they are no signature. Names that begin
 * with a dot (locks, journal, scratch) are not part of the results.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { parseTable } from "./csv.ts";
import { attempt, readText, writeWhole } from "./files.ts";
import { readManifest } from "./results-reader.ts";
import { tables } from "./tables.ts";
import type { TableName } from "./tables.ts";

export const checksumsName = "SHA256SUMS";

/** One thing wrong with a results directory; `path` is relative to it. */
export interface Problem {
  readonly path: string;
  readonly problem: string;
}

/** Writes the checksums of every file in `directory`, sorted by path. @throws HarnessError naming path and reason. */
export function writeChecksums(directory: string): void {
  const lines = filesIn(directory).map((path) => `${checksum(join(directory, path))}  ${path}\n`);
  writeWhole(join(directory, checksumsName), lines.join(""));
}

/**
 * Returns what is wrong with the results in `directory`: files changed, missing or added since its checksums were
 * written, tables that do not have their columns. Empty when they are as the run left them.
 *
 * @throws UsageError when it is no results directory; HarnessError when it cannot be read.
 */
export function verifyResults(directory: string): readonly Problem[] {
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

/** Relative paths with forward slashes, sorted by code unit: the same order on every machine. */
function filesIn(directory: string): readonly string[] {
  const visible = (path: string): boolean => !path.split("/").some((part) => part.startsWith("."));
  const all = attempt(`read ${directory}`, () => readdirSync(directory, { recursive: true, withFileTypes: true }));
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(directory, "/").length).replaceAll("\\", "/"))
    .filter((path) => visible(path) && basename(path) !== checksumsName)
    .sort();
}

function checksum(path: string): string {
  return attempt(`read ${path}`, () => createHash("sha256").update(readFileSync(path)).digest("hex"));
}
