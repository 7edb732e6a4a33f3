/** What an operation tells about the version of a key: the change it made, or what it observed. */

import type { Operation } from "../history/operations.ts";
import { describeOperation } from "./counterexample.ts";
import { neededBy, registerValue, writtenBy } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";

export interface Versioned {
  readonly operation: Operation;
  readonly version: number;
  /** Whether it made the version; otherwise it observed it. */
  readonly isChange: boolean;
  /** What the key holds at that version; null: it is not there. */
  readonly value: RegisterValue;
  /** For messages: "client 3's read -> 4 (event 17) of version 2 of key "a"". */
  readonly name: string;
}

/**
 * Returns the operations that are certain and tell a version, by time of invocation.
 *
 * A read that found nothing has version 0, also of a key that was deleted: where a delete may explain it, it says
 * nothing of versions and is left out. Otherwise it is older than every change.
 */
export function versionedOperations(operations: readonly Operation[]): readonly Versioned[] {
  const firstDeletes = new Map<string, number>();
  for (const { f, outcome, key = "", call } of operations) {
    if (f === "delete" && outcome !== "fail" && !firstDeletes.has(key)) firstDeletes.set(key, call);
  }
  return operations.flatMap((operation) => {
    const versioned = versionedOf(operation);
    const deletedFrom = firstDeletes.get(operation.key ?? "") ?? Infinity;
    return versioned === undefined || (versioned.version === 0 && deletedFrom < operation.return) ? [] : versioned;
  });
}

function versionedOf(operation: Operation): Versioned | undefined {
  const { version, outcome, f, process, key } = operation;
  if (version === undefined || outcome !== "ok") return undefined;
  const isRead = f === "read" || f === "get";
  const written = writtenBy(operation);
  if (!isRead && written === undefined) return undefined;
  const value = isRead ? (neededBy(operation) ?? registerValue(operation.result)) : (written ?? null);
  const where = key === undefined ? "" : ` of key ${JSON.stringify(key)}`;
  return {
    operation,
    version,
    isChange: !isRead,
    value,
    get name() {
      return `client ${process}'s ${describeOperation(operation)} (event ${operation.return}, version ${version}${where})`;
    },
  };
}
