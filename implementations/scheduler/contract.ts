/**
 * What every scheduler is: tasks with priorities, tenants, resources and dependencies go in, each is executed until it
 * has ended once for good, and a trace tells when what was ready, started and ended.
 *
 * A task belongs to a job, and its id says to which ("nightly.sum"): all tasks of a job have one home, the scheduler
 * that accepted them, admits their attempts and commits their ends. Dependencies may lead to tasks of other homes.
 *
 * What a task returns is its effect: it is committed together with the task's end, under the fencing token of the
 * attempt that produced it, and only the newest token is accepted. A task that acts on other systems has to hand its
 * token (`TaskContext.token`) on to them.
 *
 * Order: among the ready tasks of one tenant and one lane, the one with the lowest `rank` starts first, and of equal
 * rank the one submitted first. The rank is the priority's, and with ageing a task gains one level of priority per
 * `ageingMs` since it was submitted. Across tenants shares decide, across lanes nothing does.
 *
 * @see Gray & Cheriton 1989, "Leases"; Kleppmann 2016, "How to do distributed locking" (fencing tokens).
 */

import type { DeployOptions, Deployment, Implementation, Request } from "../foundation/deployment.ts";
import type { ErrorCode } from "../foundation/errors.ts";
import type { FaultKind } from "../foundation/faults.ts";
import type { Millis, NodeId } from "../foundation/units.ts";

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** What a task does. A checkpoint is where a task asks whether it shall yield, and what its state is. */
export type TaskBody =
  /** Keeps its thread busy for `ms`, with a checkpoint every `checkpointMs` (none unless it is said). */
  | { readonly kind: "spin"; readonly ms: Millis; readonly checkpointMs?: Millis; readonly returns?: JsonValue }
  /** Holds its worker for `ms` and needs no processor. */
  | { readonly kind: "sleep"; readonly ms: Millis; readonly checkpointMs?: Millis; readonly returns?: JsonValue }
  /** Throws after `ms`, in each of its first `times` attempts (in all unless it is said). */
  | { readonly kind: "fail"; readonly ms: Millis; readonly message: string; readonly times?: number }
  /** Ends its thread after `ms`, in each of its first `times` attempts (in all unless it is said). */
  | { readonly kind: "crash"; readonly ms: Millis; readonly times?: number }
  /** Calls an export of a module: `(context: TaskContext, ...args) => JsonValue | Promise<JsonValue>`. */
  | { readonly kind: "call"; readonly module: string; readonly export: string; readonly args: readonly JsonValue[] };

/** What a called task is given. */
export interface TaskContext {
  readonly task: string;
  /** Grows with every attempt: whoever has seen a higher one of this task must refuse this one. */
  readonly token: number;
  /** What `checkpoint` was last given before the task was preempted; undefined in an attempt from the beginning. */
  readonly state: JsonValue | undefined;
  /**
   * To be called now and then. When the scheduler wants the worker for something else it does not return: the attempt
   * ends here, and the task goes on later with `state`.
   */
  checkpoint(state: JsonValue): void;
}

export interface Resources {
  /** Thousandths of a processor. */
  readonly cpuMilli: number;
  readonly memoryMb: number;
}

export interface TaskSpec {
  /** "JOB.NAME", each of 1 to `limits.nameBytes` of A-Z a-z 0-9 _ -; unique for as long as the task is remembered. */
  readonly id: string;
  readonly body: TaskBody;
  /** An integer in [0, `limits.priority`], higher first; 0 unless it is said. */
  readonly priority?: number;
  /** `defaultTenant` unless it is said. */
  readonly tenant?: string;
  /** What an attempt holds while it runs; `defaultResources` unless it is said. */
  readonly resources?: Resources;
  /** Tasks that have to be completed first: earlier ones of any job, or of the same submission. */
  readonly dependencies?: readonly string[];
  /** The lane (a worker's own queue, modulo the workers) it waits in; any worker's unless it is said. */
  readonly affinity?: number;
  /** Attempts that throw or end their thread until the task has failed; `defaultAttempts` unless it is said. */
  readonly maxAttempts?: number;
  /** From its acceptance; a task that has not ended by then fails. None unless it is said. */
  readonly deadlineMs?: Millis;
}

export const defaultTenant = "default";
export const defaultResources: Resources = { cpuMilli: 1000, memoryMb: 0 };
export const defaultAttempts = 3;

