/**
 * Executes calls on a worker thread: loads the module once, gives the function its context, and turns what it returns
 * or throws into an outcome.
 *
 * A checkpoint that shall yield notes the state and throws, and from then on the attempt is over: it has yielded with
 * that state, whatever the function does afterwards. A function that catches everything and goes on has its result
 * discarded and is executed again from the state, every further checkpoint throws again; a function that returns early
 * from its `catch` is not mistaken for one that has completed. Either is consistent with the contract: "it does not
 * return: the attempt ends here". What it cannot do is give the worker back before the function has returned.
 */

import type { JsonValue, TaskContext } from "../../../scheduler/contract.ts";
import { limits } from "../../../scheduler/contract.ts";
import type { Millis } from "../../../foundation/units.ts";
import { json, shown } from "../../../foundation/fields.ts";
import { messageOf } from "../message-of.ts";
import { decodeJson, encodeJson, importCallable } from "./call.ts";
import type { CallPayload, Callable } from "./call.ts";
import { unitBytes } from "./payload-arena.ts";
import type { TaskTable, endKinds } from "./task-table.ts";

export interface AttemptOutcome {
  readonly end: (typeof endKinds)[number];
  /** A result or a state as JSON, or a message as text. */
  readonly bytes?: Uint8Array;
  readonly yieldMs?: Millis;
}

/** Functions a thread keeps at hand. Modules stay loaded anyway: beyond that they are only looked up anew. */
const maxCallables = 1000;

export class CallRunner {
  readonly #arena: Uint8Array;
  readonly #table: TaskTable;
  readonly #isAskedToYield: (slot: number) => Millis | undefined;
  readonly #callables = new Map<string, Callable>();

  /** @param isAskedToYield the checkpoint of a slot's attempt: how long ago it was asked, or undefined. */
  constructor(arena: Uint8Array, table: TaskTable, isAskedToYield: (slot: number) => Millis | undefined) {
    this.#arena = arena;
    this.#table = table;
    this.#isAskedToYield = isAskedToYield;
  }

  /** @returns a promise, which is never rejected, only if the function is asynchronous or has yet to be loaded. */
  run(slot: number, token: number): AttemptOutcome | Promise<AttemptOutcome> {
    const payload = this.#payload(slot);
    const context = new CallContext(payload, token, () => this.#isAskedToYield(slot));
    const key = `${payload.module}\n${payload.export}`;
    const callable = this.#callables.get(key);
    if (callable !== undefined) return outcomeOf(context, () => callable(context, ...payload.args));
    return outcomeLater(context, this.#loadAndCall(key, payload, context));
  }

  async #loadAndCall(key: string, payload: CallPayload, context: CallContext): Promise<unknown> {
    const callable = await importCallable(payload.module, payload.export);
    if (this.#callables.size >= maxCallables) this.#callables.clear();
    this.#callables.set(key, callable);
    return callable(context, ...payload.args);
  }

  #payload(slot: number): CallPayload {
    const start = this.#table.payloadAt(slot) * unitBytes;
    return decodeJson(this.#arena.slice(start, start + this.#table.payloadBytes(slot))) as CallPayload;
  }
}

function outcomeOf(context: CallContext, call: () => unknown): AttemptOutcome | Promise<AttemptOutcome> {
  try {
    const value = call();
    return isThenable(value) ? outcomeLater(context, value) : context.returned(value);
  } catch (thrown) {
    return context.threw(thrown);
  }
}

async function outcomeLater(context: CallContext, value: PromiseLike<unknown>): Promise<AttemptOutcome> {
  try {
    return context.returned(await value);
  } catch (thrown) {
    return context.threw(thrown);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

class CallContext implements TaskContext {
  readonly task: string;
  readonly token: number;
  readonly state: JsonValue | undefined;
  readonly #isAskedToYield: () => Millis | undefined;
  #outcome: AttemptOutcome | undefined;

  constructor(payload: CallPayload, token: number, isAskedToYield: () => Millis | undefined) {
    this.task = payload.task;
    this.token = token;
    this.state = payload.state[0];
    this.#isAskedToYield = isAskedToYield;
  }

  /**
   * Bound, so that a function may take it out of the context. @throws EndOfAttempt when the attempt ends here; Error
   * when it would, and `state` cannot be kept.
   */
  readonly checkpoint = (state: JsonValue): void => {
    if (this.#outcome !== undefined) throw new EndOfAttempt();
    const yieldMs = this.#isAskedToYield();
    if (yieldMs === undefined) return;
    this.#outcome = { end: "yielded", bytes: boundedJson("state", state), yieldMs };
    throw new EndOfAttempt();
  };

  returned(value: unknown): AttemptOutcome {
    return (this.#outcome ??= { end: "completed", bytes: boundedJson("result", value) });
  }

  threw(thrown: unknown): AttemptOutcome {
    return (this.#outcome ??= { end: "threw", bytes: new TextEncoder().encode(messageOf(thrown)) });
  }
}

/** What a checkpoint throws when the attempt ends there. Not to be caught; who must clean up uses `finally`. */
class EndOfAttempt extends Error {
  override readonly name = "EndOfAttempt";
  constructor() {
    super("the attempt ends at this checkpoint; the task goes on later");
  }
}

/** Returns `value` as JSON; undefined as null. @throws Error when it is none, or too large. */
function boundedJson(what: string, value: unknown): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = encodeJson(value ?? null);
  } catch (cause) {
    throw new Error(`Cannot keep the task's ${what}: it is no JSON: ${messageOf(cause)}`, { cause });
  }
  // What JSON would turn into something else (NaN, a Date, an undefined inside) is not kept as that.
  if (!json.fits(value ?? null)) throw new Error(`Cannot keep the task's ${what}: it is no JSON: ${shown(value)}`);
  if (bytes.length <= limits.bodyBytes) return bytes;
  throw new Error(`Cannot keep the task's ${what}: ${bytes.length} bytes as JSON, at most ${limits.bodyBytes}`);
}
