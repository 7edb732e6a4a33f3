/**
 * The spine: takes experiments from plan to tables, stage by stage, and tells what happens as events.
 *
 * Every finished stage is committed to the results directory at once, so a run that is interrupted, or runs out of its
 * budget, keeps everything it measured and goes on where it stopped. A stage that throws does not end the run: it is
 * reported, and left for a resumed run to do again.
 */

import { rm } from "node:fs/promises";
import path from "node:path";
import { HarnessError } from "../implementations/foundation/errors.ts";
import { worstOf } from "./check/verdict.ts";
import type { Validity } from "./check/verdict.ts";
import type { Experiment, Profile, Stage, StageResult } from "./plan/experiment.ts";
import { attempt, makeDirectory } from "./record/files.ts";
import type { ResultsDirectory } from "./record/results-directory.ts";
import { BlockAborted } from "./run-block.ts";
import type { RunEvent } from "./run-events.ts";

export interface RunOptions {
  readonly experiments: readonly Experiment[];
  readonly profile: Profile;
  readonly seed: string;
  readonly results: ResultsDirectory;
  readonly signal: AbortSignal;
  /** No stage begins that is not expected to end within this many seconds from now; undefined: no limit. */
  readonly budgetS: number | undefined;
}

export interface RunOutcome {
  readonly interrupted: boolean;
  /** Stages left out for want of budget, and stages that failed: a resumed run does them. */
  readonly missing: number;
  /** Worst verdict of each experiment that ran. */
  readonly validities: ReadonlyMap<string, Validity>;
}

interface Planned {
  readonly experiment: Experiment;
  readonly stages: readonly Stage[];
}

/**
 * Runs every stage that the results directory does not hold yet.
 *
 * @throws HarnessError when results cannot be written; UsageError when a plan asks for what is not supported.
 */
export async function* run(options: RunOptions): AsyncGenerator<RunEvent, RunOutcome> {
  const { experiments, profile, seed, results, signal } = options;
  const startedMs = performance.now();
  // One that has nothing to do in this profile is not part of the run: nothing would have been found valid.
  const planned = experiments
    .map((experiment) => ({ experiment, stages: experiment.stages(profile, seed) }))
    .filter(({ stages }) => stages.length > 0);
  yield plannedEvent(planned, results);
  const validities = new Map<string, Validity>();
  let skipped = 0;
  let failed = 0;
  for (const { experiment, stages } of planned) {
    const { id, title } = experiment;
    const verdicts: Validity[] = [];
    yield { kind: "experiment-started", id, title, blocks: stages.length };
    for (const [block, stage] of stages.entries()) {
      if (results.has(id, block)) continue;
      if (signal.aborted) return { interrupted: true, missing: skipped + failed, validities };
      const elapsedS = (performance.now() - startedMs) / 1000;
      if (options.budgetS !== undefined && elapsedS + stage.estimateS > options.budgetS) {
        skipped++;
        continue;
      }
      yield { kind: "block-started", experiment: id, block, blocks: stages.length, label: stage.label };
      const ended = yield* runStage(options, id, block, stage);
      if (ended === "aborted") return { interrupted: true, missing: skipped + failed, validities };
      if (ended === "failed") failed++;
      else if (ended.validity !== "void") verdicts.push(ended.validity);
    }
    const blocks = results.manifest.blocks.filter((each) => each.experiment === id);
    const missing = stages.length > blocks.length;
    // What was not done was not found valid either.
    const validity = worstOf([
      ...verdicts,
      ...blocks.map(({ verdict }) => verdict),
      ...(missing ? ["unknown" as const] : []),
    ]);
    validities.set(id, validity);
    const summary = `${blocks.length} of ${stages.length} blocks`;
    yield { kind: "experiment-finished", id, validity, summary };
  }
  if (skipped > 0) yield { kind: "note", level: "warning", text: `${skipped} blocks left out: the budget is spent` };
  return { interrupted: false, missing: skipped + failed, validities };
}

async function* runStage(
  { results, signal }: RunOptions,
  experiment: string,
  block: number,
  stage: Stage,
): AsyncGenerator<RunEvent, StageResult | "aborted" | "failed"> {
  const startedAt = new Date();
  const startedMs = performance.now();
  const workDirectory = path.join(results.folder(".scratch"), `${experiment}-${block}`);
  const progress = new ProgressQueue();
  const durationS = (): number => (performance.now() - startedMs) / 1000;
  let result: StageResult;
  try {
    // A run that was killed left its nodes' data there.
    await rm(workDirectory, { recursive: true, force: true });
    attempt(`create ${workDirectory}`, () => makeDirectory(workDirectory));
    const running = stage.run({
      workDirectory,
      signal,
      onProgress: (fraction, text) => progress.push({ kind: "block-progress", experiment, block, fraction, text }),
    });
    result = yield* progress.until(running);
  } catch (error) {
    if (error instanceof BlockAborted) return "aborted";
    if (!(error instanceof HarnessError)) throw error;
    // What was measured before stays; this block is missing and a resumed run does it again.
    yield { kind: "note", level: "warning", text: `${experiment} block ${block}: ${error.message}` };
    yield {
      kind: "block-finished",
      experiment,
      block,
      validity: "void",
      summary: error.message,
      durationS: durationS(),
    };
    return "failed";
  } finally {
    await rm(workDirectory, { recursive: true, force: true });
  }
  for (const file of result.files) {
    results.writeFile(file.path, file.content);
    // Every block leaves its plan; only what tells of something special is worth a line.
    if (!file.path.startsWith("plans/")) yield { kind: "written", path: path.join(results.path, file.path) };
  }
  const { validity, summary } = result;
  results.commitBlock(
    {
      experiment,
      block,
      seed: stage.seed,
      implementations: [...result.implementations],
      startedAt: startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      verdict: validity === "void" ? "unknown" : validity,
    },
    result.rows,
  );
  yield { kind: "block-finished", experiment, block, validity, summary, durationS: durationS() };
  return result;
}

function plannedEvent(planned: readonly Planned[], results: ResultsDirectory): RunEvent {
  return {
    kind: "planned",
    directory: results.path,
    experiments: planned.map(({ experiment, stages }) => {
      const left = stages.filter((_, block) => !results.has(experiment.id, block));
      const estimateS = left.reduce((sum, stage) => sum + stage.estimateS, 0);
      return { id: experiment.id, title: experiment.title, blocks: stages.length, estimateS };
    }),
  };
}

/** Turns a stage's progress calls into events of the generator while the stage runs. */
class ProgressQueue {
  #latest: RunEvent | undefined;
  #wake: () => void = () => undefined;

  /** Only the newest progress matters: an older one that was not drawn yet is replaced. */
  push(event: RunEvent): void {
    this.#latest = event;
    this.#wake();
  }

  async *until<T>(work: Promise<T>): AsyncGenerator<RunEvent, T> {
    let settled = false;
    const done = work.finally(() => {
      settled = true;
      this.#wake();
    });
    done.catch(() => undefined); // Handled below; without this a failure before the loop looks unhandled.
    while (!settled) {
      const latest = this.#latest;
      this.#latest = undefined;
      if (latest !== undefined) {
        yield latest;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (settled || this.#latest !== undefined) resolve();
      });
    }
    return done;
  }
}
