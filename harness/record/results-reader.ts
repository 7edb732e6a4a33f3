/**
 * Reads a results directory, whether its run is complete, interrupted, or was killed a moment ago.
 *
 * While there is a journal it is the authority, and tables and manifest are made from it; afterwards the files are.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { hasJournal, readEntries } from "./block-journal.ts";
import { headerLine, parseTable } from "./csv.ts";
import type { TypedRow } from "./csv.ts";
import { readText } from "./files.ts";
import { parseManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import type { TableName } from "./tables.ts";

/** Tables that are computed from the others, replaced as a whole, and therefore not in the journal. */
export const derivedTables: ReadonlySet<TableName> = new Set(["claims"]);

export function csvPath(directory: string, name: TableName): string {
  return join(directory, "csv", `${name}.csv`);
}

/**
 * Returns the manifest of the run in `directory`.
 *
 * @throws UsageError when it holds no results.
 * @throws HarnessError when they cannot be read or are damaged, naming the file.
 */
export function readManifest(directory: string): Manifest {
  const path = join(directory, "manifest.json");
  if (!existsSync(path))
    throw new UsageError(`Cannot read ${directory}: not a results directory, it has no manifest.json`);
  const manifest = parseManifest(readText(path), path);
  if (!hasJournal(directory)) return manifest;
  return { ...manifest, blocks: readEntries(directory, manifest.experiments).map((entry) => entry.record) };
}

/** Returns a table's rows in canonical order; none when the run wrote no such table. @throws as `readManifest` does. */
export function readTable<Name extends TableName>(directory: string, name: Name): readonly TypedRow<Name>[] {
  const path = csvPath(directory, name);
  if (!hasJournal(directory) || derivedTables.has(name)) {
    return existsSync(path) ? parseTable(name, readText(path), path) : [];
  }
  const entries = readEntries(directory, readManifest(directory).experiments);
  const lines = entries.map((entry) => entry.csv[name] ?? "").join("");
  return parseTable(name, headerLine(name) + lines, `${path} (journal)`);
}
