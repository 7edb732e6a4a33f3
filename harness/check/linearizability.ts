/**
 * Judges whether a history is linearizable: every operation took effect at one moment between its call and its return,
 * as the model allows.
 *
 * Linearizability is local, so each key is judged alone. The model's shortcut comes first; what it finds is replayed
 * through the model's own steps, so that a model whose rule is an executable specification certifies every `valid`.
 * Where the shortcut does not apply the search decides, within the budget; out of budget is `unknown`.
 *
 * On `invalid` it names the first event at which no linearization is left (prefixes of linearizable histories are
 * linearizable, so there is one, found by bisection), the operation that returned there, and the states before it.
 *
 * @see Herlihy & Wing 1990, "Linearizability: a correctness condition for concurrent objects", theorem 1 (locality).
 */

import { UsageError } from "../../implementations/foundation/errors.ts";
import type { HistoryEvent, HistoryFunction } from "../history/event.ts";
import { operationBefore, pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { Budget } from "./budget.ts";
import type { BudgetLimits } from "./budget.ts";
import { describeOperation, drawTimeline } from "./counterexample.ts";
import { isJudged } from "./model.ts";
import type { Model } from "./model.ts";
import { neededBy, writtenBy } from "./register-operation.ts";
import { searchLinearization } from "./search.ts";
import type { SearchResult } from "./search.ts";
import type { CheckResult } from "./verdict.ts";

export interface LinearizabilityOptions extends Partial<BudgetLimits> {
  /** Called after each key with the part of the operations judged, in [0, 1]. */
  readonly onProgress?: (fraction: number) => void;
  /** Called with the order found for a key; on `invalid` also with that of the longest prefix of the blocked key. */
  readonly onOrder?: ((key: string, order: readonly Operation[]) => void) | undefined;
  /** Called on `invalid` with the operation that cannot be placed. */
  readonly onBlocked?: ((blocked: Operation) => void) | undefined;
}

/** Side questions of a counterexample: bounded well below the verdict's own budget. */
const explanationStates = 50_000;
const shownStates = 4;
/** Of a key's first attempt, or twice its operations if that is more. */
const firstRoundStates = 10_000;
const registerFunctions: ReadonlySet<HistoryFunction> = new Set(["read", "write", "cas", "delete"]);

/**
 * Judges a well-formed history.
 *
 * @throws UsageError when the history has operations that the model does not know.
 */
export function checkLinearizability<State>(
  events: readonly HistoryEvent[],
  model: Model<State>,
  options: LinearizabilityOptions = {},
): CheckResult {
  refuseUnknownFunctions(events, model);
  const partitions = partitionByKey(pairOperations(events).filter((operation) => isJudged(operation, model)));
  const budget = new Budget(options);
  const total = [...partitions.values()].reduce((sum, operations) => sum + operations.length, 0);
  const { contradicted, undecided } = judgeKeys(partitions, model, budget, {
    onJudged: (judged) => options.onProgress?.(total === 0 ? 1 : judged / total),
    onOrder: options.onOrder,
  });
  if (contradicted !== undefined) return invalid(contradicted, partitions, model, budget, options);
  const judgedText = `${total} operations on ${partitions.size} keys`;
  const common = { id: "linearizable", count: total, unit: "operations" } as const;
  const [open] = undecided;
  if (open !== undefined) {
    const summary = `${judgedText}: undecided for ${undecided.size} keys (key ${open[0]}: ${open[1]})`;
    return { ...common, validity: "unknown", summary };
  }
  const summary = `${judgedText} are linearizable as ${model.name} (${budget.states} states searched)`;
  return { ...common, validity: "valid", summary };
}

interface Judgement {
  /** The key that was found not linearizable; then the others are not judged to the end. */
  readonly contradicted: string | undefined;
  /** By key: why. */
  readonly undecided: ReadonlyMap<string, string>;
}

/**
 * Judges key after key, in rounds: first with few states for each, then with ever more for those left, so that a
 * contradiction in one key is found although another is beyond reach.
 */
function judgeKeys<State>(
  partitions: ReadonlyMap<string, readonly Operation[]>,
  model: Model<State>,
  budget: Budget,
  { onJudged, onOrder }: Pick<LinearizabilityOptions, "onOrder"> & { readonly onJudged: (operations: number) => void },
): Judgement {
  const undecided = new Map<string, string>();
  let open = [...partitions];
  let judged = 0;
  for (let states = firstRoundStates; open.length > 0; states *= 8) {
    const isLast = open.length === 1;
    const left: typeof open = [];
    for (const [key, operations] of open) {
      const slice = budget.slice(isLast ? Infinity : Math.max(states, 2 * operations.length));
      const result = decide(operations, model, slice);
      const isWorthMore = budget.settle(slice);
      if (result.kind === "not-linearizable") return { contradicted: key, undecided };
      if (result.kind === "unknown" && isWorthMore) {
        left.push([key, operations]);
        continue;
      }
      if (result.kind === "linearizable") onOrder?.(key, result.order);
      if (result.kind === "unknown") undecided.set(key, budget.exhausted ?? result.reason);
      onJudged((judged += operations.length));
    }
    open = left;
  }
  return { contradicted: undefined, undecided };
}

function refuseUnknownFunctions<State>(events: readonly HistoryEvent[], model: Model<State>): void {
  const unknown = events.find((event) => !model.functions.has(event.f));
  if (unknown === undefined) return;
  const known = [...model.functions].join(", ");
  throw new UsageError(
    `Cannot judge the history as ${model.name}: event ${unknown.index} is a ${unknown.f}, the model knows ${known}`,
  );
}

function partitionByKey(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  return Map.groupBy(operations, (operation) => operation.key ?? "");
}

/**
 * Decides one key's judged operations, sorted by call.
 *
 * @param isConfirmed whether the model has already been asked about a contradiction that the shortcut finds.
 */
function decide<State>(
  operations: readonly Operation[],
  model: Model<State>,
  budget: Budget,
  isConfirmed = false,
): SearchResult {
  if (!budget.proceed()) return { kind: "unknown", reason: budget.exhausted ?? "told to stop" };
  const shortcut = model.shortcut?.(operations);
  if (shortcut?.kind === "linearizable" && replays(shortcut.order, model)) {
    return { kind: "linearizable", order: shortcut.order, finalStates: [] };
  }
  if (shortcut?.kind === "not-linearizable" && isConfirmed) {
    return { kind: "not-linearizable", blocked: operations.at(-1)! };
  }
  if (shortcut?.kind === "not-linearizable") {
    // The model may know better than the shortcut what a register is; ask it, as far as that is cheap.
    const confirmed = searchLinearization(operations, model, budget.aside(explanationBudget(operations)));
    if (confirmed.kind !== "unknown") return confirmed;
    return { kind: "not-linearizable", blocked: operations.at(-1)! };
  }
  return searchLinearization(operations, model, budget);
}

function replays<State>(order: readonly Operation[], model: Model<State>): boolean {
  let state: State | undefined = model.initial;
  for (const operation of order) {
    state = model.step(state, operation);
    if (state === undefined) return false;
  }
  return true;
}

function invalid<State>(
  key: string,
  partitions: ReadonlyMap<string, readonly Operation[]>,
  model: Model<State>,
  budget: Budget,
  { onOrder, onBlocked }: LinearizabilityOptions,
): CheckResult {
  const operations = partitions.get(key)!;
  const { blocked, isExact } = firstBlocked(operations, model, budget);
  const before = prefixBefore(operations, blocked.return, model);
  const { order, finalStates: states } = linearizationBefore(before, model, budget);
  onOrder?.(key, order);
  onBlocked?.(blocked);
  const completed = before.filter((operation) => operation.return < Infinity).length;
  const what = `client ${blocked.process}'s ${describeOperation(blocked)}`;
  const where = key === "" ? "" : ` on key ${JSON.stringify(key)}`;
  const related = relatedTo(blocked, new Set(states));
  const lines = [
    `${what}${where} (event ${blocked.return}) cannot be placed.`,
    `The ${completed} operations that returned before it${isExact ? " are linearizable" : " may be linearizable"}.`,
    ...(states.length === 0 ? [] : [`Before it the state could be: ${states.join(" | ")}`]),
    "Around it, in the order of events:",
    drawTimeline(operations, blocked, related),
  ];
  return {
    id: "linearizable",
    validity: "invalid",
    summary: `not linearizable as ${model.name}: ${what}${where} contradicts what happened before`,
    count: [...partitions.values()].reduce((sum, { length }) => sum + length, 0),
    unit: "operations",
    counterexample: lines.join("\n"),
  };
}

/** The certain operation at whose return no linearization is left; inexact if a prefix could not be decided. */
function firstBlocked<State>(
  operations: readonly Operation[],
  model: Model<State>,
  budget: Budget,
): { readonly blocked: Operation; readonly isExact: boolean } {
  const byReturn = operations.filter(({ outcome }) => outcome !== "info").sort((a, b) => a.return - b.return);
  let low = 0;
  let high = byReturn.length - 1;
  let isExact = true;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const prefix = prefixBefore(operations, byReturn[middle]!.return + 1, model);
    const result = decide(prefix, model, budget.aside(explanationBudget(prefix)), true);
    if (result.kind === "not-linearizable") high = middle;
    else low = middle + 1;
    if (result.kind === "unknown") isExact = false;
  }
  return { blocked: byReturn[high]!, isExact };
}

