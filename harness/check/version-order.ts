/**
 * Judges the versions that a store tells its clients against real time: they are one order of the changes of a key.
 *
 * - Of two changes of a key, the one called after the other returned has the higher version; no two have the same.
 * - A read's version is not older than that of any change or read of the key that returned before its call.
 * - Equal key and version mean an equal value.
 *
 * Meaningful where every operation of the key ran at `majority` or `all`: there it follows from linearizability, and
 * finds a break in O(n log n) whatever the values are. At `one` stale reads are what was asked for, and two
 * coordinators may give out one version twice: judge convergence there, and sessions where clients stay with a node.
 * Operations that tell no version, and those of unknown outcome, say nothing.
 */

import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import { versionedOperations } from "./versioned-operation.ts";
import type { Versioned } from "./versioned-operation.ts";
import { resultOfProblems } from "./problems.ts";
import type { CheckResult } from "./verdict.ts";

/** Judges a well-formed history; `unknown` when not one operation tells a version. */
export function checkVersionOrder(events: readonly HistoryEvent[]): CheckResult {
  const versioned = versionedOperations(pairOperations(events));
  const byKey = Map.groupBy(versioned, ({ operation }) => operation.key ?? "");
  const problems = [...byKey.values()].flatMap((ofKey) => [...doubledVersions(ofKey), ...brokenOrder(ofKey)]);
  return resultOfProblems("version-order", versioned.length, "operations with a version", problems);
}

/** Changes that share a version, and versions that were seen with two values. */
function* doubledVersions(versioned: readonly Versioned[]): Generator<string> {
  const first = new Map<number, Versioned>();
  for (const one of [...versioned].sort((a, b) => Number(b.isChange) - Number(a.isChange))) {
    const other = first.get(one.version);
    if (other === undefined) first.set(one.version, one);
    else if (one.isChange) yield `${one.name} has the same version as ${other.name}`;
    else if (one.value !== other.value) yield `${one.name} is not what that version holds: ${other.name}`;
  }
}

/** Walks through calls and returns in the order of events, with the newest version that has returned so far. */
function* brokenOrder(versioned: readonly Versioned[]): Generator<string> {
  const byReturn = [...versioned].sort((a, b) => a.operation.return - b.operation.return);
  let returned = 0;
  let newest: Versioned | undefined;
  for (const one of versioned) {
    for (; returned < byReturn.length && byReturn[returned]!.operation.return < one.operation.call; returned++) {
      const earlier = byReturn[returned]!;
      if (newest === undefined || earlier.version > newest.version) newest = earlier;
    }
    if (newest === undefined || one.version > newest.version) continue;
    if (one.isChange || one.version < newest.version) {
      yield `${one.name} was called after ${newest.name} had returned`;
    }
  }
}
