/**
 * The two kinds of topology, made from the plain data that is agreed upon, sent and stored.
 *
 * A stable topology places every slot on one ring. A changing one has two: that of the members before and that of the
 * members after, and every quorum is one in both. They follow each other in turn, each one epoch after the last:
 * stable, changing, and then stable again, with the members after (the change is complete) or those before (it is given
 * up).
 *
 * Members are told apart by number, places on the ring by id: when a node that lost its disk is taken in again under a
 * new number, the ring before and the ring after are the same, and the new member gains the slots of the dead one.
 *
 * A change must not shrink the replicas of a slot by more than one: see `nextStep`, and rebalance.ts for why.
 */

import { assert } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import { Ring } from "./ring.ts";
import { slotCount } from "./slots.ts";
import type { Member, Placement, Topology } from "./topology.ts";
import { memberNumbers, neededOf } from "./topology.ts";

/** A member as it is agreed upon. */
export interface TopologyMember extends Member {
  /**
   * Names the disk with which the node joined: drawn when a node starts with an empty one. A node is a member if it has
   * the disk that was taken in; founders, who are members by configuration, have "".
   */
  readonly life: string;
}

/** A topology as plain data. */
export interface TopologyData {
  /** 1, 2, 3, ... */
  readonly epoch: number;
  /** Those in force; while it changes, those who will be. Sorted by id. */
  readonly members: readonly TopologyMember[];
  /** While it changes, the members of the epoch before; otherwise empty. */
  readonly before: readonly TopologyMember[];
  /** The number that the next newcomer gets: none is ever given twice, not even when a change is given up. */
  readonly nextNumber: number;
  readonly replicationFactor: number;
  readonly virtualNodes: number;
}

/** What the store is configured with before anything was agreed. */
export interface Founding {
  readonly members: readonly NodeId[];
  readonly replicationFactor: number;
  readonly virtualNodes: number;
  /** The node is known to have been a member: an empty disk is a lost one, even where all disks are empty. */
  readonly isOver?: boolean;
}

export type AgreedTopology = StableTopology | ChangingTopology;

export function topologyOf(data: TopologyData): AgreedTopology {
  return data.before.length === 0 ? new StableTopology(data) : new ChangingTopology(data);
}

/** Returns the topology of epoch 1. */
export function foundingData({ members, replicationFactor, virtualNodes }: Founding): TopologyData {
  const sorted = [...members].sort();
  const founders = sorted.map((id, index) => ({ id, number: index + 1, life: "" }));
  return { epoch: 1, members: founders, before: [], nextNumber: founders.length + 1, replicationFactor, virtualNodes };
}

export class StableTopology implements Topology {
  readonly isChanging = false;
  readonly data: TopologyData;
  readonly #placements: readonly Placement[];

  constructor(data: TopologyData) {
    this.data = data;
    const placementOf = new Map<Group, Placement>();
    this.#placements = groupsOf(data.members, data).map((replicas) => {
      return upsert(placementOf, replicas, () => ({ replicas, groups: [replicas] }));
    });
  }

  get epoch(): number {
    return this.data.epoch;
  }

  get members(): Group {
    return this.data.members;
  }

  /** Those among whom the next topology is agreed upon. */
  get electors(): Group {
    return this.data.members;
  }

  placementOf(slot: number): Placement {
    return this.#placements[slot]!;
  }

  slotsGainedBy(): readonly number[] {
    return [];
  }

  slotsRefreshedBy(): readonly number[] {
    return [];
  }
}

export class ChangingTopology implements Topology {
  readonly isChanging = true;
  readonly data: TopologyData;
  readonly members: Group;
  readonly #placements: readonly JointPlacement[];
  readonly #gained = new Map<number, number[]>();
  readonly #refreshed = new Map<number, number[]>();

  constructor(data: TopologyData) {
    this.data = data;
    this.members = [...data.members, ...data.before.filter((member) => !has(data.members, member.number))];
    const after = groupsOf(data.members, data);
    const placements = new Map<Group, Map<Group, JointPlacement>>();
    let last: JointPlacement | undefined;
    this.#placements = groupsOf(data.before, data).map((before, slot) => {
      if (last?.groups[0] === before && last.groups[1] === after[slot]) return last;
      const ofBefore = upsert(placements, before, () => new Map());
      return (last = upsert(ofBefore, after[slot]!, () => jointPlacement(before, after[slot]!)));
    });
    for (const slot of allSlots) {
      const { gaining, refreshing } = this.#placements[slot]!;
      // Of most slots neither has anybody, and clients wait while a topology is made.
      if (gaining.length > 0) this.#list(this.#gained, gaining, slot);
      if (refreshing.length > 0) this.#list(this.#refreshed, refreshing, slot);
    }
  }

  get epoch(): number {
    return this.data.epoch;
  }

  /**
   * Those among whom the next topology is agreed upon: the members before. Agreement needs no more than that they are
   * fixed. Asking for a majority of the newcomers too would leave a change that they do not answer without an end.
   */
  get electors(): Group {
    return this.data.before;
  }

  /** First those who stay, since they hold data and will; then those who gain the slot, then those who lose it. */
  placementOf(slot: number): Placement {
    return this.#placements[slot]!;
  }

  /** Returns the slots, ascending, that member `number` keeps after and did not keep before. */
  slotsGainedBy(number: number): readonly number[] {
    return this.#gained.get(number) ?? [];
  }

  /**
   * Returns the slots, ascending, that member `number` keeps as before, and of which it has to hear what the others
   * hold all the same, because a majority of those who stay is none of those before.
   */
  slotsRefreshedBy(number: number): readonly number[] {
    return this.#refreshed.get(number) ?? [];
  }

  /** Returns who kept `slot` before: a majority of them knows everything that was chosen. */
  sourcesOf(slot: number): Group {
    return this.#placements[slot]!.groups[0];
  }

  /** Returns everyone who has to pull before the change is complete. */
  pulling(): Group {
    return this.data.members.filter(({ number }) => this.#gained.has(number) || this.#refreshed.has(number));
  }

  #list(slots: Map<number, number[]>, members: Group, slot: number): void {
    for (const { number } of members) upsert(slots, number, () => []).push(slot);
  }
}

