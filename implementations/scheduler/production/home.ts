/**
 * The tasks of one home, from their acceptance to their end for good.
 *
 * A task is accepted when the journal has it. It waits for its dependencies, then in the run queue for a worker or for
 * another node, with a fencing token that is new for every attempt; only the attempt with its newest token can end it.
 * What an end releases may start at once, before the end is durable: the journal keeps their order, so no crash can
 * remember the later end and forget the earlier one. Clients and other nodes are told only what is durable.
 *
 * Attempts that throw or end their thread are counted; those that were lost, or gave way, are not.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { defaultTenant } from "../contract.ts";
import type { AttemptEnd, Resources, SchedulerEvent, TaskEnd } from "../contract.ts";
import type { AdmittedTask } from "./admitted-task.ts";
import type { Admission } from "./admission.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import { outcomeOf } from "./attempt-outcome.ts";
import { settleDependants } from "./dependencies.ts";
import type { JournalRecord, JournalState } from "./journal-records.ts";
import type { WatchedState } from "./messages.ts";
import type { EndedAttempt, QueuePort, StartedAttempt } from "./ports.ts";
import { newTask } from "./task-table.ts";
import type { EndedTask, Task, TaskTable } from "./task-table.ts";
import type { Tokens } from "./tokens.ts";

export interface HomePorts {
  readonly clock: Clock;
  readonly table: TaskTable;
  readonly queue: QueuePort;
  readonly attempts: Attempts;
  readonly workers: number;
  readonly ageingMs: Millis;
  /** By name; a task whose tenant is gone since it was accepted is the default tenant's. */
  readonly tenantNumbers: ReadonlyMap<string, number>;
  /** What a task holds while it runs. */
  readonly chargeOf: (task: AdmittedTask) => Resources;
  readonly isLocal: (task: string) => boolean;
  readonly tokens: () => Tokens;
  readonly append: (record: JournalRecord, durable?: () => void) => void;
  /** To be written down with whatever comes next. */
  readonly note: (record: JournalRecord) => void;
  /** Asks the home of `dependency` how it ends. */
  readonly follow: (dependency: string) => void;
  /** The end of a task is durable. */
  readonly committed: (task: string, end: TaskEnd) => void;
  /** An attempt that another node executes has become void. */
  readonly revoke: (token: number) => void;
  /** A task's first attempt begins on this node. */
  readonly firstStart: (task: string) => void;
  /** undefined: nobody wants to know of single tasks. */
  readonly trace: ((event: SchedulerEvent) => void) | undefined;
}

export class Home {
  readonly #ports: HomePorts;
  /** The next task's place in the order of submissions. */
  #orders = 0;
  /** Of tasks below this place everybody has been told that they were accepted. */
  #toldBelow = 0;
  /** Tasks that wait for a place in the run queue. */
  #ready: Task[] = [];
  /** Drawn, and not given out for want of room. */
  #spareToken: number | undefined;
  readonly #counts = { accepted: 0, completed: 0, failed: 0, attempts: 0, retries: 0, lost: 0, refused: 0, expired: 0 };

  constructor(ports: HomePorts) {
    this.#ports = ports;
  }

  get orders(): number {
    return this.#orders;
  }

  get toldBelow(): number {
    return this.#toldBelow;
  }

  get counters(): Readonly<Record<string, number>> {
    const { accepted, completed, failed, attempts, retries, lost, refused, expired } = this.#counts;
    return {
      "tasks accepted": accepted,
      "tasks completed": completed,
      "tasks failed": failed,
      "tasks live": this.#ports.table.liveCount,
      attempts,
      retries,
      "attempts lost": lost,
      "tokens refused": refused,
      "deadlines passed": expired,
    };
  }

  /** Whether tasks wait for a place in the run queue. */
  get hasBacklog(): boolean {
    return this.#ready.length > 0;
  }

  /** Takes over what earlier lives left; nothing moves before `resume`. */
  restore(state: JournalState): void {
    const { table, ageingMs, clock } = this.#ports;
    const nowMs = clock.nowMs();
    this.#orders = state.orders;
    this.#toldBelow = state.toldBelow;
    for (const [id, ended] of state.ended) table.remember({ id, ...ended, isDurable: true });
    table.prune();
    for (const recovered of [...state.live.values()].sort((one, other) => one.order - other.order)) {
      const acceptedMs = nowMs - state.ageMsOf(recovered);
      const task = newTask(recovered.spec, { order: recovered.order, acceptedMs, ageingMs }, recovered.unmet);
      task.phase = "blocked";
      task.failures = recovered.failures;
      task.attempts = recovered.attempts;
      table.add(task);
    }
  }

  /** Goes on with what was taken over. What a crash may have kept from being told is told now, perhaps again. */
  resume(): void {
    const { table } = this.#ports;
    this.#tellAccepted([...table.live()].filter(({ order }) => order >= this.#toldBelow));
    for (const task of [...table.live()]) {
      if (task.phase === "blocked") this.#begin(task);
    }
  }

