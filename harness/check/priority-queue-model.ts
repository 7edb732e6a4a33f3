/**
 * A priority queue of distinct numbers, the lower the sooner: insert, popMin (null: it was empty), delete of a named
 * element (NOT_FOUND: it was not there), read of the least.
 *
 * The executable specification, for the exact search: for short histories. Long ones go to priority-queue.ts.
 */

import type { HistoryFunction } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";
import type { Model } from "./model.ts";

const functions: ReadonlySet<HistoryFunction> = new Set(["insert", "popMin", "delete", "read"]);
const describedElements = 20;

/** Returns the model; its states are the elements queued, ascending. */
export function priorityQueueModel(): Model<readonly number[]> {
  return {
    name: "priority-queue",
    functions,
    initial: [],
    step,
    identity: (state) => state.join(" "),
    isObservation: ({ f, outcome, result }) =>
      f === "read" || (f === "delete" && outcome === "fail") || (f === "popMin" && outcome === "ok" && result === null),
    effectOf: ({ f, argument, outcome, result }) =>
      f === "popMin" ? `popMin ${outcome === "info" ? "whatever" : String(result)}` : `${f} ${String(argument)}`,
    describe: (state) =>
      `[${state.slice(0, describedElements).join(", ")}${state.length > describedElements ? ", ..." : ""}]`,
  };
}

function step(state: readonly number[], operation: Operation): readonly number[] | undefined {
  const { f, argument, outcome, result } = operation;
  const least = state[0] ?? null;
  if (f === "read") return result === least ? state : undefined;
  if (f === "popMin") {
    if (outcome !== "info" && result !== least) return undefined;
    return state.slice(1);
  }
  const element = Number(argument);
  const isQueued = state.includes(element);
  if (f === "insert") return isQueued ? undefined : [...state, element].sort((a, b) => a - b);
  if (outcome === "fail") return isQueued ? undefined : state;
  return isQueued ? state.filter((other) => other !== element) : undefined;
}
