/**
 * The workloads of a scheduler: each client submits a job, waits until its tasks have ended, and so on.
 *
 * What a job's tasks are is drawn from the client's own fork of the seed. Every task returns its id or throws a message
 * that names it, so an end that was mixed up with another's shows. The history holds jobs as texts (job-text.ts).
 *
 * Some jobs come twice: before one that they depend on, so that a home has said of a task that it knows none before
 * there is one; or once more by another client, when nobody knows whether they were accepted.
 *
 * Confluent: operations are repeated until they are definite, no task has a deadline, and failures are those of the
 * bodies alone, so every task ends in the same way whatever the interleaving.
 */

import { assert } from "../../../implementations/foundation/assert.ts";
import type { Outcome } from "../../../implementations/foundation/deployment.ts";
import type { ErrorCode } from "../../../implementations/foundation/errors.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import type {
  SchedulerOperation,
  SchedulerResult,
  TaskBody,
  TaskSpec,
} from "../../../implementations/scheduler/contract.ts";
import type { TaskKind, TaskLoad, TaskWorkloadSpec } from "../../plan/plan.ts";
import { repeatsUntilDefinite } from "../../workload/workload.ts";
import type { Call, Completion, Workload } from "../../workload/workload.ts";
import { Doomed } from "./doomed.ts";
import { endText, endsText, jobText, messageOf, refusalIn } from "./job-text.ts";
import type { SchedulerTypes } from "./room.ts";

type TaskCall = Call<SchedulerOperation>;

/** Jobs that a client's later tasks may depend on. */
const rememberedJobs = 6;
/** How a task that calls something names it; every implementation runs this project's own sources. */
export const calledModule = new URL("called-task.ts", import.meta.url).href;

interface Spoilt {
  readonly tasks: readonly TaskSpec[];
  /** undefined: there is no mistake in it. */
  readonly refusal: ErrorCode | undefined;
}

interface Submitter {
  readonly number: number;
  readonly random: Random;
  jobs: number;
  /** What it does next, about the job it submitted last. */
  readonly next: TaskCall[];
  /** A job that was refused because it needs the next one, and which that is. */
  premature: { readonly needs: string; readonly call: TaskCall } | undefined;
  /** The newest jobs that were accepted for certain: their tasks. */
  readonly accepted: (readonly string[])[];
}

export class TaskWorkload implements Workload<SchedulerTypes> {
  readonly untilDefinite: boolean;
  readonly #load: TaskLoad;
  readonly #random: Random;
  readonly #clients = new Map<number, Submitter>();
  /** Where every task must end in one way. */
  readonly #doomed: Doomed | undefined;
  /** Tasks of jobs that may have been accepted and are not known to have ended. */
  readonly #open = new Map<string, readonly string[]>();
  /** Jobs that were submitted without an answer: a later refusal says nothing of them. */
  readonly #uncertain = new Set<string>();

  constructor({ id, tasks }: TaskWorkloadSpec, random: Random) {
    this.untilDefinite = repeatsUntilDefinite(id);
    this.#load = id === "confluent" ? { ...tasks, deadlineFraction: 0, prematureFraction: 0 } : tasks;
    this.#random = random;
    this.#doomed = id === "confluent" ? new Doomed() : undefined;
  }

  next(client: number): TaskCall {
    const submitter = this.#submitterOf(client);
    const call = submitter.next.shift() ?? this.#begin(submitter);
    const { operation, key = "" } = call;
    if (operation.kind === "submit" && !isImpostor(call)) {
      this.#open.set(key, idsOf(operation.tasks));
    }
    return call;
  }

