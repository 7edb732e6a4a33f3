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
  /** Which change of the key was made or read, where the store tells. */
  readonly version: number | undefined;
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
  const open = new Map<number, Pending>();
  for (const event of events) {
    if (event.type === "invoke") {
      const operation = pending(event);
      open.set(event.process, operation);
      operations.push(operation);
      continue;
    }
    const operation = open.get(event.process);
    if (operation === undefined) continue;
    open.delete(event.process);
    complete(operation, event);
  }
  return operations;
}

/** Completed in place: copying a million operations would cost more than judging them. */
type Pending = { -readonly [Field in keyof Operation]: Operation[Field] };

function pending(event: HistoryEvent): Pending {
  return {
    process: event.process,
    f: event.f,
    key: event.key,
    argument: event.value,
    outcome: "info",
    result: null,
    error: undefined,
    version: undefined,
    call: event.index,
    return: Infinity,
    callNs: event.timeNs,
    returnNs: Infinity,
  };
}

function complete(operation: Pending, { type, index, timeNs, value, error, version }: HistoryEvent): void {
  operation.outcome = type === "ok" || type === "fail" ? type : "info";
  if (type === "ok") operation.result = value;
  else operation.error = error;
  operation.version = version;
  if (type === "info") return;
  operation.return = index;
  operation.returnNs = timeNs;
}

/**
 * Returns the events without those of operations that say nothing: definite failures without a meaning of their own,
 * and reads that were never answered. Histories mean the same without them.
 */
export function withoutSilent(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const silent = new Set<number>();
  const open = new Map<number, HistoryEvent>();
  const isRead = ({ f }: HistoryEvent): boolean => f === "read" || f === "get";
  for (const event of events) {
    const invocation = open.get(event.process);
    if (event.type === "invoke") open.set(event.process, event);
    else open.delete(event.process);
    if (event.type === "invoke" || event.type === "ok" || invocation === undefined) continue;
    const hasMeaning = event.error === "PRECONDITION_FAILED" || event.error === "NOT_FOUND";
    if (isRead(event) || (event.type === "fail" && !hasMeaning)) silent.add(invocation.index).add(event.index);
  }
  for (const invocation of open.values()) if (isRead(invocation)) silent.add(invocation.index);
  return silent.size === 0 ? events : events.filter(({ index }) => !silent.has(index));
}

/**
 * Returns the operation as it stood just before event `index`: what had not returned by then is in flight.
 *
 * @returns undefined when it had not been called.
 */
export function operationBefore(operation: Operation, index: number): Operation | undefined {
  if (operation.call >= index) return undefined;
  if (operation.return < index) return operation;
  const unknown = { outcome: "info", result: null, error: undefined, version: undefined } as const;
  return { ...operation, ...unknown, return: Infinity, returnNs: Infinity };
}
