/**
 * Executes the body of a task, on whichever thread it is called.
 *
 * A checkpoint here asks nobody and never ends an attempt: no peer preempts a task. That of a body that spins or sleeps
 * is therefore left out.
 */

import { unreachable } from "../../foundation/assert.ts";
import { json } from "../../foundation/fields.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { limits } from "../contract.ts";
import type { JsonValue, TaskBody, TaskContext } from "../contract.ts";

export interface Attempt {
  readonly task: string;
  readonly token: number;
  readonly body: TaskBody;
  /** 1 for the first; attempts that were lost are not counted. */
  readonly attempt: number;
}

/** What a body needs of the thread it runs on. */
export interface BodyPorts {
  /** Loads a module. */
  readonly load: (module: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly endThread: () => never;
}

/** @returns what the task returns, at once where nothing has to be waited for. @throws what the task throws. */
export function runBody(attempt: Attempt, ports: BodyPorts): JsonValue | Promise<JsonValue> {
  const { body } = attempt;
  switch (body.kind) {
    case "spin":
      spin(body.ms);
      return body.returns ?? null;
    case "sleep":
      return sleep(body.ms).then(() => body.returns ?? null);
    case "fail":
    case "crash":
      return misbehave(body, attempt.attempt, ports);
    case "call":
      return call(body, attempt, ports);
    default:
      return unreachable(body);
  }
}

function spin(ms: Millis): void {
  if (ms <= 0) return;
  const endMs = nodeClock.nowMs() + ms;
  while (nodeClock.nowMs() < endMs);
}

function sleep(ms: Millis): Promise<void> {
  return new Promise((resolve) => nodeClock.after(ms, resolve));
}

async function misbehave(
  body: Extract<TaskBody, { kind: "fail" | "crash" }>,
  attempt: number,
  { endThread }: BodyPorts,
): Promise<JsonValue> {
  if (body.ms > 0) await sleep(body.ms);
  if (attempt > (body.times ?? Infinity)) return null;
  if (body.kind === "crash") return endThread();
  throw new Error(body.message);
}

async function call(
  body: Extract<TaskBody, { kind: "call" }>,
  { task, token }: Attempt,
  { load }: BodyPorts,
): Promise<JsonValue> {
  const called = await resolveCall(load, body.module, body.export);
  if (called === undefined) throw new Error(`${body.module} has no function ${body.export}`);
  const context: TaskContext = { task, token, state: undefined, checkpoint: () => undefined };
  const returned: unknown = (await called(context, ...body.args)) ?? null;
  if (!json.fits(returned)) throw new Error("It returned what has no form in JSON");
  const { length: bytes } = utf8.encode(JSON.stringify(returned));
  if (bytes > limits.bodyBytes) throw new Error(`It returned ${bytes} bytes of JSON; allowed are ${limits.bodyBytes}`);
  return returned as JsonValue;
}

const utf8 = new TextEncoder();

type Called = (context: TaskContext, ...args: readonly JsonValue[]) => unknown;

/** @returns the function that a call names; undefined: there is none. */
export async function resolveCall(load: BodyPorts["load"], module: string, name: string): Promise<Called | undefined> {
  try {
    const loaded = await load(module);
    const found = Object.hasOwn(loaded, name) ? loaded[name] : undefined;
    return typeof found === "function" ? (found as Called) : undefined;
  } catch {
    return undefined; // No such module, or one that cannot be loaded: either way nothing of it can be called.
  }
}

/** What was thrown, as a task's end tells it. */
export function messageOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, messageCharacters);
}

const messageCharacters = 1000;
