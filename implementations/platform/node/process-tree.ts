/**
 * The processes that a foreign program has started, and signals to all of them: from /proc, or from `ps` where there is
 * none. A process group would not do: PostgreSQL's backends each make themselves the leader of one.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Returns the ids of the children of process `parent` that have not ended. */
export function childrenOf(parent: number): readonly number[] {
  const all = existsSync("/proc/self/stat") ? fromProc() : fromPs();
  return all.filter((each) => each.parent === parent && !each.zombie).map(({ pid }) => pid);
}

/** Whether process `pid` can still do anything. */
export function isAlive(pid: number): boolean {
  if (!signalProcess(pid, 0)) return false;
  return !existsSync("/proc/self/stat") || seen(String(pid)).some(({ zombie }) => !zombie);
}

/** @returns whether there is such a process, and we may. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

interface Seen {
  readonly pid: number;
  readonly parent: number;
  /** It has ended, and nobody has waited for it yet. */
  readonly zombie: boolean;
}

function fromProc(): readonly Seen[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap(seen);
}

/** The second field of /proc/PID/stat is a name in parentheses that may itself hold spaces and parentheses. */
function seen(pid: string): readonly Seen[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [{ pid: Number(pid), parent: Number(parent), zombie: state === "Z" || state === "X" }];
  } catch {
    return []; // It has ended.
  }
}

function fromPs(): readonly Seen[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid, parent, state = ""] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), zombie: state.startsWith("Z") };
  });
}
