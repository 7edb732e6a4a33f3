/**
 * Hunts mutants: plants one after the other and sweeps seeds through the simulator until a check finds it; those that
 * only racing threads show are hunted by a stress of real ones instead.
 *
 * First the sources as they are go through as many seeds: a check that also fails without a mutant finds nothing. A
 * mutant is found when a check is invalid; a node's own assertion that fails is such a check. Every mutant is shown the
 * same seeds, so a result can be repeated by itself.
 */

import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { worstOf } from "../check/verdict.ts";
import type { Validity } from "../check/verdict.ts";
import type { RunEvent } from "../run-events.ts";
import { implementationOf } from "../rooms/rooms.ts";
import { runStress } from "../stress/stress-share.ts";
import { runShare } from "../sweep/run-share.ts";
import { inParallel } from "../sweep/in-parallel.ts";
import type { SeedRun, SweepShare } from "../sweep/sweep-share.ts";
import type { Mutant } from "./mutant.ts";
import { requireFit, withPlanted } from "./plant.ts";

export interface HuntOptions {
  readonly mutants: readonly Mutant[];
  /** The sources: this repository. */
  readonly root: string;
  readonly kinds: readonly FaultKind[];
  readonly seed: string;
  /** Seeds until a mutant is given up. */
  readonly runs: number;
  /** Processes at a time. */
  readonly workers: number;
  readonly signal: AbortSignal;
  nowMs(): number;
}

export interface Hunted {
  readonly id: string;
  readonly mistake: string;
  readonly violates: string;
  /** `unfinished`: the person stopped before either was known. */
  readonly outcome: "found" | "survived" | "unfinished";
  /** What found it, and in which seed. */
  readonly checks: readonly string[];
  readonly summary: string;
  readonly seed: string | undefined;
  readonly runs: number;
  readonly durationS: number;
}

export interface HuntSummary {
  readonly seed: string;
  readonly control: { readonly runs: number; readonly validity: Validity; readonly summary: string };
  readonly mutants: readonly Hunted[];
  /** invalid: a mutant survived, or the control failed; unknown: stopped before the end. */
  readonly verdict: Validity;
}

/** About: one simulated run. */
const runS = 0.08;
/** A stress takes much longer than a simulated run: it gets one seed of several rounds where a sweep gets so many. */
const runsPerStress = 20;
const stressRounds = 6;
const stressThreads = 3;
const stressLimitMs = 120_000;

/** @throws HarnessError when a mutant does not fit the sources any more, before anything runs. */
export async function* huntMutants(options: HuntOptions): AsyncGenerator<RunEvent, HuntSummary> {
  const { mutants, root, seed, runs, workers } = options;
  for (const mutant of mutants) await requireFit(root, mutant);
  const blocks = mutants.length;
  const estimateS = (runs * runS) / workers;
  yield {
    kind: "planned",
    directory: undefined,
    experiments: [
      { id: "control", title: "The sources as they are", blocks: 1, estimateS },
      { id: "mutants", title: "Known mistakes, planted one at a time", blocks, estimateS: (estimateS * blocks) / 4 },
    ],
  };
  const control = yield* runControl(options);
  const summary = { seed, control, mutants: [], verdict: control.validity } as const;
  if (control.validity !== "valid") return summary;
  yield { kind: "experiment-started", id: "mutants", title: "Known mistakes, planted one at a time", blocks };
  const hunted = yield* inParallel(mutants.length, workers, (index, tell) => hunt(options, index, tell));
  const verdict = worstOf(hunted.map(verdictOf));
  const found = hunted.filter(({ outcome }) => outcome === "found").length;
  yield { kind: "experiment-finished", id: "mutants", validity: verdict, summary: `${found} of ${blocks} found` };
  return { ...summary, mutants: hunted, verdict };
}

