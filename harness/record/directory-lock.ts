/**
 * Keeps two processes from writing one results directory.
 *
 * The lock is an empty file whose name carries the process: `.lock-<pid>-<start>`. A process first creates its own,
 * then looks for others: of two that try at once at least one sees the other, so at most one goes on. The lock of a
 * process that is gone is swept aside; the start time tells a new process with an old number apart. Only processes of
 * one machine see each other.
 */

import { closeSync, openSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { attempt, isSystemError } from "./files.ts";

const lockName = /^\.lock-(\d+)-(\d+)$/;

/** Whether `name` is a lock file: no part of the results. */
export function isLockName(name: string): boolean {
  return lockName.test(name);
}

/**
 * Locks `directory` for this process.
 *
 * @returns a function that releases it; idempotent.
 * @throws HarnessError when another process, or an earlier call of this one, holds it.
 */
export function lockDirectory(directory: string): () => void {
  const own = `.lock-${process.pid}-${startOf(process.pid)}`;
  const path = join(directory, own);
  attempt(`lock ${directory}`, () => {
    try {
      closeSync(openSync(path, "wx"));
    } catch (error) {
      if (isSystemError(error, "EEXIST")) throw heldBy(directory, process.pid);
      throw error;
    }
  });
  for (const name of readdirSync(directory)) {
    const [, pid, start] = lockName.exec(name) ?? [];
    if (name === own || pid === undefined || start === undefined) continue;
    if (!isAlive(Number(pid), start)) {
      rmSync(join(directory, name), { force: true });
      continue;
    }
    rmSync(path, { force: true });
    throw heldBy(directory, Number(pid));
  }
  return () => rmSync(path, { force: true });
}

function heldBy(directory: string, pid: number): HarnessError {
  return new HarnessError(
    `Cannot write ${directory}: process ${pid} is writing it; wait for it or choose another --out`,
  );
}

function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: alive, and someone else's.
    if (!isSystemError(error, "EPERM")) return false;
  }
  return startOf(pid) === start;
}

/** When the process started, in ticks since boot; "0" where the system does not tell. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name, in parentheses, may hold spaces: count fields after it. Field 3 is the state, 22 the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A killed process that its parent has not collected yet still has a number, but writes nothing.
    return fields[0] === "Z" ? "dead" : (fields[19] ?? "0");
  } catch {
    return "0";
  }
}
