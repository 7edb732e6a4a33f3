/**
 * The scheduler, minimal: one binary heap of ready tasks and a graph of those that wait for others, for reading and for
 * judging others by.
 *
 * How it works: `submit` takes tasks in, `schedule` gives the best ready one to an idle worker, `complete` is told how
 * that ended. A task waits in the graph until its dependencies have completed, then in a heap until a worker is free,
 * and again in a heap after an attempt that did not end it. There is a heap that every worker takes from, and one more
 * per worker, its lane, for the tasks that ask for it. The order in each is (priority, submission), and nothing else
 * ever matters: the same calls give the same order, whatever time it is.
 *
 * It executes nothing, and knows neither threads nor clients. Whoever does tells it how attempts ended, and the time.
 *
 * What it deliberately does not do:
 * - Nothing is durable. A crash forgets every task, the accepted ones and the ended ones.
 * - No fairness: a tenant is a name that means nothing, resources are not counted, and since nothing ages, a flood of
 *   high priorities keeps a low one waiting for as long as it lasts.
 * - No preemption: an attempt keeps its worker until it ends. Nobody will ask a task at its checkpoints to yield.
 * - No deadlines: a task that has one is refused rather than served late.
 * - Stealing is for somebody to ask for (`stealWork`): a worker whose queues are empty does not help itself.
 *
 * @see Williams 1964, "Algorithm 232: Heapsort"; Kahn 1962, "Topological sorting of large networks".
 */

import { assert } from "../foundation/assert.ts";
import type { ErrorCode } from "../foundation/errors.ts";
import { json, jsonList, listOf, numberWithin, objectWith, optional } from "../foundation/fields.ts";
import { problemOfFields, shown, text, textLike, wholeNumber } from "../foundation/fields.ts";
import type { Fields } from "../foundation/fields.ts";
import type { Millis } from "../foundation/units.ts";
import { defaultAttempts, defaultResources, defaultTenant, jobOf, limits, rememberedStarts } from "./contract.ts";
import type {
  FailureReason,
  JsonValue,
  SchedulerEvent,
  SchedulerReply,
  SchedulerState,
  TaskBody,
  TaskEnd,
  TaskSpec,
  TaskState,
  TaskStatus,
} from "./contract.ts";

/** Nothing was enqueued. `reason` says which task is to blame, for what, and what is allowed. */
export type Refusal = Required<Extract<SchedulerReply, { readonly kind: "error" }>>;

/** What a worker shall execute. */
export interface Assignment {
  readonly worker: number;
  readonly task: string;
  readonly body: TaskBody;
  /** Of this attempt; higher than those of all attempts before. */
  readonly token: number;
  /** Counts from 1. Attempts that were lost are not counted: how a task ends must not depend on them. */
  readonly attempt: number;
}

/** How an attempt ended. `lost`: its worker was taken from it, so nobody can tell. */
export type AttemptOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "threw"; readonly message: string }
  | { readonly kind: "crashed" }
  | { readonly kind: "lost" };

export interface SchedulerOptions {
  readonly workers: number;
  /** Counts the lives of this scheduler from 1, so that tokens go on growing from one to the next. */
  readonly life: number;
  /** Tasks that have not ended; a submission that would make them more is CAPACITY_EXCEEDED. */
  readonly maxLiveTasks: number;
  /** Ended tasks that it knows: so many of the newest, and at most as many again. */
  readonly rememberedTasks: number;
  /** "start" and "stop" are the host's to tell. */
  readonly trace?: (event: SchedulerEvent) => void;
}

/** Whether `module` has a function `exportName`: asked about every call that is submitted. */
export type Resolves = (module: string, exportName: string) => boolean;

/** The one that every worker takes from, beside its own. */
const sharedLane = -1;
/** Who waits for a task that has ended. */
const nobody: Task[] = [];

interface Task {
  readonly spec: TaskSpec;
  readonly priority: number;
  readonly order: number;
  readonly lane: number;
  readonly maxAttempts: number;
  state: TaskState;
  end: TaskEnd | undefined;
  /** Dependencies that have not completed. */
  missing: number;
  /** Those that wait for this one. */
  dependants: Task[];
  /** Attempts that have started, and those of them that threw or crashed. */
  attempts: number;
  failures: number;
  /** Of the attempt that is waiting or under way; 0 while dependencies are missing. */
  token: number;
  /** When its state became what it is. */
  sinceMs: Millis;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  /** Those that have not ended. */
  readonly #live = new Map<string, Task>();
  /** Those that have, in two generations: when the younger one is full, the older one is forgotten as a whole. */
  #ended = new Map<string, Task>();
  #endedBefore = new Map<string, Task>();
  readonly #shared = new ReadyQueue();
  readonly #lanes: readonly ReadyQueue[];
  /** What each worker executes. */
  readonly #running: (Task | undefined)[];
  #submissions = 0;
  #tokens: number;
  readonly #starts: string[] = [];

