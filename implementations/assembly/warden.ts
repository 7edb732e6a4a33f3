/**
 * Ends processes whose driver can no longer do it.
 *
 * A process under the warden's watch is remembered by its id and the time it started: ids are used again, and the
 * warden must never end a process of someone else. Where the system does not tell start times the id alone must do.
 */

import { readFileSync } from "node:fs";

export class Warden {
  /** By process id: when it started, in the system's clock ticks; undefined where that cannot be told. */
  readonly #wards = new Map<number, string | undefined>();

  /** Watches over `pid`; one that has already ended is not watched. */
  ward(pid: number): void {
    if (isRunning(pid)) this.#wards.set(pid, startTimeOf(pid));
  }

  unward(pid: number): void {
    this.#wards.delete(pid);
  }

  /** Ends every process under watch, stopped ones included, and forgets them. */
  endAll(): void {
    for (const [pid, startTime] of this.#wards) {
      if (startTimeOf(pid) !== startTime) continue;
      // SIGKILL ends a stopped process too; SIGCONT is for systems on which it would first have to run.
      for (const signal of ["SIGKILL", "SIGCONT"] as const) {
        try {
          process.kill(pid, signal);
        } catch {
          // It has ended by itself: just what was wanted.
        }
      }
    }
    this.#wards.clear();
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * Field 22 of /proc/PID/stat. The second field is a name in parentheses that may itself hold spaces and parentheses.
 */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[22 - 3];
  } catch {
    return undefined; // Not Linux, or the process has ended.
  }
}
