/**
 * A stage that takes implementations of the scheduler through scripts of submissions, and measures their traces.
 *
 * What an implementation cannot be asked for (see `Ability`) is left out of its tasks: so the same script shows what it
 * does without. Verdicts come from the room's watch, which sees every event, and from the script itself: what it says
 * has to be refused is refused, everything else is accepted, and every accepted task ends. As everywhere, an
 * implementation whose run is not valid yields its verdicts and no measurement.
 */

import path from "node:path";
import type { Outcome, Substrate } from "../implementations/foundation/deployment.ts";
import type { Millis } from "../implementations/foundation/units.ts";
import { limits } from "../implementations/scheduler/contract.ts";
import type {
  SchedulerDeployment,
  SchedulerEvent,
  SchedulerImplementation,
  SchedulerResult,
  TaskSpec,
} from "../implementations/scheduler/contract.ts";
import { attemptRows, checkRows, measurementRows, timelineRows } from "./block-rows.ts";
import type { MeasuredVariants } from "./block-outcome.ts";
import type { CheckResult } from "./check/verdict.ts";
import { worstOf } from "./check/verdict.ts";
import { blockOrder } from "./measure/abba.ts";
import { attemptsOf } from "./measure/attempts.ts";
import type { AnyTimedEvent } from "./measure/attempts.ts";
import type { Measurement } from "./measure/probes.ts";
import type { ScheduleProbe, TracedRun } from "./measure/scheduler-probes.ts";
import type { Moment } from "./measure/timeline-probes.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import { planOf } from "./plan/plan.ts";
import type { TaskWorkloadSpec } from "./plan/plan.ts";
import { settingsOf } from "./plan/settings-of.ts";
import type { TaskScript } from "./plan/task-script.ts";
import type { ImplementationRecord } from "./record/manifest.ts";
import type { Row, TableName } from "./record/tables.ts";
import { implementationOf, missingImplementations, roomOf } from "./rooms/rooms.ts";

export interface ScriptVariant {
  /** What tells it from the others; its measurements are named METRIC@NAME. Empty: the only one. */
  readonly name: string;
  readonly script: TaskScript;
  readonly probes: readonly ScheduleProbe[];
  readonly timeline?: (run: TracedRun) => readonly Moment[];
  /** Also one row per attempt. */
  readonly keepsAttempts?: boolean;
  /** Those that run it; all of the stage unless it is said. */
  readonly implementations?: readonly string[];
}

export interface TaskScriptStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly label: string;
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly seed: string;
  readonly estimateS: number;
  readonly variants: readonly ScriptVariant[];
  /** What the variants of one implementation say together. */
  readonly relate?: (measured: MeasuredVariants) => readonly Measurement[];
}

export function taskScriptStage(options: TaskScriptStageOptions): Stage {
  const { label, seed, estimateS } = options;
  return { label, seed, estimateS, run: (context) => runStage(options, context) };
}

interface FinishedRun {
  readonly implementation: string;
  readonly variant: ScriptVariant;
  readonly trace: readonly AnyTimedEvent[];
  readonly checks: readonly CheckResult[];
}

async function runStage(options: TaskScriptStageOptions, context: StageContext): Promise<StageResult> {
  const { block, seed, variants, implementations } = options;
  const missing = await missingImplementations("scheduler", implementations);
  const planned = variants.flatMap((variant) =>
    blockOrder(`${seed}/${variant.name}`, block, variant.implementations ?? implementations)
      .filter((name) => !missing.has(name))
      .map((implementation) => ({ variant, implementation })),
  );
  const runs: FinishedRun[] = [];
  for (const [position, { variant, implementation }] of planned.entries()) {
    context.signal.throwIfAborted();
    runs.push(await runScript(options, variant, implementation, context));
    context.onProgress((position + 1) / planned.length, `${implementation} ${variant.name}`);
  }
  return resultOf(options, runs, missing);
}

async function runScript(
  { substrate, seed }: TaskScriptStageOptions,
  variant: ScriptVariant,
  name: string,
  { workDirectory }: StageContext,
): Promise<FinishedRun> {
  const { script } = variant;
  const implementation = implementationOf("scheduler", name) as unknown as SchedulerImplementation;
  const runSeed = `${seed}/${variant.name}`;
  const settings = settingsOf(name, script.settings);
  const directory = path.join(workDirectory, variant.name, name);
  const deployment = await implementation.deploy({
    substrate,
    nodes: script.nodes,
    seed: runSeed,
    directory,
    settings,
  });
  try {
    const { nodes } = script;
    const plan = planOf({
      module: "scheduler",
      seed: runSeed,
      nodes,
      settings: script.settings,
      workload: loadOf(script),
    });
    const watch = roomOf("scheduler").watch({ implementation, deployment, substrate, plan });
    const play = new Play(implementation, deployment, script);
    const ended = await play.run();
    const watched = watch.results(deployment.clock.nowMs()).filter(({ id }) => id !== endsCheck || play.waitsForEnds);
    const checks = [...watched, play.check(ended)];
    return { implementation: name, variant, trace: play.trace, checks };
  } finally {
    await deployment.stop();
  }
}

