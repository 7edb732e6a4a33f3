/**
 * Whether a submission is taken: everything a client can get wrong is found here, before anything is enqueued.
 *
 * What concerns a task alone comes first (`admitted-task.ts`), then what concerns it among others. Some of it has to be
 * asked: whether a module has the export that a task calls, and whether other homes have the tasks it depends on. That
 * takes time in which this home's tasks change, so what depends on them is looked at again afterwards, and the tasks
 * are enqueued in the same turn.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { homeOf, jobOf, limits } from "../contract.ts";
import type { Resources } from "../contract.ts";
import { isRefusal, readTask } from "./admitted-task.ts";
import type { AdmittedTask, Refusal } from "./admitted-task.ts";
import { findCycle } from "./dependency-cycle.ts";
import type { WatchedState } from "./messages.ts";
import type { ExecutorPort } from "./ports.ts";
import { digestOf } from "./task-table.ts";
import type { TaskTable } from "./task-table.ts";

export interface AdmissionPorts {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  readonly table: TaskTable;
  /** By name: what one task of the tenant may hold on this node. */
  readonly allowances: ReadonlyMap<string, Resources>;
  readonly queueLimit: number;
  readonly requestTimeoutMs: Millis;
  readonly resolveCall: ExecutorPort["resolveCall"];
  readonly inquire: (
    tasks: Iterable<string>,
    limitMs: Millis,
    done: (states: ReadonlyMap<string, WatchedState> | undefined) => void,
  ) => void;
  /** Why nothing can be taken now. */
  readonly obstacle: () => Refusal | undefined;
}

/** To be enqueued in the turn in which it is given. */
export interface Admission {
  /** Of all tasks of the submission. */
  readonly ids: readonly string[];
  /** Those that are not known yet. */
  readonly fresh: readonly AdmittedTask[];
  /** How the dependencies of `fresh` stand that other homes have. */
  readonly foreign: ReadonlyMap<string, WatchedState>;
}

export class AdmissionControl {
  readonly #ports: AdmissionPorts;

  constructor(ports: AdmissionPorts) {
    this.#ports = ports;
  }