  /** Enqueues tasks that were found right in this very turn; `done` is called when they are accepted for good. */
  accept({ fresh, foreign }: Admission, done: () => void): void {
    const { table, append, clock, ageingMs } = this.#ports;
    const atMs = clock.nowMs();
    const order = this.#orders;
    const tasks = fresh.map((spec, index) => {
      return newTask(spec, { order: order + index, acceptedMs: atMs, ageingMs }, this.#unmetOf(spec, foreign));
    });
    this.#orders += tasks.length;
    this.#counts.accepted += tasks.length;
    for (const task of tasks) table.add(task);
    append({ kind: "submission", atMs, order, tasks: fresh }, () => {
      this.#accepted(tasks);
      done();
    });
    for (const dependency of new Set(fresh.flatMap(({ dependencies }) => dependencies))) {
      const state = foreign.get(dependency) ?? table.endOf(dependency)?.end.state;
      if (state === "failed") this.#fellThrough(dependency);
      else if (state === "completed" && foreign.has(dependency)) append({ kind: "met", dependency });
    }
  }

  /** A dependency that another home has ended so. */
  dependencyEnded(dependency: string, state: "completed" | "failed"): void {
    if (state === "failed") return this.#fellThrough(dependency);
    this.#ports.append({ kind: "met", dependency });
    this.#settle(dependency, { state, result: null });
  }

  /** Offers what is ready, the best first. @returns whether anything was offered. */
  offerReady(): boolean {
    if (this.#ready.length === 0) return false;
    const ready = this.#ready.filter(({ phase }) => phase === "ready");
    ready.sort((one, other) => one.rank - other.rank || one.order - other.order);
    let count = 0;
    for (const task of ready) {
      if (!this.#offer(task)) break;
      count++;
    }
    this.#ready = ready.slice(count);
    return count > 0;
  }

  /** A worker of this node has begun an attempt of `task`. */
  started(task: Task, attempt: Attempt, { worker, lane, waitMs }: StartedAttempt): void {
    const { token } = attempt;
    task.phase = "running";
    this.#begun(task);
    if (task.attempts === 1) this.#ports.firstStart(task.id);
    this.#ports.trace?.({ kind: "started", task: task.id, token, worker, lane, waitMs });
    if (task.isOverdue) this.#expire(task);
  }

  /** The run queue's next task, for another node; undefined: none can be taken. */
  lend(): { readonly task: Task; readonly attempt: Attempt } | undefined {
    const { queue, attempts, clock } = this.#ports;
    const taken = queue.take(clock.nowMs());
    if (taken === undefined) return undefined;
    const attempt = attempts.at(taken.slot);
    const task = attempt?.task;
    assert(attempt !== undefined && task !== undefined, "what is lent is a task of this home");
    return { task, attempt };
  }

  leased(task: Task, to: NodeId): void {
    task.phase = "leased";
    this.#ports.trace?.({ kind: "leased", task: task.id, token: task.token, to });
  }

  /** Another node has an attempt of `task`. */
  begunElsewhere(task: Task): void {
    if (task.phase === "leased") this.#begun(task);
  }

  /** @param worker -1: of another node. */
  ended(task: Task, token: number, worker: number, ended: EndedAttempt): void {
    if (task.phase === "ended" || task.token !== token) {
      this.#counts.refused++;
      return;
    }
    task.attempt = undefined;
    const yieldMs = ended.yieldMs === undefined ? {} : { yieldMs: ended.yieldMs };
    const outcome = outcomeOf(ended);
    this.#tellEnd(task, worker, outcome.end, ended.ranMs, yieldMs);
    switch (outcome.end) {
      case "completed":
        return this.#finish(task, { state: "completed", result: outcome.result ?? null });
      case "threw":
      case "crashed":
        return this.#attemptFailed(task, outcome.end, outcome.end === "threw" ? (outcome.message ?? "") : "");
      case "lost":
        this.#counts.lost++;
        return this.#again(task);
      case "yielded":
        task.state = outcome.state;
        return this.#again(task);
      default:
        unreachable(outcome.end);
    }
  }

  #unmetOf({ dependencies }: AdmittedTask, foreign: ReadonlyMap<string, WatchedState>): readonly string[] {
    const { table } = this.#ports;
    return dependencies.filter((dependency) => {
      return (foreign.get(dependency) ?? table.endOf(dependency)?.end.state) !== "completed";
    });
  }

  #tellAccepted(tasks: readonly Task[]): void {
    if (tasks.length === 0) return;
    for (const { id, order, spec } of tasks) {
      const { tenant, priority, resources, dependencies } = spec;
      const lane = this.#laneOf(spec);
      this.#ports.trace?.({ kind: "accepted", task: id, order, tenant, priority, lane, ...resources, dependencies });
      this.#toldBelow = Math.max(this.#toldBelow, order + 1);
    }
    this.#ports.note({ kind: "told", below: this.#toldBelow });
  }

  #accepted(tasks: readonly Task[]): void {
    this.#tellAccepted(tasks);
    for (const task of tasks) {
      if (task.phase !== "accepting") continue; // A dependency had failed.
      task.phase = "blocked";
      this.#begin(task);
    }
  }

