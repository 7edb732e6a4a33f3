/**
 * The results directory of one run, as its one writer sees it.
 *
 * A block is committed by one atomic write to the journal; then its rows are added to the CSVs and the manifest is
 * replaced. Killed in between, the journal still has the whole block, readers believe the journal, and resuming makes
 * the CSVs from it. Closing a complete run merges the tables in canonical order, drops the journal and writes the
 * checksums.
 *
 * Two things it does not do: run anything, and read a clock. Times are handed in.
 */

import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join, resolve } from "node:path";
import { assert } from "../../implementations/foundation/assert.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { hasJournal, inOrder, journalPath, readEntries, removeJournal, writeEntry } from "./block-journal.ts";
import type { JournalEntry } from "./block-journal.ts";
import { checksumsName, writeChecksums } from "./checksums.ts";
import { headerLine, rowLines } from "./csv.ts";
import { dataPackage } from "./data-package.ts";
import { isLockName, lockDirectory } from "./directory-lock.ts";
import { attempt, isSystemError, makeDirectory, writeWhole } from "./files.ts";
import type { GitState } from "./git.ts";
import { manifestText } from "./manifest.ts";
import type { BlockRecord, Manifest } from "./manifest.ts";
import { csvPath, derivedTables, readManifest } from "./results-reader.ts";
import { tables } from "./tables.ts";
import type { Row, TableName } from "./tables.ts";

/** What is fixed when a run begins. */
export type RunDescription = Omit<Manifest, "format" | "version" | "status" | "finishedAt" | "blocks">;

/** The rows of one block, by table; a table that is left out has none. */
export type BlockRows = { readonly [Name in TableName]?: readonly Row<Name>[] };

/** Folders of a results directory, made when first asked for. */
export type ResultsFolder =
  | "plans"
  | "histories"
  | "states"
  | "diffs"
  | "traces"
  | "capsules"
  | "figures"
  | "paper"
  /** For nodes' data and logs; goes away when the directory is closed. */
  | ".scratch";

const tableNames = Object.keys(tables) as TableName[];

/** Returns `<UTC>-<git sha>-<profile>`: "20260131T074500Z-1a2b3c4-quick". */
export function resultsName(startedAt: string, git: GitState | undefined, profile: string): string {
  const compact = new Date(startedAt)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:]/g, "");
  return `${compact}-${git?.sha.slice(0, 7) ?? "nogit"}-${profile}`;
}

/**
 * Makes the directory of a new run and locks it.
 *
 * @param where `out`: this directory, which must be new or empty; `under`: a new one of the run's name in there.
 * @throws UsageError when `out` holds something already; HarnessError when it cannot be written.
 */