/** What the room's watch has to know of what is submitted. */
function loadOf({ submissions }: TaskScript): TaskWorkloadSpec {
  const hasDeadlines = submissions.some(({ tasks }) => tasks.some(({ deadlineMs }) => deadlineMs !== undefined));
  const kinds = [{ share: 1, kind: "sleep", ms: 0 }] as const;
  return { id: "tasks", tasks: { tasksPerJob: limits.tasks, kinds, deadlineFraction: hasDeadlines ? 1 : 0 } };
}

/** What the watch says of tasks that have not ended: of a script that does not wait for them it is no verdict. */
const endsCheck = "every-task-ends";
const readyLimitMs = 20_000;
const readyPollMs = 25;
/** Nobody's session: submissions count theirs from 0. */
const readinessSession = 900_000_000;
const answerLimitMs = 30_000;
/** What is submitted so shortly before the end of a script may still be on its way then. */
const answerGraceMs = 500;
/** Of the driver's time, after the last submission: half an hour of virtual chains, and an end for what hangs. */
const endLimitMs = 2_000_000;

/** One script on one deployment. */
class Play {
  readonly trace: (AnyTimedEvent & { readonly event: SchedulerEvent })[] = [];
  readonly #implementation: SchedulerImplementation;
  readonly #deployment: SchedulerDeployment;
  readonly #script: TaskScript;
  readonly #outcomes = new Map<number, Outcome<SchedulerResult>>();
  /** Accepted tasks whose ends are not known yet. */
  readonly #open = new Set<string>();
  readonly #committed = new Set<string>();
  #beganMs: Millis = 0;
  #next = 0;
  #unanswered = 0;
  #isBegun = false;
  #finish: () => void = () => undefined;