  /** @param done is called once, at once or later. */
  submit(raw: unknown, done: (outcome: Admission | Refusal) => void): void {
    const tasks = this.#read(raw);
    if (!Array.isArray(tasks)) return done(tasks as Refusal);
    const refused = this.#screenAlone(tasks);
    if (refused !== undefined) return done(refused);
    this.#resolveCalls(this.#freshOf(tasks), (unresolved) => {
      if (unresolved !== undefined) return done(unresolved);
      const foreign = this.#foreignOf(this.#freshOf(tasks));
      if (foreign.size === 0) return done(this.#conclude(tasks, new Map()));
      // What can be refused at once is not worth a question.
      const early = this.#screenAmongOthers(tasks, undefined);
      if (early !== undefined) return done(early);
      this.#ports.inquire(foreign, this.#ports.requestTimeoutMs, (states) => {
        done(states === undefined ? this.#unanswered(foreign) : this.#conclude(tasks, states));
      });
    });
  }

  /** @returns what is wrong with `raw` as the ids of tasks of one job of this home. */
  checkIds(ids: readonly string[]): Refusal | undefined {
    const { id, founders } = this.#ports;
    const job = jobOf(ids[0] ?? "");
    const stranger = ids.find((other) => jobOf(other) !== job);
    if (stranger !== undefined) {
      return malformed(`task ${stranger} is not of job ${job}; all tasks of a request have to be of one job`);
    }
    const home = homeOf(job, founders);
    return home === id ? undefined : malformed(`job ${job} has its home on ${home}; only there its tasks are known`);
  }

  #read(raw: unknown): readonly AdmittedTask[] | Refusal {
    if (!Array.isArray(raw) || raw.length === 0 || raw.length > limits.tasks) {
      const found = Array.isArray(raw) ? `there are ${raw.length} tasks` : "tasks is not an array";
      return malformed(`${found}; allowed are 1 to ${limits.tasks} tasks in a submission`);
    }
    const tasks: AdmittedTask[] = [];
    let unknownKind: Refusal | undefined;
    for (const [index, each] of (raw as unknown[]).entries()) {
      const task = readTask(each, `tasks[${index}]`);
      if (!isRefusal(task)) tasks.push(task);
      else if (task.code === "MALFORMED_REQUEST") return task;
      else unknownKind ??= task;
    }
    if (unknownKind !== undefined) return unknownKind;
    const ids = tasks.map(({ id }) => id);
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined) return malformed(`task ${twice} is in the submission twice; an id names one task`);
    return this.checkIds(ids) ?? tasks;
  }

  /** What does not change while others are asked. */
  #screenAlone(tasks: readonly AdmittedTask[]): Refusal | undefined {
    const { allowances } = this.#ports;
    const stranger = tasks.find(({ tenant }) => !allowances.has(tenant));
    if (stranger === undefined) return undefined;
    const names = [...allowances.keys()].join(", ");
    return refusal("UNKNOWN_TENANT", `task ${stranger.id}: there is no tenant ${stranger.tenant}; there are ${names}`);
  }

  #conclude(tasks: readonly AdmittedTask[], foreign: ReadonlyMap<string, WatchedState>): Admission | Refusal {
    const refused = this.#screenAmongOthers(tasks, foreign);
    if (refused !== undefined) return refused;
    return { ids: tasks.map(({ id }) => id), fresh: this.#freshOf(tasks), foreign };
  }

  /** @param foreign undefined: the other homes have not been asked yet. */
  #screenAmongOthers(
    tasks: readonly AdmittedTask[],
    foreign: ReadonlyMap<string, WatchedState> | undefined,
  ): Refusal | undefined {
    const fresh = this.#freshOf(tasks);
    return (
      this.#taken(fresh) ??
      this.#unknownDependency(tasks, fresh, foreign) ??
      circle(fresh) ??
      this.#tooLarge(fresh) ??
      (fresh.length > 0 ? (this.#full(fresh.length) ?? this.#ports.obstacle()) : undefined)
    );
  }

  #unknownDependency(
    tasks: readonly AdmittedTask[],
    fresh: readonly AdmittedTask[],
    foreign: ReadonlyMap<string, WatchedState> | undefined,
  ): Refusal | undefined {
    const { table } = this.#ports;
    const inner = new Set(tasks.map(({ id }) => id));
    const isKnown = (dependency: string): boolean => {
      if (inner.has(dependency) || table.digestOf(dependency) !== undefined) return true;
      if (this.#isLocal(dependency)) return false;
      const state = foreign?.get(dependency);
      return foreign === undefined || (state !== undefined && state !== "unknown");
    };
    for (const { id, dependencies } of fresh) {
      const unknown = dependencies.find((dependency) => !isKnown(dependency));
      if (unknown === undefined) continue;
      const what = `task ${id}: dependency ${unknown} was never accepted, or is forgotten`;
      return refusal("UNKNOWN_DEPENDENCY", `${what}; allowed are earlier tasks and those of the same submission`);
    }
    return undefined;
  }

  #tooLarge(fresh: readonly AdmittedTask[]): Refusal | undefined {
    for (const { id, tenant, resources } of fresh) {
      const allowance = this.#ports.allowances.get(tenant);
      for (const name of ["cpuMilli", "memoryMb"] as const) {
        const most = allowance?.[name] ?? 0;
        if (resources[name] <= most) continue;
        const what = `task ${id}: resources.${name} is ${resources[name]}`;
        return refusal("QUOTA_EXCEEDED", `${what}; tenant ${tenant} may hold at most ${most} on a node`);
      }
    }
    return undefined;
  }

  #taken(fresh: readonly AdmittedTask[]): Refusal | undefined {
    const other = fresh.find(({ id }) => this.#ports.table.digestOf(id) !== undefined);
    if (other === undefined) return undefined;
    return refusal("ALREADY_EXISTS", `task ${other.id} exists with other contents; an id names one task`);
  }

  #full(count: number): Refusal | undefined {
    const { table, queueLimit } = this.#ports;
    if (table.liveCount + count <= queueLimit) return undefined;
    const what = `the queue holds ${table.liveCount} tasks that have not ended, and ${count} more are too many`;
    return refusal("CAPACITY_EXCEEDED", `${what}; allowed are ${queueLimit}`);
  }

  /** Those that are not here already, contents and all. */
  #freshOf(tasks: readonly AdmittedTask[]): readonly AdmittedTask[] {
    return tasks.filter((task) => this.#ports.table.digestOf(task.id) !== digestOf(task));
  }

  #isLocal(task: string): boolean {
    return homeOf(jobOf(task), this.#ports.founders) === this.#ports.id;
  }

  #foreignOf(fresh: readonly AdmittedTask[]): ReadonlySet<string> {
    const dependencies = fresh.flatMap((task) => task.dependencies);
    return new Set(dependencies.filter((dependency) => !this.#isLocal(dependency)));
  }

  #unanswered(foreign: ReadonlySet<string>): Refusal {
    const homes = new Set([...foreign].map((task) => homeOf(jobOf(task), this.#ports.founders)));
    const what = `${[...homes].join(", ")} did not say within ${this.#ports.requestTimeoutMs} ms`;
    return refusal("UNAVAILABLE", `${what} whether the dependencies of the submission exist`);
  }

  #resolveCalls(fresh: readonly AdmittedTask[], done: (refused: Refusal | undefined) => void): void {
    const calls = new Map<string, { readonly id: string; readonly module: string; readonly exported: string }>();
    for (const { id, body } of fresh) {
      if (body.kind !== "call") continue;
      const called = JSON.stringify([body.module, body.export]);
      if (!calls.has(called)) calls.set(called, { id, module: body.module, exported: body.export });
    }
    let open = calls.size;
    let refused: Refusal | undefined;
    if (open === 0) return done(undefined);
    for (const { id, module, exported } of calls.values()) {
      this.#ports.resolveCall(module, exported, (problem) => {
        if (problem !== undefined) refused ??= refusal("UNKNOWN_TASK", `task ${id}: ${problem}`);
        if (--open === 0) done(refused);
      });
    }
  }
}

function circle(fresh: readonly AdmittedTask[]): Refusal | undefined {
  const cycle = findCycle(fresh);
  if (cycle === undefined) return undefined;
  const shown =
    cycle.length > 8 ? `${cycle.slice(0, 8).join(" -> ")} -> ... (${cycle.length} tasks)` : cycle.join(" -> ");
  return refusal(
    "DEPENDENCY_CYCLE",
    `${shown} -> ${cycle[0]}: each of them waits for the next, so none could ever start`,
  );
}

const refusal = (code: ErrorCode, reason: string): Refusal => ({ code, reason });
const malformed = (reason: string): Refusal => refusal("MALFORMED_REQUEST", reason);
