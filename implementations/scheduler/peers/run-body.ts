/**
 * Executes the body of a task, on whichever thread it is called.
 *
 * A checkpoint here asks nobody and never ends an attempt: no peer preempts a task. That of a body that spins or sleeps
 * is therefore left out.
 */

import { unreachable } from "../../foundation/assert.ts";
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

/** @returns what the task returns, at once where nothing has to be waited for. @throws what the task throws. */
export function runBody(attempt: Attempt, endThread: () => never): JsonValue | Promise<JsonValue> {
  const { body } = attempt;
  switch (body.kind) {
    case "spin":
      spin(body.ms);
      return body.returns ?? null;
    case "sleep":
      return sleep(body.ms).then(() => body.returns ?? null);
    case "fail":
    case "crash":
      return misbehave(body, attempt.attempt, endThread);
    case "call":
      return call(body, attempt);
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
  endThread: () => never,
): Promise<JsonValue> {
  if (body.ms > 0) await sleep(body.ms);
  if (attempt > (body.times ?? Infinity)) return null;
  if (body.kind === "crash") return endThread();
  throw new Error(body.message);
}

async function call(body: Extract<TaskBody, { kind: "call" }>, { task, token }: Attempt): Promise<JsonValue> {
  const called = await resolveCall(body.module, body.export);
  if (called === undefined) throw new Error(`${body.module} has no function ${body.export}`);
  const context: TaskContext = { task, token, state: undefined, checkpoint: () => undefined };
  const returned = JSON.stringify((await called(context, ...body.args)) ?? null);
  // Functions and symbols are no JSON at all.
  if (returned === undefined) throw new Error(`${body.export} returned what JSON cannot express`);
  if (returned.length > limits.bodyBytes) {
    throw new Error(`${body.export} returned ${returned.length} characters; allowed are ${limits.bodyBytes}`);
  }
  return JSON.parse(returned) as JsonValue;
}

type Called = (context: TaskContext, ...args: readonly JsonValue[]) => unknown;

/** @returns the function that a call names; undefined: there is none. */
export async function resolveCall(module: string, name: string): Promise<Called | undefined> {
  try {
    const loaded = (await import(module)) as Readonly<Record<string, unknown>>;
    const found = Object.hasOwn(loaded, name) ? loaded[name] : undefined;
    return typeof found === "function" ? (found as Called) : undefined;
  } catch {
    return undefined; // No such module, or one that cannot be loaded: either way nothing of it can be called.
  }
}
