/**
 * The doctor: can this machine run the experiments, and will its numbers mean something?
 *
 * Each examination tries the thing itself (writes and syncs a file, opens a socket, issues a certificate and shakes
 * hands with it) rather than asking the system whether it would work. What fails is a finding with advice, never an
 * exception. It changes nothing: what it creates, it removes.
 */

import { mkdir, mkdtemp, open, rm, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { peers } from "../implementations/assembly/registry.ts";
import { clockResolution, loopback, secureLoopback } from "./doctor/machine-trials.ts";

export interface Finding {
  readonly level: "ok" | "warning" | "problem";
  readonly subject: string;
  /** What is, with its unit. */
  readonly found: string;
  /** What to do; present unless the level is ok. */
  readonly advice?: string;
}

const gib = 1024 ** 3;

/** What the profiles need, and below what their numbers become doubtful. */
const needs = {
  node: [24, 12],
  memoryBytes: { problem: 1 * gib, warning: 2 * gib },
  diskBytes: { problem: 1 * gib, warning: 4 * gib },
  cores: { warning: 2 },
  syncMs: { warning: 10, implausible: 0.02 },
  clockNs: { problem: 1_000_000, warning: 10_000 },
} as const;

/**
 * Examines the machine, one finding at a time; under two seconds in all on a healthy one.
 *
 * @param directory where results would be written; created for the time of the examination when it does not exist.
 */
export async function* doctor(directory: string): AsyncGenerator<Finding, void> {
  yield nodeVersion(process.versions.node);
  yield memory();
  yield cores(availableParallelism());
  const created = await mkdir(directory, { recursive: true }).catch(() => undefined);
  try {
    yield await examined("Disk space", () => diskSpace(directory));
    yield await examined("Results directory", () => syncLatency(directory));
  } finally {
    if (created !== undefined) await rm(created, { recursive: true });
  }
  yield await examined("Loopback", () => loopback());
  yield await examined("TLS 1.3", () => secureLoopback());
  yield clock(clockResolution());
  for (const each of peers) yield peer(each.name, await each.available());
}

/** Judges what a peer says of being here: the experiments that compare with it leave it out where it is not. */
export function peer(name: string, available: true | string): Finding {
  const subject = `Peer ${name}`;
  if (available === true) return { level: "ok", subject, found: "installed" };
  return { level: "warning", subject, found: "left out of every comparison", advice: `${available}.` };
}

async function examined(subject: string, examine: () => Promise<Finding | string>): Promise<Finding> {
  try {
    const found = await examine();
    return typeof found === "string" ? { level: "ok", subject, found } : found;
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return {
      level: "problem",
      subject,
      found,
      advice: `Nothing can run before this works: ${remedies[subject] ?? ""}`,
    };
  }
}

const remedies: Readonly<Record<string, string>> = {
  "Disk space": "name another directory with --out.",
  "Results directory": "name a directory on a local disk that you may write to, with --out.",
  Loopback: "allow programs to listen on 127.0.0.1 and to connect to it.",
  "TLS 1.3": "the nodes of a cluster only speak TLS 1.3; check policies that restrict OpenSSL.",
};

/** Judges a version of Node, such as "24.12.0". */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const recent = major > needs.node[0] || (major === needs.node[0] && minor >= needs.node[1]);
  const finding = { subject: "Node", found: `v${version}` };
  if (recent) return { level: "ok", ...finding };
  return { level: "problem", ...finding, advice: "Run `npm ci`, then use `npm run -s grey -- ...`." };
}

function memory(): Finding {
  // Inside a container the limit counts, not the machine. Without one the call answers 0 or an absurdly large number.
  const limitBytes = process.constrainedMemory();
  const bytes = limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem();
  return judgedBytes("Memory", bytes, needs.memoryBytes, "Close other programs, or raise the container's limit.");
}

async function diskSpace(directory: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(directory);
  return judgedBytes("Disk space", bavail * bsize, needs.diskBytes, "Free some, or name another directory with --out.");
}

/** Judges an amount of bytes against the least that works and the least that works well. */
export function judgedBytes(
  subject: string,
  bytes: number,
  least: { readonly problem: number; readonly warning: number },
  remedy: string,
): Finding {
  const found = `${(bytes / gib).toFixed(1)} GiB`;
  if (bytes >= least.warning) return { level: "ok", subject, found };
  const level = bytes < least.problem ? "problem" : "warning";
  return { level, subject, found, advice: `${least.warning / gib} GiB are wanted. ${remedy}` };
}

/** Judges the number of cores. */
export function cores(count: number): Finding {
  if (count >= needs.cores.warning) return { level: "ok", subject: "Cores", found: String(count) };
  const advice = "Load generator and nodes share one core: latencies and ratios will be inflated.";
  return { level: "warning", subject: "Cores", found: String(count), advice };
}

/** Appends and syncs 4 KiB, a hundred times, at most a second long: what a node's log does per group of writes. */
async function syncLatency(directory: string): Promise<Finding> {
  const scratch = await mkdtemp(join(resolve(directory), ".doctor-"));
  try {
    const file = await open(join(scratch, "log"), "a");
    const samplesMs: number[] = [];
    const startedMs = performance.now();
    while (samplesMs.length < 100 && performance.now() - startedMs < 1000) {
      await file.write(new Uint8Array(4096));
      const beforeMs = performance.now();
      await file.datasync();
      samplesMs.push(performance.now() - beforeMs);
    }
    await file.close();
    return judgedSync(samplesMs);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Judges the durations of syncs, at least one. */
export function judgedSync(samplesMs: readonly number[]): Finding {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const p99Ms = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
  const subject = "Results directory";
  const found = `writable; a sync of 4 KiB takes ${medianMs.toFixed(3)} ms (p99 ${p99Ms.toFixed(3)} ms)`;
  if (medianMs > needs.syncMs.warning) {
    return {
      level: "warning",
      subject,
      found,
      advice: "A slow disk bounds every durable write; try another with --out.",
    };
  }
  if (medianMs < needs.syncMs.implausible) {
    const advice = "That fast it hardly reaches a disk (tmpfs?): durable writes will look cheaper than they are.";
    return { level: "warning", subject, found, advice };
  }
  return { level: "ok", subject, found };
}

/** Judges the smallest step of the clock, in nanoseconds. */
export function clock(stepNs: number): Finding {
  const finding = { subject: "Clock", found: `smallest step ${stepNs} ns` };
  if (stepNs <= needs.clockNs.warning) return { level: "ok", ...finding };
  const level = stepNs > needs.clockNs.problem ? "problem" : "warning";
  return { level, ...finding, advice: "Latencies cannot be told apart below that; another clock source may be set." };
}