  constructor(options: SchedulerOptions) {
    const { workers, life } = options;
    assert(workers >= 1, "there is a worker");
    this.#options = options;
    this.#lanes = Array.from({ length: workers }, () => new ReadyQueue());
    this.#running = Array.from({ length: workers }, () => undefined);
    this.#tokens = life * 2 ** 32;
  }

  /**
   * Accepts all of `specs`, or none. One that is known already is passed over if it is the same task.
   *
   * @returns why none: MALFORMED_REQUEST, UNKNOWN_TASK, ALREADY_EXISTS, UNKNOWN_DEPENDENCY, DEPENDENCY_CYCLE,
   *   CAPACITY_EXCEEDED; undefined: all.
   */
  submit(specs: readonly TaskSpec[], nowMs: Millis, resolves: Resolves): Refusal | undefined {
    const malformed = problemOfTasks(specs, resolves);
    if (malformed !== undefined) return malformed;
    const added = new Map<string, TaskSpec>();
    for (const spec of specs) {
      const known = this.#find(spec.id);
      if (added.has(spec.id)) return refusal("MALFORMED_REQUEST", spec.id, "it is there twice");
      if (known === undefined) added.set(spec.id, spec);
      else if (isOther(known.spec, spec)) return refusal("ALREADY_EXISTS", spec.id, "another task has that id");
    }
    const refused = this.#problemOfGraph(added) ?? this.#problemOfRoom(added);
    if (refused !== undefined) return refused;
    const tasks: Task[] = [];
    for (const spec of added.values()) tasks.push(this.#accept(spec));
    // All are tied before the first one moves: what ends makes the scheduler forget others.
    const broken = tasks.map((task) => this.#tie(task));
    for (const [index, task] of tasks.entries()) {
      if (task.state !== "pending") continue; // It depends on one before it, which has failed.
      if (broken[index] !== undefined) this.#fail(task, "dependency", broken[index]);
      else if (task.missing === 0) this.#enqueue(task, nowMs);
    }
    return undefined;
  }

  /**
   * Gives the best task that waits for a worker to an idle worker that may have it, the lowest one of several.
   *
   * @param isAvailable whether a worker that is idle can take a task now; asked only where there is one for it.
   * @returns undefined when no task waits for such a worker.
   */
  schedule(nowMs: Millis, isAvailable: (worker: number) => boolean = () => true): Assignment | undefined {
    let best: { readonly queue: ReadyQueue; readonly task: Task; readonly worker: number } | undefined;
    for (const [worker, lane] of this.#lanes.entries()) {
      if (this.#running[worker] !== undefined) continue;
      const queue = betterOf(this.#shared, lane);
      const task = queue.peek();
      if (task === undefined || (best !== undefined && !startsBefore(task, best.task))) continue;
      if (isAvailable(worker)) best = { queue, task, worker };
    }
    if (best === undefined) return undefined;
    best.queue.pop();
    return this.#start(best.task, best.worker, nowMs);
  }

  /**
   * Takes note of how the attempt with `token` on `worker` ended. What that releases is ready when the call returns.
   *
   * @returns false when that attempt is not under way (any more): nothing has changed, and its effect must not count.
   */
  complete(worker: number, token: number, outcome: AttemptOutcome, nowMs: Millis): boolean {
    const task = this.#running[worker];
    if (task?.token !== token) return false;
    this.#running[worker] = undefined;
    const [id, ranMs] = [task.spec.id, nowMs - task.sinceMs];
    this.#options.trace?.({ kind: "ended", task: id, token, worker, end: outcome.kind, ranMs });
    if (outcome.kind === "completed") this.#succeed(task, outcome.result, nowMs);
    else if (outcome.kind === "lost" || ++task.failures < task.maxAttempts) this.#enqueue(task, nowMs);
    else this.#fail(task, outcome.kind, outcome.kind === "threw" ? outcome.message : "");
    return true;
  }

  /**
   * Moves half, rounded up, of what waits in the lane of worker `from` to that of worker `to`, and returns how many
   * that are. It is the better half: the thief is idle, and the victim has a task to end before it gets to any.
   */
  stealWork(from: number, to: number): number {
    const [source, target] = [this.#lanes[from], this.#lanes[to]];
    assert(source !== undefined && target !== undefined && from !== to, `${from} and ${to} are two workers`);
    const count = Math.ceil(source.size / 2);
    for (let moved = 0; moved < count; moved++) target.push(source.pop()!);
    return count;
  }

  /** @returns undefined when it was never submitted, or is forgotten. */
  status(id: string): TaskStatus | undefined {
    const task = this.#find(id);
    if (task === undefined) return undefined;
    return { state: task.state, attempts: task.attempts, ...(task.end !== undefined && { end: task.end }) };
  }

  state(): SchedulerState {
    const known = [...this.#live, ...this.#ended, ...this.#endedBefore];
    const tasks = known.map(([id, { state, end }]) => [id, state, end ?? null] as const);
    return { tasks: tasks.sort(([a], [b]) => (a < b ? -1 : 1)), starts: this.#starts.slice(-rememberedStarts) };
  }

  /** Tasks that wait for a worker: for any (lane -1), or for that of their lane. */
  waitingIn(lane: number): number {
    return (this.#lanes[lane] ?? this.#shared).size;
  }

  /** Tasks that have not ended. */
  get liveTasks(): number {
    return this.#live.size;
  }

  #find(id: string): Task | undefined {
    return this.#live.get(id) ?? this.#ended.get(id) ?? this.#endedBefore.get(id);
  }

  /** What is wrong with the dependencies of tasks that are to be added. */
  #problemOfGraph(added: ReadonlyMap<string, TaskSpec>): Refusal | undefined {
    let isTangled = false;
    for (const { id, dependencies = [] } of added.values()) {
      for (const dependency of dependencies) {
        if (added.has(dependency)) isTangled = true;
        else if (this.#find(dependency) === undefined) {
          return refusal("UNKNOWN_DEPENDENCY", id, `it depends on ${dependency}, which nobody submitted before it`);
        }
      }
    }
    // What is known already never depends on what is new, so a circle lies within what is new.
    const circle = isTangled ? findCircle(added) : undefined;
    if (circle === undefined) return undefined;
    const way = `${circle.slice(0, 9).join(" -> ")}${circle.length > 9 ? " -> ..." : ""}`;
    return refusal("DEPENDENCY_CYCLE", circle[0] ?? "", `it depends on itself: ${way}`);
  }

  #problemOfRoom(added: ReadonlyMap<string, TaskSpec>): Refusal | undefined {
    const [{ maxLiveTasks }, liveTasks, [id]] = [this.#options, this.liveTasks, added.keys()];
    if (id === undefined || liveTasks + added.size <= maxLiveTasks) return undefined;
    return refusal("CAPACITY_EXCEEDED", id, `${liveTasks} have not ended, and allowed are ${maxLiveTasks}`);
  }

  #accept(spec: TaskSpec): Task {
    const { id, priority = 0, tenant = defaultTenant, resources = defaultResources, dependencies = [] } = spec;
    const lane = spec.affinity === undefined ? sharedLane : spec.affinity % this.#lanes.length;
    const task: Task = {
      spec,
      priority,
      order: ++this.#submissions,
      lane,
      maxAttempts: spec.maxAttempts ?? defaultAttempts,
      state: "pending",
      end: undefined,
      missing: 0,
      dependants: [],
      attempts: 0,
      failures: 0,
      token: 0,
      sinceMs: 0,
    };
    this.#live.set(id, task);
    const { order } = task;
    const { trace } = this.#options;
    trace?.({ kind: "accepted", task: id, order, tenant, priority, lane, ...resources, dependencies });
    return task;
  }

  /** Ties a new task to what it waits for. @returns the dependency that has failed already, if one has. */
  #tie(task: Task): string | undefined {
    for (const id of task.spec.dependencies ?? []) {
      const dependency = this.#find(id)!;
      if (dependency.state === "failed") return id;
      if (dependency.state === "completed") continue;
      dependency.dependants.push(task);
      task.missing++;
    }
    return undefined;
  }

  #enqueue(task: Task, nowMs: Millis): void {
    task.state = "pending";
    task.token = ++this.#tokens;
    task.sinceMs = nowMs;
    (this.#lanes[task.lane] ?? this.#shared).push(task);
    this.#options.trace?.({ kind: "ready", task: task.spec.id, token: task.token, rank: -task.priority });
  }

  #start(task: Task, worker: number, nowMs: Millis): Assignment {
    const { spec, token, lane } = task;
    this.#running[worker] = task;
    task.state = "running";
    if (++task.attempts === 1) this.#starts.push(spec.id);
    if (this.#starts.length >= 2 * rememberedStarts) this.#starts.splice(0, rememberedStarts);
    this.#options.trace?.({ kind: "started", task: spec.id, token, worker, lane, waitMs: nowMs - task.sinceMs });
    task.sinceMs = nowMs;
    return { worker, task: spec.id, body: spec.body, token, attempt: task.failures + 1 };
  }

  #succeed(task: Task, result: JsonValue, nowMs: Millis): void {
    const released = task.dependants;
    this.#end(task, { state: "completed", result });
    for (const dependant of released) {
      if (--dependant.missing === 0 && dependant.state === "pending") this.#enqueue(dependant, nowMs);
    }
  }

  /** Fails `task`, and whatever depends on it, and so on; one after the other, for the chain may be long. */
  #fail(task: Task, reason: FailureReason, message: string): void {
    const failing = [{ task, reason, message }];
    for (const { task: failed, ...why } of failing) {
      if (failed.state === "failed") continue; // It depends on it in more than one way.
      const abandoned = failed.dependants;
      this.#end(failed, { state: "failed", ...why });
      for (const each of abandoned) failing.push({ task: each, reason: "dependency", message: failed.spec.id });
    }
  }

  #end(task: Task, end: TaskEnd): void {
    task.state = end.state;
    task.end = end;
    task.dependants = nobody;
    this.#live.delete(task.spec.id);
    this.#ended.set(task.spec.id, task);
    if (this.#ended.size >= this.#options.rememberedTasks) {
      this.#endedBefore = this.#ended;
      this.#ended = new Map();
    }
    this.#options.trace?.({ kind: "committed", task: task.spec.id, token: task.token, end: end.state });
  }
}

/** Whether `left` starts before `right` where both wait. No two tasks are equal. */
function startsBefore(left: Task, right: Task): boolean {
  return left.priority === right.priority ? left.order < right.order : left.priority > right.priority;
}

/**
 * A binary heap in an array: the children of the task at index i stand at 2i + 1 and 2i + 2, and none starts before its
 * parent. So the best one is at 0, and a path from there to a leaf has as many steps as the size has binary digits.
 */
class ReadyQueue {
  readonly #heap: Task[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Task | undefined {
    return this.#heap[0];
  }

