/**
 * What a peer refuses of a client's operation, before anything is done: what no scheduler accepts, and what this peer's
 * library cannot do. Nothing is added to a library here that it lacks: whoever asks for it is told so.
 */

import type { ErrorCode } from "../../../foundation/errors.ts";
import { json, jsonList, listOf, numberWithin, objectWith, optional } from "../../../foundation/fields.ts";
import { problemOfFields, shown, text, textLike, wholeNumber } from "../../../foundation/fields.ts";
import type { Fields } from "../../../foundation/fields.ts";
import type { Millis } from "../../../foundation/units.ts";
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

const allowedOperations = "allowed operations are submit, wait, status";

/** @returns why `operation` is not even looked at; undefined: it is well formed, and the peer can do it. */
export function refusalOf(operation: SchedulerOperation, rules: PeerRules): Refusal | undefined {
  if (typeof operation !== "object" || (operation as unknown) === null) return malformed(allowedOperations);
  switch (operation.kind) {
    case "submit":
      return refusalOfTasks(operation.tasks, rules);
    case "wait":
    case "status": {
      const problem = problemOfFields(operation, operationFields[operation.kind]);
      return problem === undefined ? undefined : malformed(`${operation.kind}: ${problem}`);
    }
    default:
      return malformed(allowedOperations);
  }
}

function refusalOfTasks(tasks: readonly TaskSpec[], rules: PeerRules): Refusal | undefined {
  if (!Array.isArray(tasks)) return malformed("a submission: its tasks are a list");
  if (tasks.length < 1 || tasks.length > limits.tasks) {
    return malformed(`a submission: it has ${tasks.length} tasks, not 1 to ${limits.tasks}`);
  }
  const ids = new Set<string>();
  for (const task of tasks as readonly TaskSpec[]) {
    const problem = problemOfFields(task, taskFields);
    if (problem !== undefined) return malformed(`${shown((task as TaskSpec | null)?.id)}: ${problem}`);
    if (ids.has(task.id)) return malformed(`${task.id}: it is there twice`);
    ids.add(task.id);
    const [first = task.id] = ids;
    if (jobOf(task.id) !== jobOf(first)) return malformed(`${task.id}: the job before is ${jobOf(first)}`);
    const refusal = refusalOfBody(task.id, task.body, rules) ?? refusalOfWish(task, rules);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusalOfBody(id: string, body: TaskBody, rules: PeerRules): Refusal | undefined {
  const fields = bodyFields.get(body.kind);
  if (fields === undefined) {
    const reason = `${id}: no kind is ${shown(body.kind)}; there are ${[...bodyFields.keys()].join(", ")}`;
    return { code: "UNKNOWN_TASK", reason };
  }
  const problem = problemOfFields(body, fields);
  if (problem !== undefined) return malformed(`${id}: ${problem}`);
  if (utf8.encode(JSON.stringify(body)).length > limits.bodyBytes) {
    return malformed(`${id}: its body has more than ${limits.bodyBytes} bytes as JSON`);
  }
  if (body.kind === "crash" && !rules.hasThreads) {
    return malformed(`${id}: ${rules.name} runs tasks on its own thread, so none may end its thread`);
  }
  return undefined;
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

function malformed(reason: string): Refusal {
  return { code: "MALFORMED_REQUEST", reason };
}

const utf8 = new TextEncoder();
const name = `[A-Za-z0-9_-]{1,${limits.nameBytes}}`;
const nameText = `1 to ${limits.nameBytes} of A-Z a-z 0-9 _ -`;
const taskId = textLike(new RegExp(`^${name}[.]${name}$`), `JOB.NAME, each ${nameText}`);
const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER);
/** A week: longer than any timer has to wait. */
const longestMs: Millis = 7 * 24 * 3600 * 1000;
const ms = numberWithin(0, longestMs);
const checkpointMs = optional(numberWithin(Number.MIN_VALUE, longestMs));
const times = optional(amount);

const taskFields: Fields = {
  id: taskId,
  body: { allowed: "an object with a kind", fits: (value) => typeof (value as TaskBody | null)?.kind === "string" },
  priority: optional(wholeNumber(0, limits.priority)),
  tenant: optional(textLike(new RegExp(`^${name}$`), nameText)),
  resources: optional(objectWith({ cpuMilli: amount, memoryMb: amount })),
  dependencies: optional(listOf(taskId, limits.dependencies)),
  affinity: optional(amount),
  maxAttempts: optional(wholeNumber(1, limits.attempts)),
  deadlineMs: optional(numberWithin(0, longestMs)),
};

const bodyFields: ReadonlyMap<string, Fields> = new Map<TaskBody["kind"], Fields>([
  ["spin", { kind: text, ms, checkpointMs, returns: optional(json) }],
  ["sleep", { kind: text, ms, checkpointMs, returns: optional(json) }],
  ["fail", { kind: text, ms, message: text, times }],
  ["crash", { kind: text, ms, times }],
  ["call", { kind: text, module: text, export: text, args: jsonList }],
]);

const operationFields = {
  wait: { kind: text, tasks: listOf(taskId, limits.tasks) },
  status: { kind: text, task: taskId },
} as const satisfies Readonly<Record<string, Fields>>;
