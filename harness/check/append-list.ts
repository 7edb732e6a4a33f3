/**
 * Judges appends to one list whose acknowledgement tells the position: linearizability in O(n log n).
 *
 * The positions are the order. So a history is linearizable exactly if positions are unique, an append that returned
 * before another was called has the smaller position, and every position below the largest that nobody was told can
 * be taken by an append of unknown outcome that was called before any append behind it returned. Gaps have deadlines
 * and unknown appends have earliest times, so handing out the earliest first settles who can fill what.
 */

import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { describeOperation, drawTimeline } from "./counterexample.ts";
import type { CheckResult } from "./verdict.ts";

interface Placed {
  readonly operation: Operation;
  readonly position: number;
}

/** A contradiction, with the operation to show. */
interface Contradiction {
  readonly message: string;
  readonly operation: Operation;
  readonly others: readonly Operation[];
}

/** Judges the appends of a well-formed history; other operations are left alone. */
export function checkAppendList(events: readonly HistoryEvent[]): CheckResult {
  const operations = pairOperations(events).filter(({ f, outcome }) => f === "append" && outcome !== "fail");
  const acknowledged = operations.filter(({ outcome }) => outcome === "ok");
  const uncertain = operations.filter(({ outcome }) => outcome === "info");
  const contradiction = judge(acknowledged, uncertain);
  const common = { id: "linearizable", count: operations.length, unit: "operations" } as const;
  if (contradiction === undefined) {
    const summary = `${acknowledged.length} acknowledged and ${uncertain.length} uncertain appends are linearizable`;
    return { ...common, validity: "valid", summary };
  }
  const { message, operation, others } = contradiction;
  const picture = drawTimeline(operations, operation, (one) => others.includes(one));
  const counterexample = `${message}\nAround it, in the order of events:\n${picture}`;
  return { ...common, validity: "invalid", summary: `not linearizable: ${message}`, counterexample };
}

function judge(acknowledged: readonly Operation[], uncertain: readonly Operation[]): Contradiction | undefined {
  const placed: Placed[] = [];
  for (const operation of acknowledged) {
    const position = operation.result;
    if (typeof position !== "number" || !Number.isSafeInteger(position) || position < 1) {
      const message = `${nameOf(operation)} was told a position that is no whole number from 1`;
      return { message, operation, others: [] };
    }
    placed.push({ operation, position });
  }
  placed.sort((a, b) => a.position - b.position);
  return duplicatePosition(placed) ?? brokenOrder(placed) ?? unfilledGap(placed, uncertain);
}

function duplicatePosition(placed: readonly Placed[]): Contradiction | undefined {
  const at = placed.findIndex(({ position }, index) => position === placed[index - 1]?.position);
  if (at < 0) return undefined;
  const [one, other] = [placed[at - 1]!.operation, placed[at]!.operation];
  const [earlier, later] = one.return < other.return ? [one, other] : [other, one];
  const message = `${nameOf(later)} has the same position as ${nameOf(earlier)}`;
  return { message, operation: later, others: [earlier] };
}

function brokenOrder(placed: readonly Placed[]): Contradiction | undefined {
  let latestCalled: Operation | undefined;
  for (const { operation } of placed) {
    if (latestCalled !== undefined && operation.return < latestCalled.call) {
      const message = `${nameOf(latestCalled)} was called after ${nameOf(operation)} had returned, and stands before it`;
      return { message, operation: latestCalled, others: [operation] };
    }
    if (latestCalled === undefined || operation.call > latestCalled.call) latestCalled = operation;
  }
  return undefined;
}

/** Gaps from the smallest position have ever later deadlines: the first return of all appends behind them. */
function unfilledGap(placed: readonly Placed[], uncertain: readonly Operation[]): Contradiction | undefined {
  const deadlines = firstReturnsBehind(placed);
  let free = 0;
  let expected = 1;
  for (const [index, { position, operation }] of placed.entries()) {
    for (; expected < position; expected++) {
      const filler = uncertain[free++]; // By time of call.
      if (filler !== undefined && filler.call < deadlines[index]!) continue;
      const message = `${nameOf(operation)} leaves position ${expected} to an append that nobody could have made`;
      return { message, operation, others: placed.slice(Math.max(0, index - 1), index).map((one) => one.operation) };
    }
    expected = position + 1;
  }
  return undefined;
}

/** By index: the first return among the appends from there on. */
function firstReturnsBehind(placed: readonly Placed[]): readonly number[] {
  const returns = placed.map(({ operation }) => operation.return);
  for (let index = returns.length - 2; index >= 0; index--) {
    returns[index] = Math.min(returns[index]!, returns[index + 1]!);
  }
  return returns;
}

function nameOf(operation: Operation): string {
  return `client ${operation.process}'s ${describeOperation(operation)}`;
}
