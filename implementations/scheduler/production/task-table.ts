/**
 * The tasks whose home a node is: those that have not ended, who waits for whom, and how the last ones ended.
 *
 * What has ended is remembered up to a bound, the oldest is forgotten first, but never before its end is durable. A
 * dependency may lead to a task of another home: it is known here by its id only.
 */

import { assert } from "../../foundation/assert.ts";
import type { Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { JsonValue, SchedulerState, TaskEnd, TaskStatus } from "../contract.ts";
import type { AdmittedTask } from "./admitted-task.ts";
import type { Attempt } from "./attempts.ts";
import { contentDigest } from "./content-digest.ts";

/**
 * accepting: not durable yet. blocked: waits for dependencies. ready: waits for a slot. queued: in the run queue.
 * running: on a worker of this node. leased: given to another node.
 */
export type Phase = "accepting" | "blocked" | "ready" | "queued" | "running" | "leased" | "ended";

export interface Task {
  readonly id: string;
  readonly spec: AdmittedTask;
  /** Counts the tasks that this home was ever given. */
  readonly order: number;
  /** Of the contents, to tell a repeated submission from another task of the same id. */
  readonly digest: number;
  readonly acceptedMs: Millis;
  /** Lower starts first. */
  readonly rank: number;
  /** Dependencies that are not completed. */
  readonly unmet: Set<string>;
  phase: Phase;
  /** Of the newest attempt, which alone may end the task; 0 before the first. */
  token: number;
  /** Attempts that have started. */
  attempts: number;
  /** Those that threw or ended their thread. */
  failures: number;
  /** What it handed over when it last yielded. */
  state: JsonValue | undefined;
  /** Where it is queued, running or leased. */
  attempt: Attempt | undefined;
  deadline: Timer | undefined;
  /** Its deadline has passed while nobody could tell whether its attempt had begun. */
  isOverdue: boolean;
}

export interface EndedTask {
  readonly id: string;
  readonly digest: number;
  readonly end: TaskEnd;
  readonly attempts: number;
  isDurable: boolean;
  /** The one that ended after it. */
  next: EndedTask | undefined;
}

export class TaskTable {
  readonly #remembered: number;
  readonly #live = new Map<string, Task>();
  readonly #ended = new Map<string, EndedTask>();
  /** Where the chain of them begins and ends, in the order in which they ended. */
  #oldest: EndedTask | undefined;
  #newest: EndedTask | undefined;
  /** By dependency, which may be another home's. */
  readonly #dependants = new Map<string, Task[]>();

  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  get liveCount(): number {
    return this.#live.size;
  }

  /** In the order in which they were accepted; whoever goes on with it later skips those that have ended meanwhile. */
  live(): IterableIterator<Task> {
    return this.#live.values();
  }

  /** All that are remembered now, the oldest first, also to those who go on with it when some have been forgotten. */
  ended(): Iterable<EndedTask> {
    return chain(this.#oldest, this.#newest);
  }

  /** @returns the task, unless it has ended. */
  find(id: string): Task | undefined {
    return this.#live.get(id);
  }

  endOf(id: string): EndedTask | undefined {
    return this.#ended.get(id);
  }

  /** Of what is known under `id`, ended or not. */
  digestOf(id: string): number | undefined {
    return (this.#live.get(id) ?? this.#ended.get(id))?.digest;
  }

  add(task: Task): void {
    assert(this.digestOf(task.id) === undefined, `${task.id} is accepted once`);
    this.#live.set(task.id, task);
    for (const dependency of task.unmet) {
      const dependants = this.#dependants.get(dependency);
      if (dependants === undefined) this.#dependants.set(dependency, [task]);
      else dependants.push(task);
    }
  }

  /** Who waits for `dependency`; they do not any more. */
  takeDependants(dependency: string): readonly Task[] {
    const dependants = this.#dependants.get(dependency) ?? [];
    this.#dependants.delete(dependency);
    return dependants.filter(({ phase }) => phase !== "ended");
  }

  hasDependants(dependency: string): boolean {
    return this.#dependants.get(dependency)?.some(({ phase }) => phase !== "ended") === true;
  }

  /** The task ends for good; that has yet to become durable. */
  conclude(task: Task, end: TaskEnd): EndedTask {
    assert(task.phase !== "ended", `${task.id} ends once`);
    task.phase = "ended";
    task.deadline?.cancel();
    task.deadline = undefined;
    this.#live.delete(task.id);
    return this.remember({ id: task.id, digest: task.digest, end, attempts: task.attempts, isDurable: false });
  }

  /** Also of earlier lives. */
  remember(end: Omit<EndedTask, "next">): EndedTask {
    const ended: EndedTask = { ...end, next: undefined };
    this.#ended.set(ended.id, ended);
    this.#oldest ??= ended;
    if (this.#newest !== undefined) this.#newest.next = ended;
    this.#newest = ended;
    return ended;
  }

  /** Forgets the oldest ends beyond the bound. */
  prune(): void {
    while (this.#ended.size > this.#remembered && this.#oldest?.isDurable === true) {
      this.#ended.delete(this.#oldest.id);
      this.#oldest = this.#oldest.next;
    }
    if (this.#oldest === undefined) this.#newest = undefined;
  }

  /** undefined: nobody knows it, or will for certain. */
  statusOf(id: string): TaskStatus | undefined {
    const task = this.#live.get(id);
    if (task !== undefined) {
      return task.phase === "accepting" ? undefined : { state: stateOf(task), attempts: task.attempts };
    }
    const ended = this.#ended.get(id);
    if (ended === undefined) return undefined;
    // An end that is not durable could yet be another one.
    return ended.isDurable
      ? { state: ended.end.state, attempts: ended.attempts, end: ended.end }
      : { state: "running", attempts: ended.attempts };
  }

  canonical(): SchedulerState["tasks"] {
    const rows: SchedulerState["tasks"][number][] = [];
    for (const id of [...this.#live.keys(), ...this.#ended.keys()].sort()) {
      const status = this.statusOf(id);
      if (status !== undefined) rows.push([id, status.state, status.end ?? null]);
    }
    return rows;
  }
}

/** Keeps no more of what is forgotten than whoever walks has still to see. */
function* chain(first: EndedTask | undefined, last: EndedTask | undefined): Generator<EndedTask> {
  while (first !== undefined) {
    yield first;
    first = first === last ? undefined : first.next;
  }
}

/** @param unmet the dependencies that are not completed. */
export function newTask(
  spec: AdmittedTask,
  { order, acceptedMs, ageingMs }: { readonly order: number; readonly acceptedMs: Millis; readonly ageingMs: Millis },
  unmet: Iterable<string>,
): Task {
  const age = ageingMs > 0 ? acceptedMs / ageingMs : 0;
  return {
    id: spec.id,
    spec,
    order,
    digest: digestOf(spec),
    acceptedMs,
    rank: age - spec.priority,
    unmet: new Set(unmet),
    phase: "accepting",
    token: 0,
    attempts: 0,
    failures: 0,
    state: undefined,
    attempt: undefined,
    deadline: undefined,
    isOverdue: false,
  };
}

/** Every field is filled in and in its place, so equal tasks have equal texts. */
export const digestOf = (spec: AdmittedTask): number => contentDigest(JSON.stringify(spec));

function stateOf({ phase }: Task): "pending" | "running" {
  return phase === "running" || phase === "leased" ? "running" : "pending";
}