function explanationBudget(operations: readonly Operation[]): number {
  return Math.max(explanationStates, 4 * operations.length);
}

function prefixBefore<State>(operations: readonly Operation[], index: number, model: Model<State>): Operation[] {
  return operations
    .map((operation) => operationBefore(operation, index))
    .filter((operation) => operation !== undefined)
    .filter((operation) => isJudged(operation, model));
}

/** The order of the prefix, and some of the states it may have left; empty where the search gave up. */
function linearizationBefore<State>(
  prefix: readonly Operation[],
  model: Model<State>,
  budget: Budget,
): { readonly order: readonly Operation[]; readonly finalStates: readonly string[] } {
  const result = searchLinearization(prefix, model, budget.aside(explanationBudget(prefix)), shownStates);
  if (result.kind === "linearizable") return result;
  const decided = decide(prefix, model, budget.aside(explanationBudget(prefix)), true);
  return { order: decided.kind === "linearizable" ? decided.order : [], finalStates: [] };
}

/** Operations that wrote, or replaced, what the blocked one or the states before it are about. */
function relatedTo(blocked: Operation, states: ReadonlySet<string>): (operation: Operation) => boolean {
  if (!registerFunctions.has(blocked.f)) return () => false;
  const needed = neededBy(blocked);
  return (operation) => {
    const written = writtenBy(operation);
    if (written === undefined) return false;
    if (needed !== undefined && (written === needed || neededBy(operation) === needed)) return true;
    return written !== null && states.has(written);
  };
}