  completed(client: number, call: TaskCall, outcome: Outcome<SchedulerResult>): Completion {
    const { operation, key: job = "" } = call;
    const submitter = this.#submitterOf(client);
    if (outcome.kind === "ok") {
      this.#accepted(submitter, call, outcome.result);
      return { value: textOf(operation, outcome.result) };
    }
    if (operation.kind === "submit" && !isImpostor(call)) {
      // Nothing is known of the job, or there is none: to wait for it makes no sense before the end of the run.
      submitter.next.length = 0;
      if (outcome.kind === "info") this.#unanswered(submitter, call, operation);
      else if (!this.#uncertain.has(job)) this.#open.delete(job);
      if (submitter.premature?.needs === job) submitter.premature = undefined;
    }
    return { value: call.value };
  }

  /** Jobs that are not known to have ended. */
  finalKeys(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Waits until all of the job's tasks have ended. */
  read(job: string): TaskCall {
    return this.#wait(job, this.#open.get(job) ?? []);
  }

  /** A job of its own, and what follows it. */
  #begin(submitter: Submitter): TaskCall {
    const { separateFraction = 0, statusFraction = 0, prematureFraction = 0 } = this.#load;
    const { random, number } = submitter;
    const job = `c${number}-${submitter.jobs++}`;
    const { tasks, refusal } = this.#spoil(job, this.#draw(job, submitter), random.fork(`${job} mistake`));
    const ids = idsOf(tasks);
    const isPremature = refusal === undefined && random.fork(`${job} premature`).float() < prematureFraction;
    if (isPremature && submitter.premature === undefined) return this.#tooEarly(submitter, job, tasks);
    // What the one that came too early needs has to be there while it still runs.
    const untilEnded = random.float() >= separateFraction && submitter.premature === undefined;
    if (!untilEnded) submitter.next.push(this.#wait(job, ids));
    if (random.float() < statusFraction) submitter.next.push(statusOf(job, ids[0] ?? ""));
    return submission(job, tasks, untilEnded, refusal);
  }

  #tooEarly(submitter: Submitter, job: string, tasks: readonly TaskSpec[]): TaskCall {
    const needs = `c${submitter.number}-${submitter.jobs}`;
    const needing0 = tasks.map((task) => needing(task, `${needs}.0`));
    // One that is given up must not be taken later, when a copy of it arrives that was on its way.
    const isGivenUp = submitter.random.fork(`${job} given up`).below(4) === 0;
    if (!isGivenUp) submitter.premature = { needs, call: submission(job, needing0, false) };
    return submission(job, needing0, false, "UNKNOWN_DEPENDENCY");
  }

  /** Whoever was not answered goes on as somebody else, and may want it as much as before. */
  #unanswered({ random, next }: Submitter, call: TaskCall, operation: TaskCall["operation"]): void {
    const { key: job = "" } = call;
    this.#uncertain.add(job);
    const again = random.fork(`${job} again`);
    if (operation.kind !== "submit" || again.float() >= (this.#load.resubmitFraction ?? 0)) return;
    next.push(call);
    if (!operation.untilEnded) next.push(this.#wait(job, idsOf(operation.tasks)));
  }

  /** Makes a mistake in some jobs, for which they have to be refused as a whole. */
  #spoil(job: string, tasks: readonly TaskSpec[], random: Random): Spoilt {
    const { circleFraction = 0, strayFraction = 0 } = this.#load;
    const draw = random.float();
    if (draw < circleFraction) {
      const length = Math.min(tasks.length, 2 + random.below(4));
      const next = (index: number): string => `${job}.${(index + 1) % length}`;
      const isOfCircle = (index: number): boolean => index < length && length > 1;
      const spoilt = tasks.map((task, index) => (isOfCircle(index) ? needing(task, next(index)) : task));
      return { tasks: spoilt, refusal: length > 1 ? "DEPENDENCY_CYCLE" : undefined };
    }
    if (draw >= circleFraction + strayFraction) return { tasks, refusal: undefined };
    return { tasks: tasks.map((task) => needing(task, "nobodys.0")), refusal: "UNKNOWN_DEPENDENCY" };
  }

  #wait(job: string, tasks: readonly string[]): TaskCall {
    return { operation: { kind: "wait", tasks }, f: "wait", key: job, value: null };
  }

  #accepted(submitter: Submitter, call: TaskCall, result: SchedulerResult): void {
    const { operation, key: job = "" } = call;
    if (operation.kind === "submit" && !isImpostor(call)) {
      const { accepted, premature, random, next } = submitter;
      accepted.push(idsOf(operation.tasks));
      if (accepted.length > rememberedJobs) accepted.shift();
      if (random.fork(`${job} impostor`).float() < (this.#load.impostorFraction ?? 0)) {
        next.push(submission(job, operation.tasks.map(otherwise), false, "ALREADY_EXISTS"));
      }
      if (premature?.needs === job) {
        submitter.premature = undefined;
        next.unshift(premature.call);
      }
    }
    if (result.kind !== "status" && result.ended.length > 0) this.#open.delete(job);
  }

  #submitterOf(client: number): Submitter {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const random = this.#random.fork(`client ${client}`);
    const submitter: Submitter = { number: client, random, jobs: 0, next: [], premature: undefined, accepted: [] };
    this.#clients.set(client, submitter);
    return submitter;
  }

  #draw(job: string, { random, accepted }: Submitter): readonly TaskSpec[] {
    const { tasksPerJob, isJobFull = false } = this.#load;
    const drawn = 1 + random.below(tasksPerJob);
    const tasks: TaskSpec[] = [];
    // Each task has a stream of its own: what one of them needs to be drawn changes no other.
    for (let index = 0; index < (isJobFull ? tasksPerJob : drawn); index++) {
      const task = this.#drawTask(`${job}.${index}`, tasks, accepted, random.fork(`${job}.${index}`));
      tasks.push(this.#doomed?.enter(task) ?? task);
    }
    return tasks;
  }

