/**
 * Judges whether what was acknowledged is still there at the end: every key holds the value of a change that nothing
 * must have overwritten, that is, no acknowledged change of the key was called after it had returned.
 *
 * `final` is what the last reads, or the nodes' states, show once everything has healed and come to rest. With one
 * client per key that is exactly the last acknowledged change, or one of unknown outcome: such a client goes on under
 * a new process number, so an older request of unknown outcome may still have come late.
 *
 * Meaningful at `majority` and `all` for every acknowledged change. At `one` only as long as no node that acknowledged
 * alone lost its disk; and where two nodes changed a key at the same time the later writer wins, which may be neither
 * the last nor the first to return: judge such keys by `isAnyOrder`, which asks only that the value was written and
 * that not all that was acknowledged is lost.
 */

import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { describeOperation } from "./counterexample.ts";
import { resultOfProblems } from "./problems.ts";
import { registerValue, writtenBy } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import type { CheckResult } from "./verdict.ts";

export interface DurabilityInput {
  readonly history: readonly HistoryEvent[];
  /**
   * By key: what is there at the end; a key that is not in it was found absent. undefined: nobody could tell, which
   * makes the verdict `unknown`.
   */
  readonly final: ReadonlyMap<string, RegisterValue> | undefined;
  /** Keys that nobody could read at the end: they are not judged, and keep a valid verdict from being given. */
  readonly unread?: ReadonlySet<string>;
  /** Default: false, real time orders the changes. */
  readonly isAnyOrder?: boolean;
}

/** Judges the final values of a well-formed history; values are numbers as decimal text, as registers hold them. */
export function checkDurability({
  history,
  final,
  unread = new Set(),
  isAnyOrder = false,
}: DurabilityInput): CheckResult {
  const changes = pairOperations(history).filter((operation) => writtenBy(operation) !== undefined);
  const common = { id: "durability", count: changes.length, unit: "changes" } as const;
  if (final === undefined) return { ...common, validity: "unknown", summary: "nobody could read what is left" };
  const judged = changes.filter(({ key }) => !unread.has(key ?? ""));
  const problems = finalProblems(final, judged, isAnyOrder);
  if (problems.length === 0 && unread.size > 0) {
    return { ...common, validity: "unknown", summary: `${unread.size} keys could not be read at the end` };
  }
  return resultOfProblems("durability", judged.length, "changes", problems, "nothing was changed");
}

/**
 * Returns what the history's own last reads show: of each key the last read that was called after all of its certain
 * changes had returned. Keys without one are `unread`.
 */
export function finalReads(history: readonly HistoryEvent[]): Required<Pick<DurabilityInput, "unread">> & {
  readonly final: ReadonlyMap<string, RegisterValue>;
} {
  const final = new Map<string, RegisterValue>();
  const unread = new Set<string>();
  const byKey = Map.groupBy(pairOperations(history), ({ key }) => key ?? "");
  for (const [key, operations] of byKey) {
    const changes = operations.filter((operation) => operation.outcome === "ok" && writtenBy(operation) !== undefined);
    const rest = changes.reduce((latest, operation) => Math.max(latest, operation.return), -1);
    const isRead = ({ f, outcome, call }: Operation): boolean =>
      (f === "read" || f === "get") && outcome === "ok" && call > rest;
    const read = operations.findLast(isRead);
    if (read === undefined) unread.add(key);
    else final.set(key, registerValue(read.result));
  }
  return { final, unread };
}

/** What is wrong with the values that are there at the end, one line each. */
export function finalProblems(
  final: ReadonlyMap<string, RegisterValue>,
  changes: readonly Operation[],
  isAnyOrder = false,
): readonly string[] {
  const byKey = Map.groupBy(changes, ({ key }) => key ?? "");
  const problems: string[] = [];
  for (const [key, value] of final) {
    if (value !== null && !byKey.has(key)) problems.push(`key ${key} holds ${value}, but was never written`);
  }
  for (const [key, operations] of byKey) {
    const problem = finalValueProblem(key, final.get(key) ?? null, operations, isAnyOrder);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** Why no order of the changes can end with `value`, if so. */
function finalValueProblem(
  key: string,
  value: RegisterValue,
  operations: readonly Operation[],
  isAnyOrder: boolean,
): string | undefined {
  const newest = operations.reduce<Operation | undefined>((latest, operation) => {
    if (operation.outcome !== "ok") return latest;
    return latest === undefined || operation.call > latest.call ? operation : latest;
  }, undefined);
  const last = newest === undefined ? "" : `client ${newest.process}'s ${describeOperation(newest)}`;
  const expected = newest === undefined ? "" : `; the last acknowledged is ${last}`;
  if (value === null && newest === undefined) return undefined;
  const writers = operations.filter((operation) => writtenBy(operation) === value);
  if (writers.length === 0) {
    if (value === null) return `key ${key} is not there, and nobody deleted it${expected}`;
    return `key ${key} holds ${value}, which no write that could have happened wrote${expected}`;
  }
  const isPossible = isAnyOrder || writers.some((writer) => newest === undefined || writer.return > newest.call);
  if (isPossible) return undefined;
  const what = value === null ? "is not there, though a write came after every delete" : `holds ${value}`;
  return `key ${key} ${what}${value === null ? "" : ", which was overwritten for certain"}${expected}`;
}
