/**
 * Who keeps which keys, and what a quorum of them is, at one moment in the life of a cluster.
 *
 * Topologies are numbered by epoch and agreed upon one after the other. A stable one has one group of replicas per
 * slot. A changing one (joint, as in Raft's membership change) has two: those of before and those of after, and every
 * quorum is one in both, until the data has moved.
 *
 * @see Ongaro & Ousterhout 2014, section 6 (joint consensus); Lamport, Malkhi & Zhou 2009, "Vertical Paxos and
 *   primary-backup replication" (configurations numbered and agreed one by one).
 */

import type { NodeId } from "../../foundation/units.ts";
import type { QuorumLevel } from "../contract.ts";

/** A node in one of its lives as a member. A node that lost its disk is another member when it comes back. */
export interface Member {
  readonly id: NodeId;
  /** No two members of a cluster's history share one: it makes ballots unique. From 1, below `memberNumbers`. */
  readonly number: number;
}

export const memberNumbers = 1024;

/** The replicas of one slot. */
export interface Placement {
  /** Everyone who keeps the slot, the one that should coordinate first. No member twice. */
  readonly replicas: readonly Member[];
  /** One group, or while the topology changes two: before and after. */
  readonly groups: readonly (readonly Member[])[];
}

export interface Topology {
  /** 1, 2, 3, ... */
  readonly epoch: number;
  /** Everyone who takes part, while it changes those who leave too. */
  readonly members: readonly Member[];
  readonly isChanging: boolean;
  placementOf(slot: number): Placement;
}

/** Whether those for whom `has` is true are a quorum of `level`: enough of every group. */
export function isQuorum(placement: Placement, level: QuorumLevel, has: (member: Member) => boolean): boolean {
  return placement.groups.every((group) => countOf(group, has) >= neededOf(group.length, level));
}

/** Whether they can still become one when all `isLost` say no more. */
export function canBeQuorum(placement: Placement, level: QuorumLevel, isLost: (member: Member) => boolean): boolean {
  return placement.groups.every((group) => group.length - countOf(group, isLost) >= neededOf(group.length, level));
}

/** How many of `size` replicas `level` asks for. */
export function neededOf(size: number, level: QuorumLevel): number {
  if (level === "one") return 1;
  return level === "all" ? size : Math.floor(size / 2) + 1;
}

function countOf(group: readonly Member[], has: (member: Member) => boolean): number {
  return group.reduce((count, member) => count + (has(member) ? 1 : 0), 0);
}
