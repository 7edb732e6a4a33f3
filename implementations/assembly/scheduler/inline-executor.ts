/**
 * Executes attempts on the thread that asks, one function after the other.
 *
 * What spins blocks everything else on that thread for as long, clients included; what sleeps is a timer, so several of
 * them pass together. A task that would end its thread only ends its attempt: there is no thread to end but
 * everybody's.
 */

import type { Clock } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { Assignment, AttemptOutcome } from "../../scheduler/minimal.ts";
import { outcomeOf } from "./attempt-executor.ts";
import type { AttemptExecutor, CallBody } from "./attempt-executor.ts";
import { returned, thrown } from "./call-outcome.ts";
import { moduleSpecifier } from "./module-specifier.ts";

export interface InlinePorts {
  readonly clock: Clock;
  /** Runs `callback` after the current turn. */
  readonly defer: (callback: () => void) => void;
}

export function inlineExecutor({ clock, defer }: InlinePorts): AttemptExecutor {
  return {
    execute: (assignment, ended) => {
      const { body, attempt } = assignment;
      switch (body.kind) {
        case "call":
          void call(assignment, body).then(ended);
          return;
        case "spin":
          defer(() => {
            spin(clock, body.ms);
            ended(outcomeOf(body, attempt));
          });
          return;
        case "sleep":
        case "fail":
        case "crash": {
          const end = (): void => ended(outcomeOf(body, attempt));
          if (body.ms > 0) clock.after(body.ms, end);
          else defer(end);
        }
      }
    },
    resolve: (body, found) => void functionOf(body).then((called) => found(called !== undefined)),
  };
}

function spin(clock: Clock, ms: Millis): void {
  if (ms === 0) return;
  const endMs = clock.nowMs() + ms;
  while (clock.nowMs() < endMs);
}

async function call({ task, token }: Assignment, body: CallBody): Promise<AttemptOutcome> {
  // Nobody ever asks it to yield, so a checkpoint is a place that is passed.
  const context = { task, token, state: undefined, checkpoint: () => undefined };
  try {
    const called = await functionOf(body);
    return called === undefined
      ? thrown(`There is no function ${body.export} in ${body.module}`)
      : returned(await called(context, ...body.args));
  } catch (error) {
    return thrown(error);
  }
}

/** @returns undefined when there is no such module, when it cannot be loaded, or has no such function. */
async function functionOf(body: CallBody): Promise<((...args: readonly unknown[]) => unknown) | undefined> {
  const specifier = moduleSpecifier(body.module);
  if (specifier === undefined) return undefined;
  try {
    const exports = (await import(specifier)) as Readonly<Record<string, unknown>>;
    const called = Object.hasOwn(exports, body.export) ? exports[body.export] : undefined;
    return typeof called === "function" ? (called as (...args: readonly unknown[]) => unknown) : undefined;
  } catch {
    return undefined;
  }
}
