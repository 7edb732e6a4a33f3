/**
 * Hinted handoff: what a quorum accepted and a replica did not acknowledge is kept for it, on this node's disk, and
 * delivered when it is heard from again.
 *
 * A hint is a late accept message and counts in no quorum. Of each replica and key only the newest is kept; all
 * together they are bounded in bytes, and what does not fit is left to anti-entropy. Delivery is paced: a slice at a
 * time, the next one when the slice was acknowledged. Where a promise stands in the way, the replica has a round repair
 * the key instead.
 *
 * @see DeCandia et al. 2007, "Dynamo", section 4.6, which counts hints in its (sloppy) quorums; here they must not.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { EngineEntry, EngineWrite } from "../engine.ts";
import type { ReplicaReply, ReplicaRequest } from "./messages.ts";
import { decodeRecord, hintKey, memberAndKeyOfHint, RecordEncoder } from "./record.ts";
import type { State } from "./record.ts";
import type { Member, Topology } from "./topology.ts";

/** Hints under way to one replica. */
const sliceHints = 64;
const sliceBytes = 256 * 1024;
/** About what a hint takes besides its key and value. */
const hintOverheadBytes = 200;

export interface HintsPorts {
  readonly clock: Clock;
  readonly maxBytes: number;
  /** How long a slice may take; a replica that does not acknowledge it is left alone until it is heard from. */
  readonly patienceMs: Millis;
  send(to: NodeId, request: ReplicaRequest): void;
  /** Adds to the next write; a hint that is lost with it was of no more use than one that did not fit. */
  write(write: EngineWrite): void;
}

interface Hint {
  readonly key: string;
  readonly state: State;
}

/** What is kept for one member. */
interface Shelf {
  readonly member: Member;
  readonly hints: Map<string, Hint>;
  /** By id of the message. */
  readonly underWay: Map<number, Hint>;
  timer: Timer | undefined;
}

export class Hints {
  readonly #ports: HintsPorts;
  /** By number: a member that lost its disk is another one, and gets everything from its peers. */
  readonly #shelves = new Map<number, Shelf>();
  readonly #byId = new Map<NodeId, Shelf>();
  #bytes = 0;
  #nextId = -1;
  readonly counters = { "hints kept": 0, "hints delivered": 0, "hints dropped": 0 };

  constructor(ports: HintsPorts) {
    this.#ports = ports;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one found on disk. */
  restore({ key: bytes, value }: EngineEntry, topology: Topology): void {
    const [number, key] = memberAndKeyOfHint(bytes);
    const member = topology.members.find((other) => other.number === number);
    if (member === undefined) return this.#ports.write({ key: bytes, value: undefined });
    const { state } = decodeRecord(value);
    // The node is at work already.
    const known = this.#shelves.get(member.number)?.hints.get(key);
    if (known === undefined || known.state.ballot < state.ballot) this.#put(member, { key, state });
  }

  /** `member` has not acknowledged `state`. */
  keep(member: Member, key: string, state: State): void {
    const known = this.#shelves.get(member.number)?.hints.get(key);
    if (known !== undefined && known.state.ballot >= state.ballot) return;
    if (this.#bytes + bytesOf({ key, state }) > this.#ports.maxBytes) {
      this.counters["hints dropped"]++;
      return;
    }
    this.counters["hints kept"]++;
    this.#put(member, { key, state });
    const value = new RecordEncoder().encode({ promised: 0, state });
    this.#ports.write({ key: hintKey(member.number, key), value });
  }

  /** `id` was heard from, so it may have what waits for it. */
  heard(id: NodeId): void {
    const shelf = this.#byId.get(id);
    if (shelf !== undefined && shelf.timer === undefined) this.#deliver(shelf);
  }

  /** The reply to a hint under way. */
  receive(from: NodeId, reply: ReplicaReply): void {
    const shelf = this.#byId.get(from);
    const hint = shelf?.underWay.get(reply.id);
    if (shelf === undefined || hint === undefined || reply.kind !== "installed") return;
    shelf.underWay.delete(reply.id);
    this.counters["hints delivered"]++;
    this.#remove(shelf, hint);
    if (shelf.underWay.size > 0) return;
    shelf.timer?.cancel();
    shelf.timer = undefined;
    if (shelf.hints.size > 0) this.#deliver(shelf);
    else this.#drop(shelf);
  }

  /** Nobody needs the hints of members that are gone. */
  topologyChanged(topology: Topology): void {
    for (const shelf of this.#shelves.values()) {
      if (topology.members.some(({ number }) => number === shelf.member.number)) continue;
      for (const hint of shelf.hints.values()) this.#remove(shelf, hint);
      this.#drop(shelf);
    }
  }

  end(): void {
    for (const { timer } of this.#shelves.values()) timer?.cancel();
  }

  #put(member: Member, hint: Hint): void {
    let shelf = this.#shelves.get(member.number);
    if (shelf === undefined) {
      shelf = { member, hints: new Map(), underWay: new Map(), timer: undefined };
      this.#shelves.set(member.number, shelf);
      this.#byId.set(member.id, shelf);
    }
    const before = shelf.hints.get(hint.key);
    if (before !== undefined) this.#bytes -= bytesOf(before);
    this.#bytes += bytesOf(hint);
    shelf.hints.set(hint.key, hint);
  }

  /** Unless a newer one took its place. */
  #remove(shelf: Shelf, hint: Hint): void {
    if (shelf.hints.get(hint.key) !== hint) return;
    shelf.hints.delete(hint.key);
    this.#bytes -= bytesOf(hint);
    this.#ports.write({ key: hintKey(shelf.member.number, hint.key), value: undefined });
  }

  #drop(shelf: Shelf): void {
    shelf.timer?.cancel();
    this.#shelves.delete(shelf.member.number);
    if (this.#byId.get(shelf.member.id) === shelf) this.#byId.delete(shelf.member.id);
  }

  #deliver(shelf: Shelf): void {
    const { clock, patienceMs } = this.#ports;
    shelf.underWay.clear();
    let bytes = 0;
    for (const hint of shelf.hints.values()) {
      if (shelf.underWay.size >= sliceHints || bytes >= sliceBytes) break;
      bytes += bytesOf(hint);
      const id = this.#nextId--;
      shelf.underWay.set(id, hint);
      this.#ports.send(shelf.member.id, { kind: "install", id, key: hint.key, state: hint.state });
    }
    shelf.timer = clock.after(patienceMs, () => {
      shelf.timer = undefined;
      shelf.underWay.clear();
    });
  }
}

function bytesOf({ key, state }: Hint): number {
  return hintOverheadBytes + key.length + (state.value?.length ?? 0);
}