  /** Opens a gap at the end and moves it up, past every parent that `task` starts before. */
  push(task: Task): void {
    const heap = this.#heap;
    let gap = heap.length;
    while (gap > 0) {
      const above = (gap - 1) >> 1;
      const parent = heap[above]!;
      if (!startsBefore(task, parent)) break;
      heap[gap] = parent;
      gap = above;
    }
    heap[gap] = task;
  }

  /** Takes the best one out and moves the gap down, past every child that starts before the last one, its new owner. */
  pop(): Task | undefined {
    const heap = this.#heap;
    const best = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return best;
    let gap = 0;
    for (let child = 1; child < heap.length; child = 2 * gap + 1) {
      if (child + 1 < heap.length && startsBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!startsBefore(heap[child]!, last)) break;
      heap[gap] = heap[child]!;
      gap = child;
    }
    heap[gap] = last;
    return best;
  }
}

function betterOf(left: ReadyQueue, right: ReadyQueue): ReadyQueue {
  const [first, second] = [left.peek(), right.peek()];
  return first === undefined || (second !== undefined && startsBefore(second, first)) ? right : left;
}

/**
 * Returns the ids around a circle of dependencies among `tasks`, the first one again at the end; undefined: there is
 * none. Whoever depends on nobody who is left goes, until nobody can: then everyone left depends on somebody left.
 */
