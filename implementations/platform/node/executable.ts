/** Finds programs of this machine; what `execvp` and a shell would find. Reads the environment and changes nothing. */

import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";

export interface Sought {
  /** "etcd". */
  readonly name: string;
  /** The environment variable that names another file, another name, or a folder to look in: "GREY_ETCD". */
  readonly variable?: string;
  /** Folders outside of the PATH, looked at first; `*` stands for a version, and the highest one counts. */
  readonly folders?: readonly string[];
  /** Programs it is of no use without; they stand in its own folder. */
  readonly beside?: readonly string[];
  /** What it says to `--version`: a name alone can be anybody's. */
  readonly saysVersion?: RegExp;
}

/** How long a program may take to say its version. */
const versionLimitMs = 5000;

/** Returns the absolute path of the program, or undefined when there is none that could be run. */
export function findExecutable(sought: Sought): string | undefined {
  return candidatesOf(sought).find((file) => isExecutable(file) && isWanted(file, sought));
}

function candidatesOf({ name, variable, folders = [] }: Sought): readonly string[] {
  const named = variable === undefined ? undefined : process.env[variable];
  const wanted = named || name;
  if (wanted.includes("/")) return [path.resolve(wanted), path.resolve(wanted, name)];
  const ofPath = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "");
  const known = named ? [] : folders.flatMap(versionsOf);
  return [...known, ...ofPath].map((folder) => path.resolve(folder, wanted));
}

/** A pattern becomes the folders that there are, the highest version first. */
function versionsOf(pattern: string): readonly string[] {
  const [before, after] = pattern.split("*");
  if (before === undefined || after === undefined) return [pattern];
  return listed(before)
    .toSorted((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((version) => before + version + after);
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isWanted(file: string, { beside = [], saysVersion }: Sought): boolean {
  const folder = path.dirname(realpathSync(file));
  if (!beside.every((name) => isExecutable(path.join(folder, name)))) return false;
  return saysVersion === undefined || saysVersion.test(versionOf(file));
}

/** Returns what the program says to `--version`; nothing, if it fails or takes too long. */
export function versionOf(file: string): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync(file, ["--version"], { encoding: "utf8", stdio: [...stdio], timeout: versionLimitMs });
  } catch {
    return "";
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
