/** Finds programs of this machine; what `execvp` and a shell would find. Reads the environment and changes nothing. */

import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

export interface Sought {
  /** "etcd". */
  readonly name: string;
  /** The environment variable that names another file or another name: "GREY_ETCD". */
  readonly variable?: string;
}

/** Returns the absolute path of the program, or undefined when there is none that could be run. */
export function findExecutable({ name, variable }: Sought): string | undefined {
  const wanted = (variable === undefined ? undefined : process.env[variable]) || name;
  if (wanted.includes("/")) return isExecutable(path.resolve(wanted)) ? path.resolve(wanted) : undefined;
  const folders = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => path.resolve(folder, wanted)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