  #drawTask(id: string, earlier: readonly TaskSpec[], accepted: Submitter["accepted"], random: Random): TaskSpec {
    const load = this.#load;
    const kind = drawShare(load.kinds, random.fork("kind"));
    assert(kind !== undefined, "a load has tasks of some kind");
    const tenant = kind.tenant ?? drawShare(load.tenants ?? [], random.fork("tenant"))?.name;
    const priority = kind.priority ?? random.fork("priority").below((load.topPriority ?? 0) + 1);
    const resources = drawOne(load.resources ?? [], random.fork("resources"));
    const lane = random.fork("lane");
    const hasLane = lane.float() < (load.affinityFraction ?? 0);
    const deadline = random.fork("deadline").float() < (load.deadlineFraction ?? 0) ? load.deadlineMs : undefined;
    const dependencies = this.#drawDependencies(earlier, accepted, random.fork("dependencies"));
    const { topAttempts } = load;
    return {
      id,
      body: this.#drawBody(id, kind, random.fork("body")),
      ...(priority === 0 ? {} : { priority }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(resources === undefined ? {} : { resources }),
      ...(dependencies.length === 0 ? {} : { dependencies }),
      ...(hasLane ? { affinity: lane.below(load.lanes ?? 1) } : {}),
      ...(topAttempts === undefined ? {} : { maxAttempts: 1 + random.fork("attempts").below(topAttempts) }),
      ...(deadline === undefined ? {} : { deadlineMs: deadline }),
    };
  }

  #drawBody(id: string, { kind, ms }: TaskKind, random: Random): TaskBody {
    const { throwFraction = 0, crashFraction = 0, callFraction = 0, forGoodFraction = 0 } = this.#load;
    const { topTimes = 1, checkpointMs } = this.#load;
    const what = random.float();
    const times = random.float() < forGoodFraction ? {} : { times: 1 + random.below(topTimes) };
    if (what < throwFraction) return { kind: "fail", ms, message: messageOf(id), ...times };
    if (what < throwFraction + crashFraction) return { kind: "crash", ms, ...times };
    if (what < throwFraction + crashFraction + callFraction) {
      return { kind: "call", module: this.#load.calledModule ?? calledModule, export: "echo", args: [id] };
    }
    return { kind, ms, ...(checkpointMs === undefined ? {} : { checkpointMs }), returns: id };
  }

  #drawDependencies(earlier: readonly TaskSpec[], accepted: Submitter["accepted"], random: Random): readonly string[] {
    const { dependencyFraction = 0, earlierFraction = 0 } = this.#load;
    const dependencies = new Set<string>();
    if (random.float() < dependencyFraction && earlier.length > 0) {
      for (let count = 1 + random.below(2); count > 0; count--) {
        dependencies.add(earlier[random.below(earlier.length)]!.id);
      }
    }
    if (random.float() < earlierFraction && accepted.length > 0) {
      const job = accepted[random.below(accepted.length)]!;
      dependencies.add(job[random.below(job.length)]!);
    }
    return [...dependencies];
  }
}

function submission(job: string, tasks: readonly TaskSpec[], untilEnded: boolean, refusal?: ErrorCode): TaskCall {
  return { operation: { kind: "submit", tasks, untilEnded }, f: "submit", key: job, value: jobText(tasks, refusal) };
}

const idsOf = (tasks: readonly TaskSpec[]): readonly string[] => tasks.map(({ id }) => id);

/** It names tasks that are there, and means others. */
function isImpostor({ value }: TaskCall): boolean {
  return refusalIn(String(value)) === "ALREADY_EXISTS";
}

function otherwise({ body, ...task }: TaskSpec): TaskSpec {
  return { ...task, body: body.kind === "call" ? { ...body, args: [...body.args, 0] } : { ...body, ms: body.ms + 1 } };
}

function needing(task: TaskSpec, dependency: string): TaskSpec {
  return { ...task, dependencies: [...new Set([...(task.dependencies ?? []), dependency])] };
}

function statusOf(job: string, task: string): TaskCall {
  return { operation: { kind: "status", task }, f: "status", key: job, value: task };
}

/** How the history holds a result. */
function textOf(operation: SchedulerOperation, result: SchedulerResult): string | null {
  if (result.kind !== "status") return endsText(result.ended);
  if (result.status === null) return null;
  const { state, end } = result.status;
  return end === undefined || operation.kind !== "status" ? state : endText(operation.task, end);
}

function drawShare<T extends { readonly share: number }>(from: readonly T[], random: Random): T | undefined {
  let left = random.float() * from.reduce((sum, { share }) => sum + share, 0);
  return from.find(({ share }) => (left -= share) < 0) ?? from.at(-1);
}

function drawOne<T>(from: readonly T[], random: Random): T | undefined {
  return from.length === 0 ? undefined : from[random.below(from.length)];
}