/** Returns the slots, ascending, that member `number` does not keep, or all when it is not a member. */
export function slotsWithout(topology: AgreedTopology, number: number): readonly number[] {
  return allSlots.filter((slot) => !has(topology.placementOf(slot).replicas, number));
}

/**
 * Returns the members that the next change should lead to on the way from those of `data` to `goal`: everyone who is
 * to be added, without as many of those to be removed as one change may take away.
 *
 * A slot's replicas must not shrink by more than one: a majority of what is left would otherwise not be enough to meet
 * every majority of before. (Of five replicas, three may be all who know a write; the other two are a majority of
 * three that remain.)
 *
 * @param last leaves in the last step if it has to: whoever drives the change cannot once it is no member.
 * @returns sorted; equal to `goal` when one change is enough.
 */
export function nextStep(data: TopologyData, goal: readonly NodeId[], last: NodeId): readonly NodeId[] {
  const present = data.members.map(({ id }) => id);
  const all = [...new Set([...present, ...goal])].sort();
  const fewest = Math.min(data.replicationFactor, present.length) - 1;
  const others = all.filter((id) => !goal.includes(id) && id !== last);
  const inOrder = goal.includes(last) || !all.includes(last) ? others : [...others, last];
  const leaving = new Set(inOrder.slice(0, Math.max(0, all.length - Math.max(fewest, 1))));
  return all.filter((id) => !leaving.has(id));
}

/**
 * Returns the changing topology that leads from `data`, which is stable, to the nodes of `ids`.
 *
 * @param newcomers the lives of nodes that join, by id; one that is a member already is replaced by its new life.
 * @returns undefined when the numbers do not suffice.
 */
export function changingData(
  data: TopologyData,
  ids: readonly NodeId[],
  newcomers: ReadonlyMap<NodeId, string>,
): TopologyData | undefined {
  assert(data.before.length === 0, "a change begins from a stable topology");
  let { nextNumber } = data;
  const members = [...ids].sort().map((id) => {
    const life = newcomers.get(id);
    if (life !== undefined) return { id, number: nextNumber++, life };
    const member = data.members.find((candidate) => candidate.id === id);
    assert(member !== undefined, `${id} is a member or brings its life along`);
    return member;
  });
  if (nextNumber > memberNumbers) return undefined;
  const sizes = [data.members.length, members.length].map((size) => Math.min(size, data.replicationFactor));
  assert(isBridge(sizes[0]!, sizes[1]!), `groups of ${sizes[0]} can become groups of ${sizes[1]} at once`);
  return { ...data, epoch: data.epoch + 1, members, before: data.members, nextNumber };
}

/** Returns the stable topology in which the change is complete. */
export function completedData(data: TopologyData): TopologyData {
  return { ...data, epoch: data.epoch + 1, before: [] };
}

/** Returns the stable topology in which the change is given up. */
export function abandonedData(data: TopologyData): TopologyData {
  return { ...data, epoch: data.epoch + 1, members: data.before, before: [] };
}

export function isSameNodes(left: readonly NodeId[], right: readonly NodeId[]): boolean {
  return left.length === right.length && left.every((id) => right.includes(id));
}

/** Whether any majority of `after` replicas that were there before meets every majority of `before` replicas. */
function isBridge(before: number, after: number): boolean {
  return neededOf(after, "majority") + neededOf(before, "majority") > before;
}

type Group = readonly TopologyMember[];

interface JointPlacement extends Placement {
  readonly groups: readonly [before: Group, after: Group];
  readonly gaining: Group;
  readonly refreshing: Group;
}

function jointPlacement(before: Group, after: Group): JointPlacement {
  const staying = before.filter(({ number }) => has(after, number));
  const gaining = after.filter(({ number }) => !has(before, number));
  const losing = before.filter(({ number }) => !has(after, number));
  const isEnough = neededOf(after.length, "majority") >= neededOf(before.length, "majority");
  const refreshing = isEnough ? [] : staying;
  return { replicas: [...staying, ...gaining, ...losing], groups: [before, after], gaining, refreshing };
}

/** Returns the replicas of every slot; equal groups are one array. */
function groupsOf(members: Group, options: TopologyData): readonly Group[] {
  const byId = new Map(members.map((member) => [member.id, member]));
  const ring = new Ring([...byId.keys()], options);
  const groups = new Map<readonly NodeId[], Group>();
  return allSlots.map((slot) => {
    const ids = ring.replicasOf(slot);
    return upsert(groups, ids, () => ids.map((id) => byId.get(id)!));
  });
}

function has(members: readonly Member[], number: number): boolean {
  return members.some((member) => member.number === number);
}

function upsert<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const allSlots: readonly number[] = Array.from({ length: slotCount }, (_, slot) => slot);