async function* runControl(options: HuntOptions): AsyncGenerator<RunEvent, HuntSummary["control"]> {
  const { mutants, root, runs, workers } = options;
  const beganMs = options.nowMs();
  const title = "The sources as they are";
  yield { kind: "experiment-started", id: "control", title, blocks: 1 };
  yield { kind: "block-started", experiment: "control", block: 0, blocks: 1, label: `${runs} seeds without a mutant` };
  const subjects = subjectsOf(mutants);
  const wanted = subjects.reduce((sum, subject) => sum + runsOf(options, subject), 0);
  const seen: SeedRun[] = [];
  for (const subject of subjects) {
    yield* inParallel(workers, workers, (worker, tell) =>
      withPlanted(root, undefined, async (copy) => {
        for await (const run of runsOn(copy, options, subject, { first: worker, step: workers, untilInvalid: false })) {
          seen.push(run);
          const fraction = Math.min(1, seen.length / wanted);
          tell({ kind: "block-progress", experiment: "control", block: 0, fraction, text: `${seen.length} seeds` });
        }
      }),
    );
  }
  const failed = seen.find(({ failures }) => failures.length > 0);
  const missing = seen.length < wanted;
  const validity = worstOf([
    ...seen.flatMap(({ failures }) => failures.map((each) => each.validity)),
    ...(missing ? (["unknown"] as const) : []),
  ]);
  const stopped = missing ? `, stopped after ${seen.length} runs` : "";
  const found = failed === undefined ? `${seen.length} runs valid` : `${textOf(failed)} (seed ${failed.seed})`;
  const summary = `${found}${stopped}`;
  const durationS = (options.nowMs() - beganMs) / 1000;
  yield { kind: "block-finished", experiment: "control", block: 0, validity, summary, durationS };
  yield { kind: "experiment-finished", id: "control", validity, summary };
  return { runs: seen.length, validity, summary };
}

async function hunt(options: HuntOptions, block: number, tell: (event: RunEvent) => void): Promise<Hunted> {
  const { mutants, root, signal } = options;
  const mutant = mutants[block]!;
  const { id, mistake, violates } = mutant;
  const beganMs = options.nowMs();
  tell({ kind: "block-started", experiment: "mutants", block, blocks: mutants.length, label: `${id}: ${mistake}` });
  let runs = 0;
  const finding = await withPlanted(root, mutant, async (copy) => {
    const wanted = runsOf(options, mutant);
    for await (const run of runsOn(copy, options, mutant, { first: 0, step: 1, untilInvalid: true })) {
      runs++;
      const text = `${id}, ${runs} seeds`;
      tell({ kind: "block-progress", experiment: "mutants", block, fraction: runs / wanted, text });
      if (run.failures.some(({ validity }) => validity === "invalid")) return run;
    }
    return undefined;
  });
  const durationS = (options.nowMs() - beganMs) / 1000;
  const outcome = finding !== undefined ? "found" : signal.aborted ? "unfinished" : "survived";
  const invalid = finding?.failures.filter(({ validity }) => validity === "invalid") ?? [];
  const hunted: Hunted = {
    id,
    mistake,
    violates,
    outcome,
    checks: invalid.map((each) => each.id),
    summary: finding === undefined ? "no check failed" : textOf(finding),
    seed: finding?.seed,
    runs,
    durationS,
  };
  const where = finding === undefined ? `in ${runs} runs` : `in run ${runs}, ${hunted.checks.join(", ")}`;
  const validity = verdictOf(hunted);
  tell({
    kind: "block-finished",
    experiment: "mutants",
    block,
    validity,
    summary: `${id} ${outcome} ${where}`,
    durationS,
  });
  return hunted;
}

type Subject = Pick<Mutant, "module" | "implementation" | "foundBy">;

/** What gets mutants, and how they are hunted, each once. */
function subjectsOf(mutants: readonly Mutant[]): readonly Subject[] {
  const byName = new Map(
    mutants.map((mutant) => [`${mutant.module}/${mutant.implementation}/${mutant.foundBy ?? "sweep"}`, mutant]),
  );
  return [...byName.values()];
}

/** Seeds until a mutant is given up. */
function runsOf({ runs }: HuntOptions, { foundBy = "sweep" }: Subject): number {
  return foundBy === "sweep" ? runs : Math.ceil(runs / runsPerStress);
}

/** Runs the sources under `root`. */
function runsOn(
  root: string,
  options: HuntOptions,
  subject: Subject,
  which: Pick<SweepShare, "first" | "step" | "untilInvalid">,
): AsyncGenerator<SeedRun, void> {
  const { kinds, seed, signal } = options;
  const { module, implementation, foundBy = "sweep" } = subject;
  const seeds = { seed, last: runsOf(options, subject) - 1, ...which };
  if (foundBy !== "sweep") {
    const share = { stress: foundBy, rounds: stressRounds, threads: stressThreads, limitMs: stressLimitMs, ...seeds };
    return runStress({ root, share, signal });
  }
  const supported = implementationOf(module, implementation).faults.simulated;
  const offered = kinds.filter((kind) => supported?.has(kind) === true);
  const share = { module, implementation, kinds: offered, style: "swarm", ...seeds } as const;
  return runShare({ root, share, signal });
}

function verdictOf({ outcome }: Hunted): Validity {
  return outcome === "found" ? "valid" : outcome === "survived" ? "invalid" : "unknown";
}

function textOf({ failures }: SeedRun): string {
  const worst = failures.find(({ validity }) => validity === "invalid") ?? failures[0];
  return worst === undefined ? "valid" : `${worst.id} ${worst.validity}: ${worst.summary}`;
}