function findCircle(tasks: ReadonlyMap<string, TaskSpec>): readonly string[] | undefined {
  const left = new Map(tasks);
  const nextOf = (id: string): string | undefined => left.get(id)?.dependencies?.find((each) => left.has(each));
  for (let before = left.size + 1; left.size < before;) {
    before = left.size;
    for (const id of left.keys()) if (nextOf(id) === undefined) left.delete(id);
  }
  const path = new Set<string>();
  let [id] = left.keys();
  for (; id !== undefined && !path.has(id); id = nextOf(id)) path.add(id);
  const way = [...path];
  return id === undefined ? undefined : [...way.slice(way.indexOf(id)), id];
}

/** Whether they ask for different things; to say what is usual is the same as to leave it out. */
function isOther(left: TaskSpec, right: TaskSpec): boolean {
  const [one, other] = [left, right].map((spec) => {
    const { priority = 0, tenant = defaultTenant, resources = defaultResources, dependencies = [] } = spec;
    const { affinity = sharedLane, maxAttempts = defaultAttempts } = spec;
    return JSON.stringify([spec.body, priority, tenant, resources, dependencies, affinity, maxAttempts]);
  });
  return one !== other;
}

function refusal(code: ErrorCode, what: string, problem: string): Refusal {
  return { kind: "error", code, reason: `Cannot accept ${what}: ${problem}` };
}

