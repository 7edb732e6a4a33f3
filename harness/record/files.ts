/**
 * Files of a results directory: written whole or not at all, and failures that name path and reason.
 *
 * Synchronous on purpose: records are written between blocks, when no load runs that a blocked event loop could
 * disturb, and a synchronous write cannot interleave with another.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { HarnessError } from "../../implementations/foundation/errors.ts";

/**
 * Replaces the file at `path` atomically: after a crash it holds the old contents or the new, never a part. Creates
 * missing folders.
 *
 * @throws HarnessError naming path and reason; then the file is as it was.
 */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  // The dot keeps one that a killed process left behind from passing for a result.
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  attempt(`write ${path}`, () => {
    makeDirectory(dirname(path));
    try {
      const file = openSync(temporary, "w");
      try {
        writeAll(file, typeof contents === "string" ? Buffer.from(contents) : contents);
        // Without this a power loss may keep the rename and lose the contents.
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/**
 * Creates the directory at `path` and its missing parents, one by one. Node's own recursive mkdir never returns where a
 * parent exists but lets nothing be created in it (/proc).
 */
export function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  mkdirSync(path);
}

/** Returns the text of the file at `path`. @throws HarnessError naming path and reason. */
export function readText(path: string): string {
  return attempt(`read ${path}`, () => readFileSync(path, "utf8"));
}

/** Does `work`, turning an error of the file system into a HarnessError that says what could not be done, and why. */
export function attempt<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new HarnessError(`Cannot ${action}: ${reasons[error.code] ?? error.message} (${error.code})`, {
      cause: error,
    });
  }
}

/** Whether `error` came from the operating system; optionally, with this code. */
export function isSystemError(error: unknown, code?: string): error is NodeJS.ErrnoException & { code: string } {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return code === undefined ? "syscall" in error : error.code === code;
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is a file",
  EISDIR: "it is a directory",
  EEXIST: "it exists already",
};

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}