  constructor(implementation: SchedulerImplementation, deployment: SchedulerDeployment, script: TaskScript) {
    this.#implementation = implementation;
    this.#deployment = deployment;
    this.#script = script;
    deployment.observe(({ timeMs, node, event }) => this.#observe(timeMs, node, event));
  }

  /** @returns whether it came to its end. */
  async run(): Promise<boolean> {
    const deployment = this.#deployment;
    if (!(await this.#ready())) return false;
    this.#beganMs = deployment.clock.nowMs();
    this.#isBegun = true;
    const { untilMs, submissions } = this.#script;
    const lastMs = Math.max(0, ...submissions.map(({ at }) => (at === "answered" ? 0 : at)));
    return deployment.run((untilMs ?? lastMs) + endLimitMs, (finish) => {
      this.#finish = finish;
      if (untilMs !== undefined) deployment.clock.after(untilMs, finish);
      this.#submitNext();
    });
  }

  /** Whether something was accepted, and the script goes on until all of it has ended. */
  get waitsForEnds(): boolean {
    return this.#script.untilMs === undefined && this.#committed.size > 0;
  }

  /** Whether the script's submissions became what it says, and all that was accepted ended. */
  check(ended: boolean): CheckResult {
    const { submissions, untilMs } = this.#script;
    const wrong = submissions.flatMap(({ at, tasks, refusedWith }, index) => {
      const outcome = this.#outcomes.get(index);
      const isOnItsWay = outcome === undefined && at !== "answered" && at > (untilMs ?? Infinity) - answerGraceMs;
      if (isOnItsWay) return [];
      const became = outcome === undefined ? "no answer" : outcome.kind === "ok" ? "accepted" : outcome.code;
      const wanted = refusedWith ?? "accepted";
      return became === wanted ? [] : [`submission of ${tasks[0]?.id ?? "nothing"}: ${became} instead of ${wanted}`];
    });
    if (!ended || (untilMs === undefined && this.#open.size > 0)) {
      wrong.push(`${this.#open.size} tasks have not ended, one of them ${[...this.#open][0] ?? "not even begun"}`);
    }
    const count = submissions.reduce((sum, { tasks }) => sum + tasks.length, 0);
    const summary = wrong[0] ?? `${count} tasks of a script went as it says`;
    return { id: "script", validity: wrong.length === 0 ? "valid" : "invalid", summary, count, unit: "tasks" };
  }

  #ready(): Promise<boolean> {
    const deployment = this.#deployment;
    return deployment.run(readyLimitMs, (finish) => {
      let sequence = 0;
      const poll = (): void => {
        const operation = { kind: "status", task: "ready.ready" } as const;
        const request = { session: readinessSession, sequence: ++sequence, operation };
        deployment.invoke(request, 1000, ({ kind }) =>
          kind === "ok" ? finish() : void deployment.clock.after(readyPollMs, poll),
        );
      };
      poll();
    });
  }

  #submitNext(): void {
    for (;;) {
      const submission = this.#script.submissions[this.#next];
      if (submission === undefined) return this.#finishIfDone();
      const { at } = submission;
      if (at === "answered" && this.#unanswered > 0) return;
      const aheadMs = at === "answered" ? 0 : this.#beganMs + at - this.#deployment.clock.nowMs();
      if (aheadMs > 0) {
        this.#deployment.clock.after(aheadMs, () => this.#submitNext());
        return;
      }
      this.#submit(this.#next++, submission.tasks);
    }
  }

  #submit(index: number, tasks: readonly TaskSpec[]): void {
    const asked = tasks.map((task) => withinAbilities(task, this.#implementation));
    const operation = { kind: "submit", tasks: asked, untilEnded: false } as const;
    this.#unanswered++;
    this.#deployment.invoke({ session: index, sequence: 1, operation }, answerLimitMs, (outcome) => {
      this.#unanswered--;
      this.#outcomes.set(index, outcome);
      if (outcome.kind === "ok") {
        for (const { id } of tasks) if (!this.#committed.has(id)) this.#open.add(id);
      }
      const next = this.#script.submissions[this.#next];
      if (next?.at === "answered" && this.#unanswered === 0) this.#submitNext();
      else this.#finishIfDone();
    });
  }

  #observe(timeMs: Millis, node: string, event: SchedulerEvent): void {
    if (!this.#isBegun) return;
    this.trace.push({ ms: timeMs - this.#beganMs, node, event });
    if (event.kind !== "committed") return;
    this.#committed.add(event.task);
    this.#open.delete(event.task);
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    const { submissions, untilMs } = this.#script;
    const isDone = this.#next === submissions.length && this.#unanswered === 0 && this.#open.size === 0;
    if (isDone && untilMs === undefined) this.#finish();
  }
}

function withinAbilities(task: TaskSpec, { abilities }: SchedulerImplementation): TaskSpec {
  const { tenant, affinity, deadlineMs, ...rest } = task;
  return {
    ...rest,
    ...(tenant !== undefined && abilities.has("tenants") ? { tenant } : {}),
    ...(affinity !== undefined && abilities.has("affinity") ? { affinity } : {}),
    ...(deadlineMs !== undefined && abilities.has("deadlines") ? { deadlineMs } : {}),
  };
}

function resultOf(
  options: TaskScriptStageOptions,
  runs: readonly FinishedRun[],
  missing: ReadonlyMap<string, string>,
): StageResult {
  const { experiment, block, substrate, seed } = options;
  const rows: { [Name in "checks" | "measurements" | "timeline" | "attempts"]: Row<Name>[] } = {
    ...{ checks: [], measurements: [], timeline: [], attempts: [] },
  };
  const measured = new Map<string, Map<string, readonly Measurement[]>>();
  const troubles = [...missing].map(([name, reason]) => `${name} left out: ${reason}`);
  const faulty = new Set<string>();
  const keyOf = (implementation: string, nodes: number) => ({
    ...{ experiment, block, implementation, substrate, nodes, seed },
  });
  for (const { implementation, variant, trace, checks } of runs) {
    const key = keyOf(implementation, variant.script.nodes);
    rows.checks.push(...checkRows(key, checks));
    const wrong = checks.find(({ validity }) => validity !== "valid");
    if (wrong !== undefined) {
      troubles.push(`${implementation} ${variant.name}: ${wrong.id} ${wrong.validity}: ${wrong.summary}`);
      faulty.add(implementation);
      continue;
    }
    const probed = variant.probes.flatMap((probe) => probe({ trace }));
    rows.measurements.push(...measurementRows(key, probed.map(inVariant(variant.name))));
    const known = measured.get(implementation) ?? new Map<string, readonly Measurement[]>();
    measured.set(implementation, known.set(variant.name, probed));
    rows.timeline.push(...timelineRows(key, (variant.timeline?.({ trace }) ?? []).map(inVariant(variant.name))));
    if (variant.keepsAttempts === true) rows.attempts.push(...attemptRows(key, trace));
  }
  for (const [implementation, ofVariants] of measured) {
    if (options.relate === undefined || faulty.has(implementation)) continue;
    const nodes = options.variants[0]?.script.nodes ?? 1;
    rows.measurements.push(...measurementRows(keyOf(implementation, nodes), options.relate(ofVariants)));
  }
  const names = [...new Set(runs.map(({ implementation }) => implementation))];
  const implementations: ImplementationRecord[] = [
    ...[...missing].map(([name, reason]) => voidOf(name, "not-installed", reason)),
    ...names.map((name) =>
      faulty.has(name)
        ? voidOf(name, "failed-check", "a check is not valid")
        : { name, status: "sound" as const, voids: [] },
    ),
  ];
  const validity =
    runs.length === 0 ? "void" : worstOf(runs.flatMap(({ checks }) => checks.map((each) => each.validity)));
  const attempts = runs.reduce((sum, { trace }) => sum + attemptsOf(trace).length, 0);
  const summary = troubles.join("; ") || `${runs.length} runs, ${attempts} attempts`;
  return {
    rows: rows satisfies { readonly [Name in TableName]?: readonly Row<Name>[] },
    files: [],
    implementations,
    validity,
    summary,
  };
}

function voidOf(name: string, kind: "not-installed" | "failed-check", reason: string): ImplementationRecord {
  return { name, status: "void", voids: [{ kind, reason }] };
}

function inVariant(name: string) {
  return <Named extends { readonly metric: string }>(measurement: Named): Named =>
    name === "" ? measurement : { ...measurement, metric: `${measurement.metric}@${name}` };
}
