/** How a call travels to a worker, and what its function is given. */

import type { JsonValue, TaskContext } from "../../../scheduler/contract.ts";
import { messageOf } from "../message-of.ts";
import { allowedModules, moduleSpecifier } from "../module-specifier.ts";

/** What stands in the arena for a call, as JSON. */
export interface CallPayload {
  readonly task: string;
  readonly module: string;
  readonly export: string;
  readonly args: readonly JsonValue[];
  /** In an array, for undefined is no JSON. */
  readonly state: readonly [JsonValue] | readonly [];
}

export type Callable = (context: TaskContext, ...args: readonly JsonValue[]) => unknown;

/** Loads the module of a call. @throws Error that says, for a person, why there is no such function. */
export async function importCallable(module: string, exported: string): Promise<Callable> {
  const specifier = moduleSpecifier(module);
  if (specifier === undefined) throw new Error(`"${module}" is no module that can be called: ${allowedModules}`);
  let namespace: Readonly<Record<string, unknown>>;
  try {
    namespace = (await import(specifier)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Error(`Cannot load module "${module}": ${messageOf(cause)}`, { cause });
  }
  const found = Object.hasOwn(namespace, exported) ? namespace[exported] : undefined;
  if (typeof found === "function") return found as Callable;
  const functions = Object.keys(namespace).filter((name) => typeof namespace[name] === "function");
  const has = functions.length === 0 ? "it exports no function" : `it exports ${functions.slice(0, 10).join(", ")}`;
  throw new Error(`Module "${module}" has no function "${exported}": ${has}`);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @throws Error when `value` is no JSON. */
export function encodeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new Error(`a ${typeof value}`);
  return encoder.encode(text);
}
/** @param bytes not in shared memory: decoders refuse it. */
export function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes));
}
