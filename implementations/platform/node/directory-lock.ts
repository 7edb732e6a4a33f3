/**
 * Keeps two processes, or two users in one process, from working in the same directory.
 *
 * A file names the owner by process id and, where the system tells, by the process's start time, since ids are reused:
 * in a container a restarted node often gets the id that its predecessor had. A lock whose owner is gone is taken over.
 * It is advisory, and meant for directories on this machine only.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { HarnessError } from "../../foundation/errors.ts";

export const lockFileName = "in-use.lock";
const attempts = 5;
const ours = new Set<string>();

export class DirectoryLock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** @throws HarnessError when a live process, or this one, uses the directory already, or it cannot be written. */
  static acquire(directory: string): DirectoryLock {
    const file = path.join(fs.realpathSync(directory), lockFileName);
    if (ours.has(file)) throw inUse(directory, "this process");
    const owner = describeProcess(process.pid);
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (tryCreate(file, owner)) {
        ours.add(file);
        return new DirectoryLock(file);
      }
      const found = tryRead(file);
      if (found === undefined) continue;
      if (isAlive(found) && found !== owner) throw inUse(directory, `process ${found.split(" ")[0]}`);
      removeStale(file, found);
    }
    throw inUse(directory, "processes that start at the same time");
  }

  release(): void {
    if (!ours.delete(this.#file)) return;
    fs.rmSync(this.#file, { force: true });
  }
}

function inUse(directory: string, by: string): HarnessError {
  return new HarnessError(`Cannot use directory ${directory}: it is in use by ${by}`);
}

/** Created complete under another name first, so that nobody ever reads half an owner. */
function tryCreate(file: string, owner: string): boolean {
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, owner);
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function tryRead(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

/** Moves the lock away before it is removed: should another process have renewed it meanwhile, it is put back. */
function removeStale(file: string, expected: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (tryRead(aside) !== expected) fs.linkSync(aside, file);
  fs.rmSync(aside, { force: true });
}

function isAlive(owner: string): boolean {
  const processId = Number(owner.split(" ")[0]);
  if (!Number.isInteger(processId) || processId <= 0) return false;
  try {
    process.kill(processId, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = describeProcess(processId);
  return now === owner || !now.includes(" ") || !owner.includes(" ");
}

/** Returns the id and, on Linux, when the process started, in clock ticks since boot. */
function describeProcess(processId: number): string {
  try {
    const fields = fs.readFileSync(`/proc/${processId}/stat`, "utf8");
    const startTime = fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19];
    return startTime === undefined ? `${processId}` : `${processId} ${startTime}`;
  } catch {
    return `${processId}`; // No such file system here: the id alone must do.
  }
}
