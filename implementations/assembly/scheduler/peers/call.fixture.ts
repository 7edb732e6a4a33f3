// What tests have a scheduler call.

import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { JsonValue, TaskContext } from "../../../scheduler/contract.ts";

export function add(_context: TaskContext, ...terms: readonly JsonValue[]): JsonValue {
  return terms.reduce((sum: number, term) => sum + Number(term), 0);
}

export async function tell(context: TaskContext): Promise<JsonValue> {
  const { task, token, state } = context;
  context.checkpoint({ seen: token });
  return Promise.resolve({ task, hasToken: token > 0, state: state ?? null });
}

export function returnTooMuch(): JsonValue {
  return "x".repeat(20_000);
}

/** Ends, with `returns`, once there is a file at `path`, whoever runs it and however often. */
export async function untilFile(_context: TaskContext, path: string, returns: JsonValue): Promise<JsonValue> {
  while (!existsSync(path)) await setTimeout(5);
  return returns;
}

/** No function. */
export const notCallable = 1;
