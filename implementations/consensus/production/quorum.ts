/** The arithmetic of majorities. */

import { assert } from "../../foundation/assert.ts";

/** Returns how many of `voters` make a majority: any two majorities share a voter. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * Returns the highest log index stored on a majority. Sorts its argument in place, descending: it is called for every
 * acknowledgement, on an array that its caller fills anew each time.
 *
 * @param matchIndexes one entry per voter, leader included; length >= 1; 0 means none.
 * @returns an index in [0, max(matchIndexes)].
 * @throws AssertionError when there is no voter: a programmer's error.
 * @see Ongaro & Ousterhout 2014, section 5.3. The caller still checks the entry's term (section 5.4.2, figure 8):
 *   counting replicas alone commits too early.
 */
export function quorumIndex(matchIndexes: number[]): number {
  matchIndexes.sort(descending);
  const index = matchIndexes[majorityOf(matchIndexes.length) - 1];
  assert(index !== undefined, "a cluster has at least one voter");
  return index;
}

function descending(left: number, right: number): number {
  return right - left;
}
