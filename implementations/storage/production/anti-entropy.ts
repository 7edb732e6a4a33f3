/**
 * Anti-entropy: replicas compare what they hold, two at a time, and bring each other up to date.
 *
 * At every interval a node takes one of its peers in turn and sends the root of their common Merkle tree. The peer
 * answers with the branches if its own root differs, the node with the leaves of the branches that differ, and the peer
 * knows the slots. Those are gone through one after the other: the peer sends its (key, ballot) list, the node sends
 * the records in which it is ahead as installs and asks for those in which it is behind. Nobody remembers where a
 * comparison stood: each message holds all that its receiver needs, and whatever is lost is found again at the next
 * interval.
 *
 * One comparison handles `slotsPerRound` slots, pages of bounded bytes at a time, so that a replica which was away for
 * long is brought up to date at a pace. A record behind a promise is repaired by a round.
 *
 * @see DeCandia et al. 2007, "Dynamo", section 4.7.
 */

import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { StorageEvent } from "../contract.ts";
import type { Digests } from "./digests.ts";
import { branchesOf, differencesOf, leavesOf, rootOf, slotsOf } from "./merkle.ts";
import type { Hashes } from "./merkle.ts";
import type { ReplicaRequest } from "./messages.ts";
import { slotCount } from "./slots.ts";
import type { SlotPage, SlotRecord } from "./replica.ts";
import type { Member, Topology } from "./topology.ts";

const slotsPerRound = 64;
const pageBytes = 256 * 1024;

export type SyncMessage =
  | { readonly kind: "root"; readonly root: Hashes }
  | { readonly kind: "branches"; readonly branches: Hashes }
  | { readonly kind: "leaves"; readonly branches: readonly number[]; readonly leaves: Hashes }
  /** The sender's records in `slot`. */
  | {
      readonly kind: "ballots";
      readonly slot: number;
      readonly ballots: readonly (readonly [key: string, ballot: number])[];
    }
  | { readonly kind: "wanted"; readonly slot: number; readonly keys: readonly string[] };

export interface AntiEntropyPorts {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly intervalMs: Millis;
  readonly digests: Digests;
  send(to: NodeId, message: SyncMessage): void;
  install(to: NodeId, request: ReplicaRequest): void;
  /** All records of a slot, in pages. */
  scanSlot(slot: number, from: Uint8Array | undefined, maxBytes: number, done: (page: SlotPage) => void): void;
  trace(event: StorageEvent): void;
}

export class AntiEntropy {
  readonly #ports: AntiEntropyPorts;
  #topology: Topology;
  /** By peer, 1 for every slot that both keep. */
  readonly #shared = new Map<NodeId, Uint8Array>();
  #timer: Timer | undefined;
  #turn = 0;
  /** Slots whose records are being sent: a comparison that is asked for again meanwhile is not repeated. */
  readonly #busy = new Set<number>();
  #isEnded = false;
  readonly counters = { comparisons: 0, "slots compared": 0, "records sent": 0 };

  constructor(ports: AntiEntropyPorts, topology: Topology) {
    this.#ports = ports;
    this.#topology = topology;
  }

