/**
 * Modules of the simulated substrate: what a task of kind "call" may name there, since nothing real is imported.
 *
 * A function is a generator: each number it yields is how long it works from there on, in virtual milliseconds. Between
 * two of them it may call `checkpoint`, which throws where the attempt shall end: the executor knows its own throw.
 */

import type { JsonValue, TaskContext } from "../../scheduler/contract.ts";
import type { Millis } from "../../foundation/units.ts";

export type SimulatedFunction = (
  context: TaskContext,
  ...args: readonly JsonValue[]
) => Generator<Millis, JsonValue | undefined>;

export const simulatedModules: Readonly<Record<string, Readonly<Record<string, SimulatedFunction>>>> = {
  /** `sample-tasks.ts` has the same, for real threads. */
  "simulated:sample": {
    /** The sum of its arguments, after a millisecond. */
    *sum(_context, ...numbers) {
      yield 1;
      return numbers.reduce<number>((sum, each) => sum + Number(each), 0);
    },
    /** Its argument. */
    *echo(_context, value = null) {
      yield 0;
      return value;
    },
    /** Counts to `to`, one every `everyMs`, with a checkpoint after each. @returns from where to where, this time. */
    *count(context, to = 10, everyMs = 1) {
      let counted = Number(context.state ?? 0);
      const begun = counted;
      while (counted < Number(to)) {
        yield Number(everyMs);
        counted++;
        context.checkpoint(counted);
      }
      return [begun, counted];
    },
    /** Works for `ms` with a checkpoint after each, and throws where it is to go on from one. */
    *unresumed(context, ms = 10) {
      if (context.state !== undefined) throw new Error(`goes on from ${JSON.stringify(context.state)}`);
      for (let passed = 1; passed <= Number(ms); passed++) {
        yield 1;
        context.checkpoint(passed);
      }
      return null;
    },
    /** The token of the attempt: what a task would hand on to a system that is to refuse late ones. */
    *token({ token }) {
      yield 1;
      return token;
    },
    /** Throws its argument. */
    *throwing(_context, message = "trouble") {
      yield 1;
      throw new Error(typeof message === "string" ? message : JSON.stringify(message));
    },
    /** Returns what has no form in JSON. */
    *unspeakable() {
      yield 1;
      return Number.NaN;
    },
  },
};

/** @returns undefined when there is none. */
export function simulatedFunction(module: string, exportName: string): SimulatedFunction | undefined {
  const found = Object.hasOwn(simulatedModules, module) ? simulatedModules[module] : undefined;
  return found !== undefined && Object.hasOwn(found, exportName) ? found[exportName] : undefined;
}
