/**
 * What a client calls a task, taken apart: every field checked, every default filled in, nothing unknown left.
 *
 * Fields that do not exist are refused rather than passed over, for a misspelt `dependencies` would start a task before
 * what it needs. A field that is undefined counts as not given.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import { jsonFlaw } from "../../foundation/json-flaw.ts";
import type { Millis } from "../../foundation/units.ts";
import { defaultAttempts, defaultResources, defaultTenant, limits } from "../contract.ts";
import type { JsonValue, Resources, TaskBody } from "../contract.ts";

/** Why a submission is not taken: what is wrong, where, and what is allowed. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

export interface AdmittedTask {
  readonly id: string;
  readonly body: TaskBody;
  readonly priority: number;
  readonly tenant: string;
  readonly resources: Resources;
  readonly dependencies: readonly string[];
  /** -1: any worker's. */
  readonly affinity: number;
  readonly maxAttempts: number;
  /** 0: none. */
  readonly deadlineMs: Millis;
}

const idForm = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}$/;
const nameForm = /^[A-Za-z0-9_-]{1,64}$/;
/** A week: longer than any timer has to wait. */
const longestMs: Millis = 7 * 86_400_000;
const utf8 = new TextEncoder();

export const isTaskId = (value: unknown): value is string => typeof value === "string" && idForm.test(value);

const taskFields: ReadonlySet<string> = new Set([
  "id",
  "body",
  "priority",
  "tenant",
  "resources",
  "dependencies",
  "affinity",
  "maxAttempts",
  "deadlineMs",
]);

const bodyFields: Readonly<Record<TaskBody["kind"], readonly string[]>> = {
  spin: ["kind", "ms", "checkpointMs", "returns"],
  sleep: ["kind", "ms", "checkpointMs", "returns"],
  fail: ["kind", "ms", "message", "times"],
  crash: ["kind", "ms", "times"],
  call: ["kind", "module", "export", "args"],
};

/** Thrown inside of this file only: the first flaw ends the reading of a task. */
class Flaw extends Error {
  readonly code: ErrorCode;
  constructor(reason: string, code: ErrorCode = "MALFORMED_REQUEST") {
    super(reason);
    this.code = code;
  }
}

/** Reads what came as a task; `where` names its place in the submission. */
export function readTask(raw: unknown, where: string): AdmittedTask | Refusal {
  try {
    return taskOf(raw, where);
  } catch (error) {
    if (error instanceof Flaw) return { code: error.code, reason: error.message };
    throw error;
  }
}

export const isRefusal = (value: object): value is Refusal => "code" in value && "reason" in value;

function taskOf(raw: unknown, where: string): AdmittedTask {
  const fields = objectOf(raw, where, (name) => taskFields.has(name), [...taskFields]);
  const { id } = fields;
  if (!isTaskId(id)) {
    const form = `JOB.NAME, each of 1 to ${limits.nameBytes} of A-Z a-z 0-9 _ -`;
    throw new Flaw(`${where}: id is ${shown(id)}; allowed is ${form}`);
  }
  const at = `task ${id}`;
  return {
    id,
    body: bodyOf(fields["body"], at),
    priority: wholeNumber(fields["priority"] ?? 0, `${at}: priority`, 0, limits.priority),
    tenant: tenantOf(fields["tenant"] ?? defaultTenant, at),
    resources: resourcesOf(fields["resources"] ?? defaultResources, at),
    dependencies: dependenciesOf(fields["dependencies"] ?? [], at),
    affinity: wholeNumber(
      fields["affinity"] ?? -1,
      `${at}: affinity`,
      fields["affinity"] === undefined ? -1 : 0,
      Number.MAX_SAFE_INTEGER,
    ),
    maxAttempts: wholeNumber(fields["maxAttempts"] ?? defaultAttempts, `${at}: maxAttempts`, 1, limits.attempts),
    deadlineMs: fields["deadlineMs"] === undefined ? 0 : duration(fields["deadlineMs"], `${at}: deadlineMs`, true),
  };
}

function bodyOf(raw: unknown, at: string): TaskBody {
  const kinds = Object.keys(bodyFields);
  const kind: unknown = typeof raw === "object" && raw !== null ? Reflect.get(raw, "kind") : undefined;
  if (typeof kind !== "string") throw new Flaw(`${at}: body.kind is ${shown(kind)}; allowed is ${kinds.join(", ")}`);
  if (!Object.hasOwn(bodyFields, kind)) {
    throw new Flaw(`${at}: there is no body kind ${shown(kind)}; there are ${kinds.join(", ")}`, "UNKNOWN_TASK");
  }
  const allowed = bodyFields[kind as TaskBody["kind"]];
  const fields = objectOf(raw, `${at}: body`, (name) => allowed.includes(name), allowed);
  const body = bodyOfKind(kind as TaskBody["kind"], fields, at);
  const bytes = utf8.encode(JSON.stringify(body)).length;
  if (bytes > limits.bodyBytes) {
    throw new Flaw(`${at}: body takes ${bytes} bytes as JSON; allowed is at most ${limits.bodyBytes}`);
  }
  return body;
}

