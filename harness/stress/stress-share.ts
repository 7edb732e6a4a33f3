/**
 * What a process that stresses real threads is asked to do: the other way to find a mistake, beside sweeping seeds
 * through the simulator, where threads never race.
 *
 * It answers as a sweep's process does, a run for each seed; its one check has the name of the stress.
 */

import { runsOfProcess } from "../sweep/answering-process.ts";
import type { SeedRun } from "../sweep/sweep-share.ts";
import type { Validity } from "../check/verdict.ts";

/** Each is a file of this folder, and its export the same in camel case. */
export const stresses = ["stress-skip-list", "stress-run-queue"] as const;
export type StressName = (typeof stresses)[number];

/** What every stress is given. A seed fixes what each thread does, not how they interleave. */
export interface StressRound {
  readonly seed: string;
  readonly rounds: number;
  readonly threads: number;
}

/** What it says: invalid as soon as one round is. */
export interface StressFinding {
  readonly validity: Validity;
  readonly summary: string;
}

/** Seeds `<seed>/<first>`, `<seed>/<first + step>`, ... up to `<seed>/<last>`, each of `rounds` rounds. */
export interface StressShare {
  readonly stress: StressName;
  readonly rounds: number;
  readonly threads: number;
  /** A seed that takes longer has threads that wait for ever: an invalid run, and the last one. */
  readonly limitMs: number;
  readonly seed: string;
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** End at the first seed that is invalid. */
  readonly untilInvalid: boolean;
}

export interface StressOptions {
  /** The sources that are stressed: this repository, or a copy of it. */
  readonly root: string;
  readonly share: StressShare;
  readonly signal: AbortSignal;
}

/**
 * Runs the share; ends early, without an error, when `signal` fires or the consumer stops.
 *
 * @throws HarnessError when the process cannot be started, meets an error of the harness, or ends without an answer.
 */
export function runStress({ root, share, signal }: StressOptions): AsyncGenerator<SeedRun, void> {
  const { stress, seed, first, last } = share;
  const name = `${stress} on seeds ${seed}/${first} to ${seed}/${last}`;
  return runsOfProcess({ root, script: "harness/stress/stress-process.ts", share, name, signal });
}