  /** It is accepted, and nothing stands in its way but what it waits for. */
  #begin(task: Task): void {
    const { clock, table, isLocal, follow } = this.#ports;
    const { deadlineMs } = task.spec;
    if (deadlineMs > 0) {
      const leftMs = Math.max(0, task.acceptedMs + deadlineMs - clock.nowMs());
      task.deadline = clock.after(leftMs, () => this.#expire(task));
    }
    if (task.unmet.size === 0) return this.#again(task);
    for (const dependency of task.unmet) {
      if (!isLocal(dependency)) follow(dependency);
      else if (table.find(dependency) === undefined) return this.#fellThrough(dependency);
    }
  }

  #laneOf({ affinity }: AdmittedTask): number {
    return affinity < 0 ? -1 : affinity % this.#ports.workers;
  }

  /** It waits for a worker, for the first time or once more. */
  #again(task: Task): void {
    if (task.isOverdue) return this.#passed(task);
    task.phase = "ready";
    this.#ready.push(task);
  }

  #offer(task: Task): boolean {
    const { attempts, clock, tenantNumbers, chargeOf, tokens, trace } = this.#ports;
    const token = this.#spareToken ?? tokens().take();
    if (token === undefined) return false;
    const { id, spec, rank, order, failures, state } = task;
    const { body } = spec;
    const tenant = tenantNumbers.get(spec.tenant) ?? tenantNumbers.get(defaultTenant) ?? 0;
    const resources = chargeOf(spec);
    const lane = this.#laneOf(spec);
    const offer = { token, rank, order: order % 2 ** 32, tenant, lane, resources, id, body, failures, state, task };
    const attempt = attempts.offer(offer, clock.nowMs());
    this.#spareToken = attempt === undefined ? token : undefined;
    if (attempt === undefined) return false;
    task.token = token;
    task.attempt = attempt;
    task.phase = "queued";
    trace?.({ kind: "ready", task: id, token, rank });
    return true;
  }

  #begun(task: Task): void {
    task.attempts++;
    this.#counts.attempts++;
  }

  #tellEnd(
    { id, token }: Task,
    worker: number,
    end: AttemptEnd,
    ranMs: Millis,
    yieldMs: { readonly yieldMs?: Millis } = {},
  ): void {
    this.#ports.trace?.({ kind: "ended", task: id, token, worker, end, ranMs, ...yieldMs });
  }

  #attemptFailed(task: Task, reason: "threw" | "crashed", message: string): void {
    task.failures++;
    task.state = undefined;
    if (task.failures >= task.spec.maxAttempts) return this.#finish(task, { state: "failed", reason, message });
    const { failures, attempts } = task;
    this.#ports.append({ kind: "failure", task: task.id, failures, attempts });
    this.#counts.retries++;
    this.#again(task);
  }

  #expire(task: Task): void {
    const { attempts, clock, revoke } = this.#ports;
    const { attempt, token } = task;
    if (task.phase === "queued" && attempt !== undefined && !attempts.withdraw(attempt)) {
      task.isOverdue = true; // A worker has it, and has not said so yet.
      return;
    }
    if (task.phase === "running" && attempt !== undefined) {
      this.#tellEnd(task, attempt.worker, "expired", Math.max(0, clock.nowMs() - attempt.startedMs));
      attempts.giveUp(attempt);
    }
    const wasLeased = task.phase === "leased";
    if (wasLeased) this.#tellEnd(task, -1, "expired", 0);
    this.#passed(task);
    if (wasLeased) revoke(token);
  }

  #passed(task: Task): void {
    this.#counts.expired++;
    this.#finish(task, { state: "failed", reason: "deadline", message: "" });
  }

  /** Whoever waits for `dependency` waits in vain. */
  #fellThrough(dependency: string): void {
    this.#settle(dependency, { state: "failed", reason: "dependency", message: "" });
  }

  #finish(task: Task, end: TaskEnd): void {
    this.#conclude(task, end);
    this.#settle(task.id, end);
  }

  #settle(dependency: string, end: TaskEnd): void {
    settleDependants(this.#ports.table, dependency, end, {
      released: (task) => {
        if (task.phase === "blocked") this.#again(task);
      },
      failed: (task, failure) => this.#conclude(task, failure),
    });
  }

  #conclude(task: Task, end: TaskEnd): void {
    const { table, append, clock } = this.#ports;
    const { id, token, attempts } = task;
    const ended = table.conclude(task, end);
    task.attempt = undefined;
    this.#counts[end.state]++;
    const { digest } = ended;
    append({ kind: "end", atMs: clock.nowMs(), task: id, digest, attempts, end }, () => this.#committed(ended, token));
  }

  #committed(ended: EndedTask, token: number): void {
    const { table, trace, committed } = this.#ports;
    ended.isDurable = true;
    trace?.({ kind: "committed", task: ended.id, token, end: ended.end.state });
    committed(ended.id, ended.end);
    table.prune();
  }
}
