/**
 * `environment.json`: the machine, its limits and the software a run was made with.
 *
 * What cannot be read says "unavailable"; nothing is guessed. Never recorded: the names of host, user or paths outside
 * the repository. What the machine was doing meanwhile is in `pressure.ts`.
 */

import { createHash } from "node:crypto";
import { readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { readGit } from "./git.ts";
import type { PressureSample } from "./pressure.ts";

export type Known<T> = T | "unavailable";

export interface Environment {
  readonly hardware: {
    readonly cpuModel: Known<string>;
    readonly architecture: string;
    readonly logicalCpus: number;
    /** After affinity and cgroup limits, as the runtime sees it. */
    readonly usableCpus: number;
    readonly cpuGovernor: Known<string>;
    readonly memoryBytes: number;
  };
  readonly system: { readonly platform: string; readonly kernel: string };
  readonly limits: {
    /** CPUs' worth of time per period. */
    readonly cgroupCpus: Known<number | "unlimited">;
    readonly cgroupMemoryBytes: Known<number | "unlimited">;
    readonly openFiles: Known<number | "unlimited">;
  };
  /** Of the results directory, where the nodes' disks are too. */
  readonly storage: { readonly fileSystemType: Known<string>; readonly freeBytes: Known<number> };
  readonly software: {
    readonly node: string;
    readonly v8: string;
    readonly libuv: string;
    readonly npm: Known<string>;
  };
  readonly source: {
    readonly gitSha: Known<string>;
    readonly gitDirty: Known<boolean>;
    readonly lockfileSha256: Known<string>;
  };
  /** Every seed of the run derives from this one. */
  readonly seed: string;
  readonly pressure: readonly PressureSample[];
}

/** Reads a text file of the machine; undefined when that is not possible. Tests hand in another machine. */
export type ReadFile = (path: string) => string | undefined;

export interface EnvironmentOptions {
  /** The repository. */
  readonly root: string;
  readonly resultsDirectory: string;
  readonly seed: string;
  /** npm's user agent, "npm/11.4.2 node/...", as npm hands it to its scripts; undefined when not started by npm. */
  readonly npmUserAgent: string | undefined;
  readonly pressure: readonly PressureSample[];
  readonly readFile?: ReadFile;
}

export function readEnvironment(options: EnvironmentOptions): Environment {
  const read = options.readFile ?? readIfPossible;
  const git = readGit(options.root);
  const lockfile = read(join(options.root, "package-lock.json"));
  return {
    hardware: {
      cpuModel: cpus()[0]?.model.trim() || "unavailable",
      architecture: arch(),
      logicalCpus: cpus().length,
      usableCpus: availableParallelism(),
      cpuGovernor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?.trim() ?? "unavailable",
      memoryBytes: totalmem(),
    },
    system: { platform: platform(), kernel: release() },
    limits: readLimits(read),
    storage: readStorage(options.resultsDirectory),
    software: {
      node: process.versions.node,
      v8: process.versions.v8,
      libuv: process.versions.uv,
      npm: /\bnpm\/(\S+)/.exec(options.npmUserAgent ?? "")?.[1] ?? "unavailable",
    },
    source: {
      gitSha: git?.sha ?? "unavailable",
      gitDirty: git?.dirty ?? "unavailable",
      lockfileSha256: lockfile === undefined ? "unavailable" : createHash("sha256").update(lockfile).digest("hex"),
    },
    seed: options.seed,
    pressure: options.pressure,
  };
}

/** Returns the text of a file, or undefined: a machine without /proc is no error. */
export function readIfPossible(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Exported for its test: the limits of the control group this process is in, version 2 or 1, and of open files. */
export function readLimits(read: ReadFile): Environment["limits"] {
  const groups = read("/proc/self/cgroup")?.trim().split("\n") ?? [];
  const groupOf = (controller: string): string | undefined => {
    const line = groups.find((group) => group.split(":")[1]?.split(",").includes(controller));
    return line?.split(":").slice(2).join(":");
  };
  // A container sees its own group at the root of the mount, whatever path the host gives it.
  const first = (...paths: string[]): string | undefined =>
    paths
      .map(read)
      .find((text) => text !== undefined)
      ?.trim();
  const unified = `/sys/fs/cgroup${groupOf("") ?? ""}`;
  const v2 = first(`${unified}/cpu.max`, "/sys/fs/cgroup/cpu.max");
  const quota =
    v2?.split(" ")[0] ??
    first(`/sys/fs/cgroup/cpu${groupOf("cpu") ?? ""}/cpu.cfs_quota_us`, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const period =
    v2?.split(" ")[1] ??
    first(`/sys/fs/cgroup/cpu${groupOf("cpu") ?? ""}/cpu.cfs_period_us`, "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  const memory =
    first(`${unified}/memory.max`, "/sys/fs/cgroup/memory.max") ??
    first(
      `/sys/fs/cgroup/memory${groupOf("memory") ?? ""}/memory.limit_in_bytes`,
      "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    );
  const files = /^Max open files\s+(\S+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  const cpuTime = amount(quota);
  return {
    cgroupCpus: typeof cpuTime === "number" ? cpuTime / Number(period) : cpuTime,
    cgroupMemoryBytes: amount(memory),
    openFiles: amount(files),
  };
}

/** "max" (version 2), "unlimited", -1 and numbers near 2^63 (version 1) mean there is no limit. */
function amount(text: string | undefined): Known<number | "unlimited"> {
  if (text === undefined) return "unavailable";
  if (text === "max" || text === "unlimited" || text === "-1") return "unlimited";
  const value = Number(text);
  if (!Number.isFinite(value)) return "unavailable";
  return value > Number.MAX_SAFE_INTEGER ? "unlimited" : value;
}

function readStorage(directory: string): Environment["storage"] {
  try {
    const { type, bavail, bsize } = statfsSync(directory);
    return { fileSystemType: fileSystems[type] ?? `0x${type.toString(16)}`, freeBytes: bavail * bsize };
  } catch {
    return { fileSystemType: "unavailable", freeBytes: "unavailable" };
  }
}

/** Linux magic numbers; on others the number itself is recorded. */
const fileSystems: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x794c7630: "overlayfs",
  0x2fc12fc1: "zfs",
  0x6969: "nfs",
};
