/** Runs a share of a sweep's seeds in a process of its own and yields each run as it ends. */

import { runsOfProcess } from "./answering-process.ts";
import type { SeedRun, SweepShare } from "./sweep-share.ts";

export interface ShareOptions {
  /** The sources that are swept: this repository, or a copy of it. */
  readonly root: string;
  readonly share: SweepShare;
  readonly signal: AbortSignal;
}

/**
 * Runs the share; ends early, without an error, when `signal` fires or the consumer stops.
 *
 * @throws HarnessError when the process cannot be started, meets an error of the harness, or ends without an answer.
 */
export function runShare({ root, share, signal }: ShareOptions): AsyncGenerator<SeedRun, void> {
  const { implementation, seed, first, last } = share;
  const name = `${implementation} on seeds ${seed}/${first} to ${seed}/${last}`;
  return runsOfProcess({ root, script: "harness/sweep/sweep-process.ts", share, name, signal });
}