function bodyOfKind(kind: TaskBody["kind"], fields: Readonly<Record<string, unknown>>, at: string): TaskBody {
  if (kind === "call") {
    const { args } = fields;
    if (!Array.isArray(args)) throw new Flaw(`${at}: body.args is ${shown(args)}; allowed is an array of JSON values`);
    return {
      kind,
      module: text(fields["module"], `${at}: body.module`),
      export: text(fields["export"], `${at}: body.export`),
      args: json(args, `${at}: body.args`) as readonly JsonValue[],
    };
  }
  const ms = duration(fields["ms"], `${at}: body.ms`, false);
  if (kind === "fail" || kind === "crash") {
    const times =
      fields["times"] === undefined
        ? {}
        : { times: wholeNumber(fields["times"], `${at}: body.times`, 0, Number.MAX_SAFE_INTEGER) };
    return kind === "crash"
      ? { kind, ms, ...times }
      : { kind, ms, message: text(fields["message"], `${at}: body.message`), ...times };
  }
  const { checkpointMs, returns } = fields;
  return {
    kind,
    ms,
    ...(checkpointMs === undefined ? {} : { checkpointMs: duration(checkpointMs, `${at}: body.checkpointMs`, true) }),
    ...(returns === undefined ? {} : { returns: json(returns, `${at}: body.returns`) }),
  };
}

function json(value: unknown, path: string): JsonValue {
  const flaw = jsonFlaw(value, path);
  if (flaw !== undefined) throw new Flaw(flaw);
  return value as JsonValue;
}

function tenantOf(value: unknown, at: string): string {
  if (typeof value === "string" && nameForm.test(value)) return value;
  throw new Flaw(`${at}: tenant is ${shown(value)}; allowed is 1 to 64 of A-Z a-z 0-9 _ -`);
}

function resourcesOf(value: unknown, at: string): Resources {
  const names = ["cpuMilli", "memoryMb"];
  const fields = objectOf(value, `${at}: resources`, (name) => names.includes(name), names);
  const amount = (name: string): number => {
    const path = `${at}: resources.${name}`;
    return wholeNumber(fields[name], path, 0, Number.MAX_SAFE_INTEGER);
  };
  return { cpuMilli: amount("cpuMilli"), memoryMb: amount("memoryMb") };
}

function dependenciesOf(value: unknown, at: string): readonly string[] {
  if (!Array.isArray(value)) throw new Flaw(`${at}: dependencies is ${shown(value)}; allowed is an array of task ids`);
  if (value.length > limits.dependencies) {
    throw new Flaw(`${at}: there are ${value.length} dependencies; allowed are at most ${limits.dependencies}`);
  }
  for (const [index, dependency] of (value as unknown[]).entries()) {
    if (!isTaskId(dependency)) {
      throw new Flaw(`${at}: dependencies[${index}] is ${shown(dependency)}; allowed is the id of a task, JOB.NAME`);
    }
  }
  return [...new Set(value as readonly string[])];
}

function duration(value: unknown, path: string, isPositive: boolean): Millis {
  const fits = typeof value === "number" && value >= 0 && value <= longestMs && !(isPositive && value === 0);
  if (fits) return value;
  throw new Flaw(`${path} is ${shown(value)}; allowed is a number in ${isPositive ? "(" : "["}0, ${longestMs}]`);
}

function wholeNumber(value: unknown, path: string, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Flaw(`${path} is ${shown(value)}; allowed is a whole number in [${least}, ${most}]`);
}

function text(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw new Flaw(`${path} is ${shown(value)}; allowed is a text`);
}

function objectOf(
  value: unknown,
  path: string,
  isAllowed: (name: string) => boolean,
  allowed: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Flaw(`${path} is ${shown(value)}; allowed is an object with ${allowed.join(", ")}`);
  }
  const stranger = Object.keys(value).find((name) => !isAllowed(name));
  if (stranger !== undefined) {
    throw new Flaw(`${path}: there is no field ${shown(stranger)}; there are ${allowed.join(", ")}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Short: a reason is read by a person, and goes over the wire. */
function shown(value: unknown): string {
  const full =
    typeof value === "object" && value !== null ? (Array.isArray(value) ? "an array" : "an object") : String(value);
  const quoted = typeof value === "string" ? JSON.stringify(value) : full;
  return quoted.length > 100 ? `${quoted.slice(0, 100)}...` : quoted;
}
