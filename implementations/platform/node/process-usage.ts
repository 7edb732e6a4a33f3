/** What this process and others have used, from /proc; undefined where there is none. */

import { readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly residentBytes: number | undefined;
  readonly cpuMs: number | undefined;
}

/** Linux tells times in hundredths of a second on every platform, and sizes here in units of 1024 bytes. */
const msPerTick = 10;

export function processUsage(pid: number | undefined): ProcessUsage {
  if (pid === undefined) return { residentBytes: undefined, cpuMs: undefined };
  return { residentBytes: residentBytesOf(pid), cpuMs: cpuMsOf(pid) };
}

/** What this process, all its threads included, has had written to devices, write-backs of others' pages left out. */
export function deviceBytesWritten(): number | undefined {
  const bytes = /^write_bytes: (\d+)$/m.exec(read("/proc/self/io"))?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}

function residentBytesOf(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Fields 14 and 15 of /proc/PID/stat; the second field is a name in parentheses that may hold spaces. */
function cpuMsOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(14 - 3, 16 - 3);
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) * msPerTick;
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
