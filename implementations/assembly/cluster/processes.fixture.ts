/** Which processes there are, for tests that start real ones and must see them end. */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** It has ended, and nobody has waited for it yet. */
  readonly zombie: boolean;
}

/** @returns every process of this machine that could be seen. */
export function processes(): readonly SeenProcess[] {
  return existsSync("/proc/self/stat") ? fromProc() : fromPs();
}

/** @returns the children of process `parent` that have not ended, those whose command line holds `part`. */
export function childrenOf(parent: number, part = ""): readonly SeenProcess[] {
  return processes().filter((each) => each.parent === parent && !each.zombie && each.command.includes(part));
}

/** Whether the process can still do anything. */
export function isRunning(pid: number): boolean {
  return processes().some((each) => each.pid === pid && !each.zombie);
}

function fromProc(): SeenProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        // The second field is a name in parentheses that may itself hold spaces and parentheses.
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), parent: Number(parent), command, zombie: state === "Z" || state === "X" }];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

/** A system without /proc. */
function fromPs(): SeenProcess[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,command="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    const [, pid, parent, state = "", command = ""] = match;
    return [{ pid: Number(pid), parent: Number(parent), command, zombie: state.startsWith("Z") }];
  });
}
