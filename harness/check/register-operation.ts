/** A history's operation on a register, seen as what it writes and what it observed. */

import { assert } from "../../implementations/foundation/assert.ts";
import type { HistoryScalar, HistoryValue } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";

/** A register's value in the models: text, or null when it was never written. */
export type RegisterValue = string | null;

/** Returns a history's value as the models hold it: numbers as their decimal text. */
export function registerValue(value: HistoryValue): RegisterValue {
  return typeof value === "number" ? String(value) : scalarOf(value);
}

/** Returns [from, to] of a cas. */
export function casValues(operation: Operation): readonly [from: RegisterValue, to: RegisterValue] {
  assert(Array.isArray(operation.argument), "a cas carries the pair [from, to]");
  const [from, to] = operation.argument as readonly [HistoryScalar, HistoryScalar];
  return [registerValue(from), registerValue(to)];
}

/** What the register holds once the operation took effect; undefined when it has none. */
export function writtenBy(operation: Operation): RegisterValue | undefined {
  if (operation.outcome === "fail") return undefined;
  if (operation.f === "delete") return null;
  if (operation.f === "write" || operation.f === "put") return registerValue(operation.argument);
  return operation.f === "cas" ? casValues(operation)[1] : undefined;
}

/** What the register must have held for the operation to take effect; undefined when it does not matter. */
export function neededBy(operation: Operation): RegisterValue | undefined {
  if (operation.f === "read" || operation.f === "get") {
    return operation.outcome === "ok" ? registerValue(operation.result) : undefined;
  }
  if (operation.f === "delete") return operation.outcome === "fail" ? null : undefined;
  return operation.f === "cas" && operation.outcome !== "fail" ? casValues(operation)[0] : undefined;
}

/** What the register must not have held: the value a failed cas asked for, nothing where a delete found something. */
export function missedBy(operation: Operation): RegisterValue | undefined {
  if (operation.f === "delete") return operation.outcome === "ok" ? null : undefined;
  return operation.f === "cas" && operation.outcome === "fail" ? casValues(operation)[0] : undefined;
}

function scalarOf(value: HistoryValue): RegisterValue {
  assert(value === null || typeof value === "string", "a register holds a single value");
  return value;
}
