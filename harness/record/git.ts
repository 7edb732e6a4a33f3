/** What git says about the tree the run was made from. A tree without git, or without a commit, is `undefined`. */

import { execFileSync } from "node:child_process";

export interface GitState {
  /** Full hash of the commit. */
  readonly sha: string;
  /** Whether tracked or untracked files differ from that commit; ignored files do not count. */
  readonly dirty: boolean;
}

/** @param directory anywhere in the tree. */
export function readGit(directory: string): GitState | undefined {
  const sha = git(directory, ["rev-parse", "--verify", "HEAD"]);
  const status = git(directory, ["status", "--porcelain"]);
  return sha === undefined || status === undefined ? undefined : { sha, dirty: status !== "" };
}

function git(directory: string, parameters: readonly string[]): string | undefined {
  try {
    return execFileSync("git", ["--no-optional-locks", ...parameters], {
      cwd: directory,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    }).trim();
  } catch {
    // No git, no repository, no commit: for the record these are one thing, a tree of unknown origin.
    return undefined;
  }
}
