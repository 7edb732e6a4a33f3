/**
 * `SHA256SUMS`: the checksums of a results directory, in the format `sha256sum --check` reads.
 *
 * They show that files were changed after the run, by accident or carelessly; they are no signature. Names that begin
 * with a dot (locks, journal, scratch) are not part of the results.
 */

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt, writeWhole } from "./files.ts";

export const checksumsName = "SHA256SUMS";

/** Writes the checksums of every file in `directory`, sorted by path. @throws HarnessError naming path and reason. */
export function writeChecksums(directory: string): void {
  const lines = filesIn(directory).map((path) => `${checksum(join(directory, path))}  ${path}\n`);
  writeWhole(join(directory, checksumsName), lines.join(""));
}

/** Relative paths with forward slashes, sorted by code unit: the same order on every machine. */
export function filesIn(directory: string): readonly string[] {
  const visible = (path: string): boolean => !path.split("/").some((part) => part.startsWith("."));
  const all = attempt(`read ${directory}`, () => readdirSync(directory, { recursive: true, withFileTypes: true }));
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(directory, "/").length).replaceAll("\\", "/"))
    .filter((path) => visible(path) && basename(path) !== checksumsName)
    .sort();
}

/** Returns the SHA-256 of a file in hexadecimal. @throws HarnessError naming path and reason. */
export function checksum(path: string): string {
  return attempt(`read ${path}`, () => createHash("sha256").update(readFileSync(path)).digest("hex"));
}
