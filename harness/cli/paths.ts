/**
 * Files and directories that a person names on the command line, looked at before any work begins: a wrong path is one
 * line now rather than a failure in the middle of a run. Whoever opens the file still handles its errors; between the
 * look and the opening it may change.
 */

import { accessSync, constants, openSync, readSync, closeSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { UsageError } from "../../implementations/foundation/errors.ts";

/**
 * Returns `path` when it is a file that can be read.
 *
 * @param where the argument, for the message: "CAPSULE".
 * @throws UsageError
 */
export function readableFile(path: string, where: string, wanted: string): string {
  const stats = statsOf(path, where, wanted);
  if (stats.isDirectory()) throw refusal(where, path, "is a directory", wanted);
  try {
    const handle = openSync(path, "r");
    readSync(handle, new Uint8Array(1));
    closeSync(handle);
  } catch (error) {
    throw refusal(where, path, `cannot be read (${codeOf(error)})`, wanted, error);
  }
  return path;
}

/**
 * Returns `path` when it is a directory that holds `file`.
 *
 * @throws UsageError
 */
export function directoryWith(path: string, file: string, where: string, wanted: string): string {
  if (!statsOf(path, where, wanted).isDirectory()) throw refusal(where, path, "is not a directory", wanted);
  try {
    accessSync(resolve(path, file), constants.R_OK);
  } catch (error) {
    throw refusal(where, path, `holds no readable ${file} (${codeOf(error)})`, wanted, error);
  }
  return path;
}

/**
 * Returns `path` when a directory of that name exists and can be written, or can be created.
 *
 * @throws UsageError
 */
export function writableDirectory(path: string, where: string): string {
  const wanted = "a directory that can be written or created";
  if (path === "") throw refusal(where, path, "is empty", wanted);
  const existing = nearestExisting(path, where, wanted);
  if (!existing.stats.isDirectory()) throw refusal(where, path, `cannot be had: ${existing.path} is a file`, wanted);
  try {
    accessSync(existing.path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refusal(where, path, `cannot be written: ${existing.path} (${codeOf(error)})`, wanted, error);
  }
  return path;
}

/** Returns `path` or the nearest of its parents that exists; the root always does. */
function nearestExisting(path: string, where: string, wanted: string): { path: string; stats: Stats } {
  let candidate = resolve(path);
  for (;;) {
    try {
      const stats = statSync(candidate, { throwIfNoEntry: false });
      if (stats !== undefined) return { path: candidate, stats };
    } catch (error) {
      throw refusal(where, path, `cannot be read (${codeOf(error)})`, wanted, error);
    }
    candidate = dirname(candidate);
  }
}

function statsOf(path: string, where: string, wanted: string): Stats {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw refusal(where, path, `cannot be read (${codeOf(error)})`, wanted, error);
  }
  if (stats === undefined) throw refusal(where, path, "does not exist", wanted);
  return stats;
}

function refusal(where: string, path: string, problem: string, wanted: string, cause?: unknown): UsageError {
  return new UsageError(`${where}: "${path}" ${problem}; wanted: ${wanted}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
