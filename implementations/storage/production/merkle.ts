/**
 * A Merkle tree over the slots that two replicas share: 16384 leaves, 128 to a node, so a root, 128 branches, and the
 * leaves of those branches that differ are all that two replicas have to tell each other.
 *
 * The leaves are the digests of `digests.ts`; slots that are not shared count as empty. A branch is the
 * exclusive or of its leaves, each hashed with its place, so that empty slots cost nothing.
 *
 * @see Merkle 1987, "A digital signature based on a conventional encryption function"; DeCandia et al. 2007, "Dynamo",
 *   section 4.7.
 */

import type { Digests } from "./digests.ts";
import { mixBits, slotCount } from "./slots.ts";

export const branchCount = 128;
const leavesPerBranch = slotCount / branchCount;

/** Two 32-bit halves per hash, one after the other. */
export type Hashes = readonly number[];

/** Returns the hashes of all branches. */
export function branchesOf(digests: Digests, isShared: (slot: number) => boolean): Hashes {
  const hashes: number[] = [];
  for (let branch = 0; branch < branchCount; branch++) {
    let low = 0;
    let high = 0;
    for (let slot = branch * leavesPerBranch; slot < (branch + 1) * leavesPerBranch; slot++) {
      const isEmpty = digests.low[slot] === 0 && digests.high[slot] === 0;
      if (isEmpty || !isShared(slot)) continue;
      const place = Math.imul(slot + 1, 0x9e3779b1);
      low = (low ^ mixBits(digests.low[slot]! ^ place)) >>> 0;
      high = (high ^ mixBits(digests.high[slot]! + place)) >>> 0;
    }
    hashes.push(low, high);
  }
  return hashes;
}

/** Returns the hash of them all. */
export function rootOf(branches: Hashes): Hashes {
  let low = 0;
  let high = 0;
  for (let index = 0; index < branches.length; index += 2) {
    low = mixBits(Math.imul(low, 31) ^ branches[index]!);
    high = mixBits(Math.imul(high, 37) ^ branches[index + 1]!);
  }
  return [low, high];
}

/** Returns the slots of `branches`, in order. */
export function slotsOf(branches: readonly number[]): number[] {
  return branches.flatMap((branch) =>
    Array.from({ length: leavesPerBranch }, (_, leaf) => branch * leavesPerBranch + leaf),
  );
}

/** Returns the digests of `slots`; of those that are not shared, nothing. */
export function leavesOf(digests: Digests, slots: readonly number[], isShared: (slot: number) => boolean): Hashes {
  return slots.flatMap((slot) => (isShared(slot) ? [digests.low[slot]!, digests.high[slot]!] : [0, 0]));
}

/** Returns the positions at which the two differ. */
export function differencesOf(left: Hashes, right: Hashes): number[] {
  const positions: number[] = [];
  for (let index = 0; index < Math.max(left.length, right.length); index += 2) {
    if (left[index] !== right[index] || left[index + 1] !== right[index + 1]) positions.push(index / 2);
  }
  return positions;
}
