/** Functions that a task may call, for tests and examples: what `simulated:sample` is in the simulator. */

import type { JsonValue, TaskContext } from "../../scheduler/contract.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";

/** The sum of its arguments. */
export function sum(_context: TaskContext, ...numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Its argument, by way of a promise. */
export async function echo(_context: TaskContext, value: JsonValue): Promise<JsonValue> {
  return Promise.resolve(value);
}

/** Counts to `to`, one every `everyMs`, with a checkpoint after each. @returns from where to where, in this attempt. */
export function count(context: TaskContext, to: number, everyMs: Millis): JsonValue {
  let counted = Number(context.state ?? 0);
  const begun = counted;
  while (counted < to) {
    const untilMs = nodeClock.nowMs() + everyMs;
    while (nodeClock.nowMs() < untilMs);
    counted++;
    context.checkpoint(counted);
  }
  return [begun, counted];
}

/** Works for `ms` with a checkpoint after each, and throws where it is to go on from one. */
export function unresumed(context: TaskContext, ms: Millis): null {
  if (context.state !== undefined) throw new Error(`goes on from ${JSON.stringify(context.state)}`);
  for (let passed = 1; passed <= ms; passed++) {
    const untilMs = nodeClock.nowMs() + 1;
    while (nodeClock.nowMs() < untilMs);
    context.checkpoint(passed);
  }
  return null;
}

/** The token of the attempt: what a task would hand on to a system that is to refuse late ones. */
export function token(context: TaskContext): number {
  return context.token;
}

/** Throws its argument. */
export function throwing(_context: TaskContext, message: string): never {
  throw new Error(message);
}

/** Returns what has no form in JSON. */
export function unspeakable(): number {
  return Number.NaN;
}
