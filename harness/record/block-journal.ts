/**
 * The journal of a run in progress: one file per finished block, written atomically. It is what makes a block's rows
 * appear in all tables or in none, whenever the run is killed; the CSVs are made from it.
 *
 * A block's file holds its record and its rows as CSV text, so that merging is joining text and cannot change a digit.
 * The journal goes away when the run is complete.
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { attempt, readText, writeWhole } from "./files.ts";
import { blockShape, parseShape } from "./manifest.ts";
import type { BlockRecord } from "./manifest.ts";
import type { TableName } from "./tables.ts";

export interface JournalEntry {
  readonly record: BlockRecord;
  /** Lines without header, by table. */
  readonly csv: Readonly<Partial<Record<TableName, string>>>;
}

const entryShape = z.object({ record: blockShape, csv: z.record(z.string(), z.string()) });

export function journalPath(directory: string): string {
  return join(directory, "csv", ".blocks");
}

/** Whether the run in `directory` has a journal: it is in progress, or was interrupted. */
export function hasJournal(directory: string): boolean {
  return existsSync(journalPath(directory));
}

/** @throws HarnessError when the entry cannot be written; then the block did not happen. */
export function writeEntry(directory: string, entry: JournalEntry): void {
  const { experiment, block } = entry.record;
  writeWhole(join(journalPath(directory), `${experiment}.${block}.json`), `${JSON.stringify(entry)}\n`);
}

/**
 * Returns the entries in the canonical order, by experiment as in `experiments`, then by block: the merged tables do
 * not depend on when a run was interrupted.
 *
 * @throws HarnessError on an entry that cannot be read, naming it.
 */
export function readEntries(directory: string, experiments: readonly string[]): readonly JournalEntry[] {
  const folder = journalPath(directory);
  const names = attempt(`read ${folder}`, () => readdirSync(folder)).filter((name) => name.endsWith(".json"));
  const entries = names.map((name) => parseShape(entryShape, readText(join(folder, name)), join(folder, name)));
  return inOrder(entries, experiments);
}

export function inOrder(entries: readonly JournalEntry[], experiments: readonly string[]): readonly JournalEntry[] {
  const place = new Map(experiments.map((experiment, index) => [experiment, index]));
  const placeOf = ({ record }: JournalEntry): number => place.get(record.experiment) ?? experiments.length;
  return entries.toSorted((a, b) => placeOf(a) - placeOf(b) || a.record.block - b.record.block);
}

export function removeJournal(directory: string): void {
  attempt(`remove ${journalPath(directory)}`, () => rmSync(journalPath(directory), { recursive: true, force: true }));
}