export const limits = {
  nameBytes: 64,
  priority: 99,
  /** Tasks of one submission. */
  tasks: 256,
  /** Dependencies of one task. */
  dependencies: 64,
  /** A task's body, and what it returns, as JSON. */
  bodyBytes: 16 * 1024,
  attempts: 100,
} as const;

export const taskStates = ["pending", "running", "completed", "failed"] as const;
/** pending: waits for dependencies or for a worker. completed and failed are for good. */
export type TaskState = (typeof taskStates)[number];

/**
 * Why a task failed: its last attempt threw, or ended its thread; a dependency failed, so it never ran; its deadline
 * passed.
 */
export type FailureReason = "threw" | "crashed" | "dependency" | "deadline";

/** How a task ended for good. */
export type TaskEnd =
  | { readonly state: "completed"; readonly result: JsonValue }
  /** `message`: what was thrown; which dependency failed; otherwise "". */
  | { readonly state: "failed"; readonly reason: FailureReason; readonly message: string };

export type EndedTask = readonly [task: string, end: TaskEnd];

/** A client operation. All tasks of one belong to one job: its home serves it whole. */
export type SchedulerOperation =
  /**
   * All of `tasks` are accepted, or none. A task that is known already counts as accepted if it is the same one.
   * Answered once all are accepted for good, or with `untilEnded` once all have ended.
   *
   * Definite refusals: MALFORMED_REQUEST, UNKNOWN_TASK, UNKNOWN_TENANT, UNKNOWN_DEPENDENCY, DEPENDENCY_CYCLE,
   * QUOTA_EXCEEDED, ALREADY_EXISTS, CAPACITY_EXCEEDED (the queue is full), UNAVAILABLE.
   */
  | { readonly kind: "submit"; readonly tasks: readonly TaskSpec[]; readonly untilEnded: boolean }
  /** Answered once all of `tasks` have ended; NOT_FOUND when one is unknown. */
  | { readonly kind: "wait"; readonly tasks: readonly string[] }
  | { readonly kind: "status"; readonly task: string };

export interface TaskStatus {
  readonly state: TaskState;
  /** Attempts that have started. */
  readonly attempts: number;
  readonly end?: TaskEnd;
}

export type SchedulerResult =
  /** `ended`: in the order of `tasks`, with `untilEnded`; otherwise empty. */
  | { readonly kind: "submit"; readonly ended: readonly EndedTask[] }
  | { readonly kind: "wait"; readonly ended: readonly EndedTask[] }
  /** null: nobody knows such a task. */
  | { readonly kind: "status"; readonly status: TaskStatus | null };

export type SchedulerReply =
  | { readonly kind: "ok"; readonly result: SchedulerResult }
  /** `reason`: what is wrong, where, and what is allowed, for a person. */
  | { readonly kind: "error"; readonly code: ErrorCode; readonly reason?: string };

/** What one node holds: the tasks whose home it is, in an order of ids. */
export interface SchedulerState {
  readonly tasks: readonly (readonly [task: string, state: TaskState, end: TaskEnd | null])[];
  /**
   * The tasks whose first attempts started here, in that order; the last `rememberedStarts` of this life. No part of
   * what implementations agree on at rest: there, threads and messages may overtake each other.
   */
  readonly starts: readonly string[];
}
export const rememberedStarts = 10_000;

/** Why an attempt ended: in the task's end, or so that the task has to run again. */
export type AttemptEnd =
  | "completed"
  | "threw"
  | "crashed"
  /** Its worker was taken from it, or its lease ran out: no fault of the task, and not counted against it. */
  | "lost"
  /** At a checkpoint, to make room: the next attempt goes on from there. */
  | "yielded"
  /** The deadline passed: the attempt's result no longer counts. */
  | "expired";

