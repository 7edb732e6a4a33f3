/**
 * Pairs a history's events into operations: what was asked, how it ended, and between which two events it took place.
 *
 * Times for judging are event indexes, not nanoseconds: they are distinct, so "a returned before b was called" never
 * meets a tie. An operation that never completed (an interrupted run) is `info`: it may still take effect.
 */

import type { HistoryEvent, HistoryFunction, HistoryValue } from "./event.ts";

export interface Operation {
  readonly process: number;
  readonly f: HistoryFunction;
  readonly key: string | undefined;
  readonly argument: HistoryValue;
  readonly outcome: "ok" | "fail" | "info";
  /** The completion's value; null unless `outcome` is ok. */
  readonly result: HistoryValue;
  /** The error's code, of fail and info. */
  readonly error: string | undefined;
  /** Index of the invocation. */
  readonly call: number;
  /** Index of the completion; Infinity for info: nothing is known to come after it. */
  readonly return: number;
  readonly callNs: number;
  /** Infinity for info. */
  readonly returnNs: number;
}

/** Returns the operations of a well-formed history (see protocol.ts), by time of invocation. */
export function pairOperations(events: readonly HistoryEvent[]): Operation[] {
  const operations: Operation[] = [];
  const open = new Map<number, number>();
  for (const event of events) {
    if (event.type === "invoke") {
      open.set(event.process, operations.length);
      operations.push(pending(event));
      continue;
    }
    const position = open.get(event.process);
    const operation = position === undefined ? undefined : operations[position];
    if (position === undefined || operation === undefined) continue;
    open.delete(event.process);
    operations[position] = completed(operation, event);
  }
  return operations;
}

function pending(event: HistoryEvent): Operation {
  return {
    process: event.process,
    f: event.f,
    key: event.key,
    argument: event.value,
    outcome: "info",
    result: null,
    error: undefined,
    call: event.index,
    return: Infinity,
    callNs: event.timeNs,
    returnNs: Infinity,
  };
}

function completed(operation: Operation, event: HistoryEvent): Operation {
  if (event.type === "info") return { ...operation, error: event.error };
  const end = { return: event.index, returnNs: event.timeNs };
  if (event.type === "ok") return { ...operation, ...end, outcome: "ok", result: event.value };
  return { ...operation, ...end, outcome: "fail", error: event.error };
}

/**
 * Returns the operation as it stood just before event `index`: what had not returned by then is in flight.
 *
 * @returns undefined when it had not been called.
 */
export function operationBefore(operation: Operation, index: number): Operation | undefined {
  if (operation.call >= index) return undefined;
  if (operation.return < index) return operation;
  return { ...operation, outcome: "info", result: null, error: undefined, return: Infinity, returnNs: Infinity };
}