/** What is wrong with tasks that come from outside, whatever else is there. Nothing is believed of their types. */
function problemOfTasks(specs: readonly TaskSpec[], resolves: Resolves): Refusal | undefined {
  if (specs.length < 1 || specs.length > limits.tasks) {
    return refusal("MALFORMED_REQUEST", "a submission", `it has ${specs.length} tasks, not 1 to ${limits.tasks}`);
  }
  const job = jobOf(String(specs[0]?.id));
  for (const [index, spec] of specs.entries()) {
    const malformed = problemOfFields(spec, taskFields);
    if (malformed !== undefined) return refusal("MALFORMED_REQUEST", shown(spec?.id), malformed);
    if (index > 0 && jobOf(spec.id) !== job) return refusal("MALFORMED_REQUEST", spec.id, `the job before is ${job}`);
    const problem = problemOfBody(spec, resolves);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOfBody({ id, body }: TaskSpec, resolves: Resolves): Refusal | undefined {
  const fields = bodyFields.get(body.kind);
  if (fields === undefined) {
    return refusal("UNKNOWN_TASK", id, `no kind is ${shown(body.kind)}; there are ${[...bodyFields.keys()].join()}`);
  }
  const malformed = problemOfFields(body, fields);
  if (malformed !== undefined) return refusal("MALFORMED_REQUEST", id, malformed);
  const mayBeLong = body.kind === "call" || body.kind === "fail" || ("returns" in body && body.returns !== undefined);
  if (mayBeLong && utf8.encode(JSON.stringify(body)).length > limits.bodyBytes) {
    return refusal("MALFORMED_REQUEST", id, `its body has more than ${limits.bodyBytes} bytes as JSON`);
  }
  if (body.kind !== "call" || resolves(body.module, body.export)) return undefined;
  return refusal("UNKNOWN_TASK", id, `module ${shown(body.module)} has no function ${shown(body.export)}`);
}

const utf8 = new TextEncoder();
const name = `[A-Za-z0-9_-]{1,${limits.nameBytes}}`;
const nameText = `1 to ${limits.nameBytes} of A-Z a-z 0-9 _ -`;
const taskId = textLike(new RegExp(`^${name}[.]${name}$`), `JOB.NAME, each ${nameText}`);
const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const taskFields: Fields = {
  id: taskId,
  body: { allowed: "an object with a kind", fits: (value) => typeof (value as TaskBody | null)?.kind === "string" },
  priority: optional(wholeNumber(0, limits.priority)),
  tenant: optional(textLike(new RegExp(`^${name}$`), nameText)),
  resources: optional(objectWith({ cpuMilli: amount, memoryMb: amount })),
  dependencies: optional(listOf(taskId, limits.dependencies)),
  affinity: optional(amount),
  maxAttempts: optional(wholeNumber(1, limits.attempts)),
  deadlineMs: optional({ allowed: "none: this scheduler keeps no deadlines", fits: () => false }),
};

/** A week: longer than any timer has to wait. */
const longestMs: Millis = 7 * 24 * 3600 * 1000;
const ms = numberWithin(0, longestMs);
const checkpointMs = optional(numberWithin(Number.MIN_VALUE, longestMs));
const times = optional(wholeNumber(0, Number.MAX_SAFE_INTEGER));

const bodyFields: ReadonlyMap<string, Fields> = new Map<TaskBody["kind"], Fields>([
  ["spin", { kind: text, ms, checkpointMs, returns: optional(json) }],
  ["sleep", { kind: text, ms, checkpointMs, returns: optional(json) }],
  ["fail", { kind: text, ms, message: text, times }],
  ["crash", { kind: text, ms, times }],
  ["call", { kind: text, module: text, export: text, args: jsonList }],
]);