/** What a node tells about itself. An event never mentions the node itself, the carrier does. */
export type SchedulerEvent =
  /** The node starts and serves from now on; `tasks` are those it found in its journal that have not ended. */
  | { readonly kind: "start"; readonly life: number; readonly tasks: number }
  | { readonly kind: "damage"; readonly what: string }
  /** A task was accepted and will not be forgotten. `lane`: -1, any worker's. `order` counts submissions of this home. */
  | {
      readonly kind: "accepted";
      readonly task: string;
      readonly order: number;
      readonly tenant: string;
      readonly priority: number;
      readonly lane: number;
      readonly cpuMilli: number;
      readonly memoryMb: number;
      readonly dependencies: readonly string[];
    }
  /** It waits for a worker: its dependencies are completed, or an attempt ended without ending it. */
  | { readonly kind: "ready"; readonly task: string; readonly token: number; readonly rank: number }
  /** Another node executes the attempt: its home holds the tenant's quota for it, the other its own capacity. */
  | { readonly kind: "leased"; readonly task: string; readonly token: number; readonly to: NodeId }
  /**
   * An attempt begins on `worker` of this node, `waitMs` after it got ready (measured where it began). `lane`: whose
   * queue it was taken from, -1 the shared one; another's than the worker's own: it was stolen.
   */
  | {
      readonly kind: "started";
      readonly task: string;
      readonly token: number;
      readonly worker: number;
      readonly lane: number;
      readonly waitMs: Millis;
    }
  /** The home asked the running attempt to yield. */
  | { readonly kind: "preempting"; readonly task: string; readonly token: number }
  /**
   * The home of the task takes note of an attempt's end, and what it held is free again. `worker` is the one of this
   * node that ran it, -1 when another node did. `yieldMs`: from the request to yield to the checkpoint, of `yielded`.
   */
  | {
      readonly kind: "ended";
      readonly task: string;
      readonly token: number;
      readonly worker: number;
      readonly end: AttemptEnd;
      readonly ranMs: Millis;
      readonly yieldMs?: Millis;
    }
  /** The task's end is durable and can be told: its effect. At most once per task, whatever happens. */
  | { readonly kind: "committed"; readonly task: string; readonly token: number; readonly end: TaskEnd["state"] }
  | { readonly kind: "stop"; readonly orderly: boolean };

/** A client's request on the wire, and the reply. `id` pairs them on one connection. */
export interface ClientRequest extends Request<SchedulerOperation> {
  readonly id: number;
}
export interface ClientReply {
  readonly id: number;
  readonly reply: SchedulerReply;
}

export interface SchedulerDeployment extends Deployment<
  SchedulerOperation,
  SchedulerResult,
  SchedulerState,
  SchedulerEvent
> {
  /** Whether no change of members is under way or waiting. */
  isSettled(): boolean;
  /** Tries to speak to every node with a certificate of another authority; see `ModuleDeployment`. */
  knock(): Promise<{ readonly tried: number; readonly refused: number } | undefined>;
}

export interface SchedulerImplementation extends Implementation<
  SchedulerOperation,
  SchedulerResult,
  SchedulerState,
  SchedulerEvent
> {
  /** Whether what it accepted survives the crash of its processes. */
  readonly durable: boolean;
  /** What it can do of what a task may ask for; a submission that asks for more is MALFORMED_REQUEST. */
  readonly abilities: ReadonlySet<Ability>;
  /** Whether it tells of single tasks; otherwise only results and final states can be judged. */
  readonly tracesTasks: boolean;
  /** Why a fault that it supports cannot be injected under `settings`; undefined where it can. */
  refusalOf?(fault: FaultKind, settings: NonNullable<DeployOptions["settings"]>): string | undefined;
  deploy(options: DeployOptions): Promise<SchedulerDeployment>;
}

export type Ability = "priorities" | "dependencies" | "tenants" | "affinity" | "deadlines" | "preemption" | "calls";

/** Returns the job of a task's id: everything before the first dot. */
export function jobOf(task: string): string {
  const dot = task.indexOf(".");
  return dot < 0 ? task : task.slice(0, dot);
}

/** Returns which of `nodes` (in the order of the deployment) is the home of `job`. */
export function homeOf(job: string, nodes: readonly NodeId[]): NodeId {
  let hash = 0x811c9dc5;
  for (let index = 0; index < job.length; index++) hash = Math.imul(hash ^ job.charCodeAt(index), 0x01000193) >>> 0;
  // The low bits of FNV-1a are its weak ones.
  return nodes[((hash ^ (hash >>> 15)) >>> 0) % nodes.length] ?? "";
}

/** The canonical state of a whole deployment: how every task ended or where it stands, sorted by id. */
export interface ScheduledTasks {
  readonly tasks: SchedulerState["tasks"];
}

/** Returns what the nodes hold together. */
export function mergeStates(states: Iterable<SchedulerState>): ScheduledTasks {
  const tasks = [...states].flatMap((state) => state.tasks);
  return { tasks: tasks.sort(([a], [b]) => (a < b ? -1 : 1)) };
}
