/**
 * Collecting tombstones: a deleted key is forgotten once nothing can bring its value back.
 *
 * Every replica keeps a list of the tombstones it holds; the first replica of a key acts on it, after a grace period
 * and only while the topology is stable. It asks all replicas. If each of them has durably accepted the tombstone under
 * one and the same ballot b, every replica is told to collect it: to remove its record if that is still so, and in the
 * same write to refuse ballots up to b for the whole slot from then on (the floor). What may still be on its way, an
 * accept, a hint, an install, was proposed before b and so is refused; with one replica less than all asked, that one
 * could hold an older value and bring it back. A replica that missed the word finds out by anti-entropy: its tombstone
 * is not taken any more, a round writes it anew, and it is collected again.
 *
 * It forgets versions with the key; counting goes on above the highest that was ever collected in the slot.
 *
 * @see Gustafson, "CASPaxos: deleting", in Rystsov 2018, section 3.1 ("Deletion"): the same order of steps, there with
 *   an age per proposer where here the floor refuses late messages.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ReplicaRequest } from "./messages.ts";
import type { State } from "./record.ts";
import type { Member, Topology } from "./topology.ts";

/** More are not remembered until the node starts again and finds them on disk. */
const maxListed = 200_000;
const maxPerTurn = 64;
const longestTurnMs = 1000;

export interface TombstonesPorts {
  readonly self: Member;
  readonly clock: Clock;
  readonly graceMs: Millis;
  /** Asks all replicas of `key`; undefined: they were not of one mind, or not all there. */
  compare(key: string, done: (state: State | undefined) => void): void;
  send(to: NodeId, request: ReplicaRequest): void;
}

interface Listed {
  readonly slot: number;
  readonly ballot: number;
  readonly sinceMs: Millis;
}

export class Tombstones {
  readonly #ports: TombstonesPorts;
  #topology: Topology;
  /** By key, the oldest first. */
  readonly #listed = new Map<string, Listed>();
  #timer: Timer | undefined;
  readonly counters = { "tombstones collected": 0 };

  constructor(ports: TombstonesPorts, topology: Topology) {
    this.#ports = ports;
    this.#topology = topology;
  }

  start(): void {
    const { clock, graceMs } = this.#ports;
    this.#timer = clock.after(Math.min(longestTurnMs, Math.max(10, graceMs / 2)), () => {
      this.#collectSome();
      this.start();
    });
  }

  end(): void {
    this.#timer?.cancel();
  }

  topologyChanged(topology: Topology): void {
    this.#topology = topology;
  }

  /** This node's replica has accepted a tombstone, or found it on disk. */
  note(key: string, slot: number, ballot: number): void {
    if (this.#listed.size >= maxListed && !this.#listed.has(key)) return;
    this.#listed.delete(key);
    this.#listed.set(key, { slot, ballot, sinceMs: this.#ports.clock.nowMs() });
  }

  #collectSome(): void {
    if (this.#topology.isChanging) return;
    const { clock, graceMs, self } = this.#ports;
    const longAgoMs = clock.nowMs() - graceMs;
    let left = maxPerTurn;
    for (const [key, { slot, ballot, sinceMs }] of this.#listed) {
      if (sinceMs > longAgoMs || left-- === 0) return;
      this.#listed.delete(key);
      // Whoever is first now does it; the others drop it from their lists, and list it again if it is written anew.
      if (this.#topology.placementOf(slot).replicas[0]?.number === self.number) this.#collect(key, slot, ballot);
    }
  }

  #collect(key: string, slot: number, ballot: number): void {
    const { epoch } = this.#topology;
    this.#ports.compare(key, (state) => {
      const isSettled = state !== undefined && state.ballot > 0 && epoch === this.#topology.epoch;
      if (!isSettled) return this.note(key, slot, ballot);
      if (state.value !== null) return;
      this.counters["tombstones collected"]++;
      for (const { id } of this.#topology.placementOf(slot).replicas) {
        this.#ports.send(id, { kind: "collect", id: 0, key, ballot: state.ballot });
      }
    });
  }
}
