/**
 * What a peer refuses of a client's operation, before anything is done: what no scheduler accepts, and what this peer's
 * library cannot do. Nothing is added to a library here that it lacks: whoever asks for it is told so.
 */

import type { ErrorCode } from "../../../foundation/errors.ts";
import { defaultResources, defaultTenant, jobOf, limits } from "../../../scheduler/contract.ts";
import type { Ability, SchedulerOperation, TaskBody, TaskSpec } from "../../../scheduler/contract.ts";

export interface PeerRules {
  /** As messages call it: "p-queue". */
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  /** Whether a task may end its thread, and nobody else's. */
  readonly hasThreads: boolean;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

const idForm = new RegExp(`^[A-Za-z0-9_-]{1,${limits.nameBytes}}\\.[A-Za-z0-9_-]{1,${limits.nameBytes}}$`);
/** A timer's longest wait. */
const maxMs = 2 ** 31 - 1;

/** @returns why `operation` is not even looked at; undefined: it is well formed, and the peer can do it. */
export function refusalOf(operation: SchedulerOperation, rules: PeerRules): Refusal | undefined {
  switch (operation.kind) {
    case "submit":
      return refusalOfTasks(operation.tasks, rules);
    case "wait":
      if (!Array.isArray(operation.tasks) || operation.tasks.length < 1 || operation.tasks.length > limits.tasks) {
        return malformed(`wait: allowed are 1 to ${limits.tasks} tasks`);
      }
      return operation.tasks.map(refusalOfId).find((refusal) => refusal !== undefined);
    case "status":
      return refusalOfId(operation.task);
    default:
      return malformed(`allowed operations are submit, wait, status`);
  }
}

function refusalOfTasks(tasks: readonly TaskSpec[], rules: PeerRules): Refusal | undefined {
  if (!Array.isArray(tasks) || tasks.length < 1 || tasks.length > limits.tasks) {
    return malformed(`submit: allowed are 1 to ${limits.tasks} tasks`);
  }
  for (const task of tasks as readonly TaskSpec[]) {
    const refusal = refusalOfId(task.id) ?? refusalOfTask(task, rules);
    if (refusal !== undefined) return refusal;
    if (jobOf(task.id) !== jobOf(tasks[0]?.id ?? "")) {
      return malformed(`${task.id}: all tasks of a submission belong to one job, and ${tasks[0]?.id} is another's`);
    }
  }
  return undefined;
}

function refusalOfId(id: string): Refusal | undefined {
  if (typeof id === "string" && idForm.test(id)) return undefined;
  const told = typeof id === "string" ? JSON.stringify(id.slice(0, 2 * limits.nameBytes)) : typeof id;
  return malformed(`task ${told}: an id is JOB.NAME, each of 1 to ${limits.nameBytes} of A-Z a-z 0-9 _ -`);
}

function refusalOfTask(task: TaskSpec, rules: PeerRules): Refusal | undefined {
  const { id, priority = 0, maxAttempts = 1, resources = defaultResources } = task;
  if (!isWhole(priority, 0, limits.priority)) {
    return malformed(`${id}: priority ${priority}: allowed is a whole number in [0, ${limits.priority}]`);
  }
  if (!isWhole(maxAttempts, 1, limits.attempts)) {
    return malformed(`${id}: maxAttempts ${maxAttempts}: allowed is a whole number in [1, ${limits.attempts}]`);
  }
  if (!(resources.cpuMilli >= 0 && resources.memoryMb >= 0)) {
    return malformed(`${id}: resources: allowed are numbers from 0`);
  }
  return refusalOfBody(id, task.body, rules) ?? refusalOfWish(task, rules);
}

function refusalOfBody(id: string, body: TaskBody, rules: PeerRules): Refusal | undefined {
  if (JSON.stringify(body)?.length > limits.bodyBytes) {
    return malformed(`${id}: its body is longer than ${limits.bodyBytes} characters of JSON`);
  }
  switch (body?.kind) {
    case "call":
      return Array.isArray(body.args) && typeof body.module === "string" && typeof body.export === "string"
        ? undefined
        : malformed(`${id}: a call has a module, an export and args`);
    case "spin":
    case "sleep":
    case "fail":
    case "crash":
      if (!(body.ms >= 0 && body.ms <= maxMs)) return malformed(`${id}: ms ${body.ms}: allowed is [0, ${maxMs}]`);
      if (body.kind === "crash" && !rules.hasThreads) {
        return malformed(`${id}: ${rules.name} runs tasks on its own thread, so none may end its thread`);
      }
      return undefined;
    default:
      return { code: "UNKNOWN_TASK", reason: `${id}: allowed kinds are spin, sleep, fail, crash, call` };
  }
}

/** What `task` asks for and the peer has not. */
function refusalOfWish(task: TaskSpec, { name, abilities }: PeerRules): Refusal | undefined {
  const { id, priority = 0, tenant = defaultTenant, resources = defaultResources } = task;
  const wishes: readonly (readonly [ability: Ability, isAsked: boolean, what: string])[] = [
    ["priorities", priority !== 0, `priority ${priority}`],
    ["dependencies", (task.dependencies ?? []).length > 0, `dependencies on ${(task.dependencies ?? []).join(", ")}`],
    ["tenants", tenant !== defaultTenant, `tenant ${tenant}`],
    ["affinity", task.affinity !== undefined, `affinity ${task.affinity}`],
    ["deadlines", task.deadlineMs !== undefined, `deadlineMs ${task.deadlineMs}`],
    ["calls", task.body.kind === "call", "a call"],
  ];
  for (const [ability, isAsked, what] of wishes) {
    if (isAsked && !abilities.has(ability)) return malformed(`${id}: ${name} has no ${ability}; it asks for ${what}`);
  }
  if (resources.cpuMilli > defaultResources.cpuMilli || resources.memoryMb > 0) {
    return malformed(`${id}: ${name} has no quotas: a task holds a worker, that is up to 1000 cpuMilli and no memory`);
  }
  return undefined;
}

function isWhole(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function malformed(reason: string): Refusal {
  return { code: "MALFORMED_REQUEST", reason };
}
