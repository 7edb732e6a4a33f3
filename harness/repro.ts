/**
 * The engine of `grey repro`: runs the experiments, judges the claims on what they left, draws the figures, writes the
 * report. Judging and drawing read the results directory only, so they can be done again from it at any time.
 */

import { UsageError } from "../implementations/foundation/errors.ts";
import type { Validity } from "./check/verdict.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Claim, Verdict } from "./claim/claim.ts";
import { exitCodeOfVerdicts } from "./claim/judge.ts";
import type { ClaimVerdict } from "./claim/judge.ts";
import type { Experiment, Profile } from "./plan/experiment.ts";
import { profiles } from "./plan/experiment.ts";
import { readEnvironment } from "./record/environment.ts";
import type { Environment } from "./record/environment.ts";
import { readGit } from "./record/git.ts";
import { samplePressure } from "./record/pressure.ts";
import type { PressureSample } from "./record/pressure.ts";
import { createResults, resumeResults } from "./record/results-directory.ts";
import type { ResultsDirectory } from "./record/results-directory.ts";
import { repositoryRoot } from "./repository-root.ts";
import type { RunEvent } from "./run-events.ts";
import { run } from "./run.ts";
import { publish } from "./publish.ts";

export interface ReproOptions {
  readonly profile: Profile;
  /** Ids of experiments and claims; empty: all. */
  readonly only: readonly string[];
  readonly budgetS: number | undefined;
  /** Results directory of an interrupted run; its profile, seed and experiments are what goes on. */
  readonly resume: string | undefined;
  readonly seed: string;
  readonly out: string | undefined;
  readonly signal: AbortSignal;
  readonly commandLine: string;
  /** As npm hands it to its scripts; undefined when not started by npm. */
  readonly npmUserAgent?: string | undefined;
  readonly catalogue: Catalogue;
}

export interface ReproSummary {
  readonly directory: string;
  readonly interrupted: boolean;
  readonly claims: readonly {
    readonly id: string;
    readonly verdict: Verdict;
    readonly statement: string;
    readonly published: string;
    readonly measured: string;
  }[];
  /** Claims per verdict. */
  readonly counts: Readonly<Record<string, number>>;
  readonly exitCode: 0 | 1 | 2;
}

/**
 * Runs, judges and reports.
 *
 * @throws UsageError when what is asked for does not exist; HarnessError when results cannot be written.
 */
export async function* repro(options: ReproOptions): AsyncGenerator<RunEvent, ReproSummary> {
  const { catalogue, signal } = options;
  const results = options.resume === undefined ? begin(options) : resumeResults(options.resume);
  const { profile, seed, experiments: ids } = results.manifest;
  const experiments = catalogue.experiments.filter(({ id }) => ids.includes(id));
  const pressure: PressureSample[] = [samplePressure("before", new Date().toISOString())];
  const environmentNow = (): Environment => {
    const { npmUserAgent } = options;
    return readEnvironment({ root: repositoryRoot, resultsDirectory: results.path, seed, npmUserAgent, pressure });
  };
  let status: "complete" | "interrupted" = "interrupted";
  try {
    results.writeFile("environment.json", jsonText(environmentNow()));
    const running = run({
      experiments,
      profile: profileOf(profile),
      seed,
      results,
      signal,
      budgetS: options.budgetS,
    });
    const outcome = yield* sampled(running, pressure, experiments.length);
    pressure.push(samplePressure("after", new Date().toISOString()));
    const environment = environmentNow();
    results.writeFile("environment.json", jsonText(environment));
    status = outcome.interrupted || outcome.missing > 0 ? "interrupted" : "complete";
    const claims = claimsOf(catalogue, experiments, options.only);
    const verdicts = yield* publish({
      results,
      environment,
      catalogue,
      claims,
      experiments,
      interrupted: status === "interrupted",
    });
    return summaryOf(results, status === "interrupted", verdicts, [...outcome.validities.values()]);
  } finally {
    results.close(status, new Date().toISOString());
  }
}

function begin(options: ReproOptions): ResultsDirectory {
  const { catalogue, only, profile, seed, out, commandLine } = options;
  const chosen = select(catalogue, only);
  const left = catalogue.experiments.filter((experiment) => !chosen.includes(experiment));
  const description = {
    profile,
    seed,
    command: [commandLine],
    experiments: chosen.map(({ id }) => id),
    notRun: Object.fromEntries(left.map(({ id }) => [id, "left out by --only"])),
    git: readGit(repositoryRoot),
    startedAt: new Date().toISOString(),
  };
  return createResults(out === undefined ? { under: "results" } : { out }, description);
}

/** The experiments named, and those of the claims named. */
function select({ experiments, claims }: Catalogue, only: readonly string[]): readonly Experiment[] {
  if (only.length === 0) return experiments;
  const wanted = new Set(only.flatMap((id) => claims.find((claim) => claim.id === id)?.experiments ?? [id]));
  for (const id of wanted) {
    if (!experiments.some((experiment) => experiment.id === id)) {
      throw new UsageError(`Cannot run ${id}: there is no such experiment or claim; see grey list`);
    }
  }
  return experiments.filter(({ id }) => wanted.has(id));
}

/** Every claim, unless the run is narrowed: then those it named, or whose experiments it ran. */
function claimsOf(
  { claims, experiments }: Catalogue,
  ran: readonly Experiment[],
  only: readonly string[],
): readonly Claim[] {
  if (ran.length === experiments.length) return claims;
  const ids = new Set(ran.map(({ id }) => id));
  return claims.filter((claim) => only.includes(claim.id) || claim.experiments.every((id) => ids.has(id)));
}

/** A resumed run is what its manifest says, and a manifest can have been written by hand. */
function profileOf(text: string): Profile {
  const profile = profiles.find((each) => each === text);
  if (profile === undefined) {
    throw new UsageError(`Cannot resume a run of profile ${text}: allowed are ${profiles.join(", ")}`);
  }
  return profile;
}

/** Passes events on and looks at the machine once in the middle of the run. */
async function* sampled<Result>(
  running: AsyncGenerator<RunEvent, Result>,
  pressure: PressureSample[],
  experiments: number,
): AsyncGenerator<RunEvent, Result> {
  let finished = 0;
  for (;;) {
    const next = await running.next();
    if (next.done === true) return next.value;
    if (next.value.kind === "experiment-finished" && ++finished === Math.ceil(experiments / 2)) {
      pressure.push(samplePressure("during", new Date().toISOString()));
    }
    yield next.value;
  }
}

function summaryOf(
  results: ResultsDirectory,
  interrupted: boolean,
  verdicts: readonly ClaimVerdict[],
  experiments: readonly Validity[],
): ReproSummary {
  const counts: Record<string, number> = {};
  for (const { verdict } of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  const judged = exitCodeOfVerdicts(verdicts.map(({ verdict }) => verdict));
  return {
    directory: results.path,
    interrupted,
    claims: verdicts.map(({ claim, verdict, measures }) => ({
      id: claim.id,
      verdict,
      statement: claim.statement,
      published: `${claim.published.value} ${claim.published.unit}`.trim(),
      measured: measures.map(({ measured }) => measured).join("; "),
    })),
    counts,
    // A failed check refutes something even where no claim is about it; what is missing leaves something open.
    exitCode: experiments.includes("invalid") ? 1 : interrupted && judged === 0 ? 2 : judged,
  };
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