export function createResults(
  where: { readonly out: string } | { readonly under: string },
  description: RunDescription,
): ResultsDirectory {
  const path = resolve("out" in where ? where.out : newDirectory(where.under, description));
  attempt(`create ${path}`, () => makeDirectory(path));
  const unlock = lockDirectory(path);
  try {
    const present = attempt(`read ${path}`, () => readdirSync(path)).filter((name) => !isLockName(name));
    if (present.includes("manifest.json")) {
      throw new UsageError(
        `Cannot write ${path}: it holds a run already; continue it with --resume or choose another --out`,
      );
    }
    if (present.length > 0)
      throw new UsageError(`Cannot write ${path}: it is not empty; --out wants a new or empty directory`);
    attempt(`create ${journalPath(path)}`, () => makeDirectory(journalPath(path)));
    return new ResultsDirectory(
      path,
      { format: "grey-results", version: 1, ...description, status: "running", blocks: [] },
      [],
      unlock,
    );
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * Opens the directory of an interrupted run, locks it, and brings its CSVs up to date with its journal.
 *
 * @throws UsageError when it holds no results, or a complete run.
 * @throws HarnessError when it is damaged, cannot be written, or another process is writing it.
 */
export function resumeResults(directory: string): ResultsDirectory {
  const path = resolve(directory);
  const manifest = readManifest(path);
  if (!hasJournal(path)) throw new UsageError(`Cannot resume ${path}: its run is complete`);
  const unlock = lockDirectory(path);
  try {
    attempt(`write ${path}`, () => rmSync(join(path, checksumsName), { force: true }));
    const { finishedAt: _, ...unfinished } = manifest;
    return new ResultsDirectory(
      path,
      { ...unfinished, status: "running" },
      readEntries(path, manifest.experiments),
      unlock,
    );
  } catch (error) {
    unlock();
    throw error;
  }
}

export class ResultsDirectory {
  readonly path: string;
  #manifest: Manifest;
  #entries: readonly JournalEntry[];
  readonly #unlock: () => void;
  #open = true;

  /** Use `createResults` or `resumeResults`: they hold the lock. */
  constructor(path: string, manifest: Manifest, entries: readonly JournalEntry[], unlock: () => void) {
    this.path = path;
    this.#manifest = manifest;
    this.#entries = entries;
    this.#unlock = unlock;
    this.#mergeTables();
    this.#writeManifest();
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Whether the block is finished, in this run or in the one that is being resumed. */
  has(experiment: string, block: number): boolean {
    return this.#entries.some(({ record }) => record.experiment === experiment && record.block === block);
  }

  /** Returns the path of one of the directory's folders, which exists from then on. */
  folder(name: ResultsFolder): string {
    const path = join(this.path, name);
    attempt(`create ${path}`, () => makeDirectory(path));
    return path;
  }

  /** Replaces a file of the directory, atomically. `name` is relative: "report.md", "plans/a.json". */
  writeFile(name: string, contents: string | Uint8Array): void {
    assert(this.#open, "a closed results directory is not written");
    writeWhole(join(this.path, name), contents);
  }

  /**
   * Records a finished block: its rows are in all tables or, after a failure, in none.
   *
   * @throws HarnessError when the disk is full, may not be written, and so on.
   */
  commitBlock(record: BlockRecord, rows: BlockRows): void {
    assert(this.#open, "a closed results directory is not written");
    assert(
      this.#manifest.experiments.includes(record.experiment),
      `experiment ${record.experiment} is part of the run`,
    );
    assert(
      !this.has(record.experiment, record.block),
      `block ${record.block} of ${record.experiment} is committed once`,
    );
    const csv: Partial<Record<TableName, string>> = {};
    for (const name of tableNames) {
      assert(!derivedTables.has(name) || rows[name] === undefined, `table ${name} is replaced, not added to`);
      const some = rows[name] as readonly Row<TableName>[] | undefined;
      if (some !== undefined && some.length > 0) csv[name] = rowLines(name, some);
    }
    const entry = { record, csv };
    writeEntry(this.path, entry);
    this.#entries = [...this.#entries, entry];
    for (const name of tableNames) if (csv[name] !== undefined) appendLines(csvPath(this.path, name), name, csv[name]);
    this.#writeManifest();
  }

  /** Replaces a table that is computed from the others. */
  replaceTable<Name extends TableName>(name: Name, rows: readonly Row<Name>[]): void {
    assert(derivedTables.has(name), `table ${name} is added to by blocks`);
    this.writeFile(join("csv", `${name}.csv`), headerLine(name) + rowLines(name, rows));
  }

  /**
   * Ends the writing: merged tables, data dictionary, manifest, checksums; releases the lock. An interrupted run keeps
   * its journal and can be resumed. Idempotent.
   *
   * @param finishedAt ISO 8601, UTC.
   */
  close(status: "complete" | "interrupted", finishedAt: string): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      attempt(`remove ${this.path}/.scratch`, () =>
        rmSync(join(this.path, ".scratch"), { recursive: true, force: true }),
      );
      this.#mergeTables();
      this.#manifest = { ...this.#manifest, status, finishedAt };
      this.#writeManifest();
      this.#writeDataPackage();
      writeChecksums(this.path);
      if (status === "complete") removeJournal(this.path);
    } finally {
      this.#unlock();
    }
  }

  #writeManifest(): void {
    const blocks = inOrder(this.#entries, this.#manifest.experiments).map((entry) => entry.record);
    this.#manifest = { ...this.#manifest, blocks };
    writeWhole(join(this.path, "manifest.json"), manifestText(this.#manifest));
  }

  /** Writes every table that has rows anew, in canonical order. */
  #mergeTables(): void {
    const entries = inOrder(this.#entries, this.#manifest.experiments);
    for (const name of tableNames) {
      if (derivedTables.has(name)) continue;
      const lines = entries.map((entry) => entry.csv[name] ?? "").join("");
      if (lines !== "") writeWhole(csvPath(this.path, name), headerLine(name) + lines);
    }
  }

  #writeDataPackage(): void {
    const present = tableNames.filter((name) => existsSync(csvPath(this.path, name)));
    const text = JSON.stringify(
      dataPackage(`Grey Distributed, profile ${this.#manifest.profile}`, present),
      undefined,
      2,
    );
    writeWhole(join(this.path, "datapackage.json"), `${text}\n`);
  }
}

/** Two runs that begin in the same second get different directories. */
function newDirectory(parent: string, description: RunDescription): string {
  const name = resultsName(description.startedAt, description.git, description.profile);
  attempt(`create ${parent}`, () => makeDirectory(parent));
  for (let copy = 1; copy < 100; copy++) {
    const path = join(parent, copy === 1 ? name : `${name}-${copy}`);
    try {
      attempt(`create ${path}`, () => mkdirSync(path));
      return path;
    } catch (error) {
      if (!(error instanceof Error && isSystemError(error.cause, "EEXIST"))) throw error;
    }
  }
  throw new UsageError(`Cannot create a directory in ${parent}: ${name} exists 99 times; choose one with --out`);
}

/** Adds whole lines or, when the disk refuses, leaves the file as it was. */
function appendLines(path: string, name: TableName, lines: string): void {
  const before = existsSync(path) ? statSync(path).size : undefined;
  attempt(`write ${path}`, () => {
    try {
      appendFileSync(path, before === undefined ? headerLine(name) + lines : lines);
    } catch (error) {
      if (before === undefined) rmSync(path, { force: true });
      else truncateSync(path, before);
      throw error;
    }
  });
}
