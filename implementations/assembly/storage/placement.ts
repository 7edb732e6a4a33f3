/**
 * What can be said about placements without running anything: how many keys move when a node joins, how evenly they
 * lie, and whether quorums meet. Exact: each function enumerates what it is about.
 */

import type { QuorumLevel } from "../../storage/contract.ts";
import { moduloOwner } from "../../storage/production/modulo-placement.ts";
import { Ring, ringDefaults } from "../../storage/production/ring.ts";
import { slotCount } from "../../storage/production/slots.ts";
import { isQuorum } from "../../storage/production/topology.ts";
import type { Member, Placement } from "../../storage/production/topology.ts";
import { nodeNames } from "../node-names.ts";

/** Returns the part of all keys whose first replica is another one once a node has joined `nodes` of them. */
export function joinMovement(nodes: number): number {
  const before = new Ring(nodeNames(nodes), ringDefaults);
  const after = new Ring(nodeNames(nodes + 1), ringDefaults);
  return partOfSlots((slot) => before.replicasOf(slot)[0] !== after.replicasOf(slot)[0]);
}

const sampledKeys = 50_000;

/** Returns the part of sampled keys that change their owner where the owner is the remainder of a hash. */
export function moduloMovement(nodes: number): number {
  const [before, after] = [nodeNames(nodes), nodeNames(nodes + 1)];
  let moved = 0;
  for (let index = 0; index < sampledKeys; index++) {
    if (moduloOwner(`key ${index}`, before) !== moduloOwner(`key ${index}`, after)) moved++;
  }
  return moved / sampledKeys;
}

/** Returns how far the share of the node that deviates most is from the mean, of first replicas: 0.1 is 10 %. */
export function loadSpread(nodes: number): number {
  const ring = new Ring(nodeNames(nodes), ringDefaults);
  const shares = nodeNames(nodes).map((node) => partOfSlots((slot) => ring.replicasOf(slot)[0] === node));
  return Math.max(...shares.map((share) => Math.abs(share * nodes - 1)));
}

function partOfSlots(holds: (slot: number) => boolean): number {
  let count = 0;
  for (let slot = 0; slot < slotCount; slot++) if (holds(slot)) count++;
  return count / slotCount;
}

/** Pairs of levels of a write and a read that must meet: R + W > N. */
const meeting: readonly (readonly [QuorumLevel, QuorumLevel])[] = [
  ["majority", "majority"],
  ["one", "all"],
  ["all", "one"],
  ["majority", "all"],
];

/**
 * Counts pairs of a write quorum and a read quorum without a common replica, over all groups of up to `mostNodes`
 * replicas and all sets of them; also for quorums of two groups at once, as while members change, against those of the
 * groups before and after.
 */
export function quorumCounterexamples(mostNodes: number): number {
  let count = 0;
  for (let nodes = 1; nodes <= mostNodes; nodes++) {
    const members = membersOf(nodes);
    const before: Placement = { replicas: members, groups: [members] };
    for (const levels of meeting) count += disjointPairs(before, before, levels, nodes);
    if (nodes < 2) continue;
    // One member leaves, the last one comes: three topologies of one change.
    const [outgoing, incoming] = [members.slice(0, -1), members.slice(1)];
    const old: Placement = { replicas: outgoing, groups: [outgoing] };
    const joint: Placement = { replicas: members, groups: [outgoing, incoming] };
    const next: Placement = { replicas: incoming, groups: [incoming] };
    count += disjointPairs(old, joint, ["majority", "majority"], nodes);
    count += disjointPairs(joint, next, ["majority", "majority"], nodes);
  }
  return count;
}

function disjointPairs(
  written: Placement,
  read: Placement,
  [write, readLevel]: readonly [QuorumLevel, QuorumLevel],
  nodes: number,
): number {
  const isIn =
    (set: number) =>
    ({ number }: Member): boolean =>
      (set & (1 << (number - 1))) !== 0;
  const sets = Array.from({ length: 1 << nodes }, (_, set) => set);
  const writes = sets.filter((set) => isQuorum(written, write, isIn(set)));
  const reads = sets.filter((set) => isQuorum(read, readLevel, isIn(set)));
  return writes.reduce((sum, one) => sum + reads.filter((other) => (one & other) === 0).length, 0);
}

function membersOf(count: number): Member[] {
  return nodeNames(count).map((id, index) => ({ id, number: index + 1 }));
}
