/**
 * Judges what each client saw for itself: no process reads a version of a key older than one that it read or wrote
 * before (monotonic reads, read your writes), nor makes one that is not newer (monotonic writes).
 *
 * Meaningful at `majority` and `all`, where it follows from version order, and at `one` as long as the client stays
 * with one node that keeps what it holds: a client that turns to another replica, or whose node lost its disk, may go
 * back. A process ends with its first operation of unknown outcome, so a session is what one process number did.
 *
 * @see Terry et al. 1994, "Session guarantees for weakly consistent replicated data".
 */

import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import { resultOfProblems } from "./problems.ts";
import type { CheckResult } from "./verdict.ts";
import { versionedOperations } from "./versioned-operation.ts";
import type { Versioned } from "./versioned-operation.ts";

/** Judges a well-formed history; `unknown` when not one operation tells a version. */
export function checkSessions(events: readonly HistoryEvent[]): CheckResult {
  const versioned = versionedOperations(pairOperations(events));
  const newest = new Map<string, Versioned>();
  const problems: string[] = [];
  for (const one of versioned) {
    const session = JSON.stringify([one.operation.process, one.operation.key ?? null]);
    const before = newest.get(session);
    if (before === undefined || one.version > before.version) newest.set(session, one);
    else if (one.isChange || one.version < before.version) problems.push(`${one.name} came after ${before.name}`);
  }
  return resultOfProblems("session-monotonicity", versioned.length, "operations with a version", problems);
}