  start(): void {
    const { clock, random, intervalMs } = this.#ports;
    // Nodes that start together do not compare together.
    this.#timer = clock.after(intervalMs * (0.5 + random.float()), () => {
      if (this.#isEnded) return;
      this.#compareNext();
      this.start();
    });
  }

  topologyChanged(topology: Topology): void {
    this.#topology = topology;
    this.#shared.clear();
  }

  end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
  }

  receive(from: NodeId, message: SyncMessage): void {
    const { digests } = this.#ports;
    const isShared = this.#sharedWith(from);
    if (message.kind === "root") {
      const branches = branchesOf(digests, isShared);
      if (differencesOf(rootOf(branches), message.root).length > 0) {
        this.#ports.send(from, { kind: "branches", branches });
      }
    } else if (message.kind === "branches") {
      const branches = differencesOf(branchesOf(digests, isShared), message.branches);
      if (branches.length === 0) return;
      this.#ports.send(from, { kind: "leaves", branches, leaves: leavesOf(digests, slotsOf(branches), isShared) });
    } else if (message.kind === "leaves") {
      const slots = slotsOf(message.branches);
      const positions = differencesOf(leavesOf(digests, slots, isShared), message.leaves);
      for (const position of positions.slice(0, slotsPerRound)) {
        const slot = slots[position];
        if (slot !== undefined && isShared(slot)) this.#sendBallots(from, slot);
      }
    } else if (message.kind === "ballots") {
      if (isShared(message.slot)) this.#answerBallots(from, message.slot, new Map(message.ballots));
    } else if (isShared(message.slot)) {
      const wanted = new Set(message.keys);
      this.#eachRecord(message.slot, (records) =>
        this.#sendRecords(
          from,
          records.filter(({ key }) => wanted.has(key)),
        ),
      );
    }
  }

  #compareNext(): void {
    const { self, digests } = this.#ports;
    // What moves is pulled; and a node that is taken in again is two members for a while.
    if (this.#topology.isChanging) return;
    const peers = this.#topology.members.filter(({ id }) => id !== self);
    const peer = peers[this.#turn++ % Math.max(1, peers.length)];
    if (peer === undefined) return;
    this.counters.comparisons++;
    this.#ports.send(peer.id, { kind: "root", root: rootOf(branchesOf(digests, this.#sharedWith(peer.id))) });
  }

  /** Whether both keep a slot, in a topology that both go by: messages of other epochs are not looked at. */
  #sharedWith(peer: NodeId): (slot: number) => boolean {
    let shared = this.#shared.get(peer);
    if (shared === undefined) {
      shared = this.#findShared(peer);
      this.#shared.set(peer, shared);
    }
    const found = shared;
    return (slot) => found[slot] === 1;
  }

  #findShared(peer: NodeId): Uint8Array {
    const { self } = this.#ports;
    const keeps = (replicas: readonly Member[], node: NodeId): boolean => replicas.some(({ id }) => id === node);
    return Uint8Array.from({ length: slotCount }, (_, slot) => {
      const { replicas } = this.#topology.placementOf(slot);
      return keeps(replicas, self) && keeps(replicas, peer) ? 1 : 0;
    });
  }

  #sendBallots(to: NodeId, slot: number): void {
    if (this.#busy.has(slot)) return;
    this.#busy.add(slot);
    this.counters["slots compared"]++;
    const ballots: [string, number][] = [];
    this.#eachRecord(
      slot,
      (records) => records.forEach(({ key, state }) => ballots.push([key, state.ballot])),
      () => {
        this.#busy.delete(slot);
        this.#ports.send(to, { kind: "ballots", slot, ballots });
      },
    );
  }

  /** Sends what the peer lacks, and asks for what this node lacks. */
  #answerBallots(from: NodeId, slot: number, theirs: Map<string, number>): void {
    this.#eachRecord(
      slot,
      (records) => {
        const newer = records.filter(({ key, state }) => state.ballot > (theirs.get(key) ?? 0));
        this.#sendRecords(from, newer);
        for (const { key, state } of records) if (state.ballot >= (theirs.get(key) ?? 0)) theirs.delete(key);
      },
      () => {
        if (theirs.size > 0) this.#ports.send(from, { kind: "wanted", slot, keys: [...theirs.keys()] });
      },
    );
  }

  #sendRecords(to: NodeId, records: readonly SlotRecord[]): void {
    if (records.length === 0) return;
    this.#ports.trace({ kind: "background", work: "repair", phase: "begin", records: 0, bytes: 0 });
    let bytes = 0;
    for (const { key, state } of records) {
      bytes += key.length + (state.value?.length ?? 0);
      // Id 0: nobody waits for the answer, the next comparison tells.
      this.#ports.install(to, { kind: "install", id: 0, key, state });
    }
    this.counters["records sent"] += records.length;
    this.#ports.trace({ kind: "background", work: "repair", phase: "end", records: records.length, bytes });
  }

  #eachRecord(slot: number, take: (records: readonly SlotRecord[]) => void, done: () => void = () => {}): void {
    const next = (from: Uint8Array | undefined): void =>
      this.#ports.scanSlot(slot, from, pageBytes, (page) => {
        if (this.#isEnded) return;
        take(page.records);
        if (page.next === undefined) done();
        else next(page.next);
      });
    next(undefined);
  }
}
