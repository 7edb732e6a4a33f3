/**
 * One node of the store: a coordinator and a replica behind one door, with everything they send in a turn put into one
 * batch per peer, and everything they write into one write.
 *
 * The host hands in time, chance, the engine and the network, and calls back at the end of each turn. What the node
 * says to itself takes the same path as what it says to others, only without bytes. A batch of another epoch is not
 * looked at, except for what the core does not know itself (`foreign`): whoever agrees on topologies is told, and
 * rounds ask again under the new one. A node that is no member of the topology it follows answers nobody as a replica
 * and coordinates nothing; `membership.ts` says what it is.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { StorageEvent, StorageOperation, StorageReply, StorageState } from "../contract.ts";
import type { Engine, EngineEntry, EngineError } from "../engine.ts";
import { AntiEntropy } from "./anti-entropy.ts";
import { BallotCounter } from "./ballot.ts";
import { Compaction } from "./compaction.ts";
import { Coordinator } from "./coordinator.ts";
import type { StorageSettings } from "./defaults.ts";
import { Forwards } from "./forwards.ts";
import { Hints } from "./hints.ts";
import { BatchWriter, decodeBatch } from "./messages.ts";
import type { Batch, Message, ReplicaReply, ReplicaRequest } from "./messages.ts";
import { decodeRecord, floorsStart, hintsStart, slotAndKeyOf, slotStart } from "./record.ts";
import { commandOf, isWrite } from "./register.ts";
import { Replica } from "./replica.ts";
import { Tombstones } from "./tombstones.ts";
import { slotCount, slotOf } from "./slots.ts";
import type { Member, Topology } from "./topology.ts";

export interface StorageCoreOptions {
  /** As whom it begins, and in which topology: `nobody` and `noTopology` until it hears of one. */
  readonly member: Member;
  readonly topology: Topology;
  readonly settings: StorageSettings;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  /** Unreliable, as `Transport` is. */
  send(to: NodeId, bytes: Uint8Array): void;
  /** Calls `flush` soon, once the host has nothing more to hand in; never before it returned. */
  defer(flush: () => void): void;
  /** Whether every acceptance is traced. */
  readonly tracesAccepts: boolean;
  trace(event: StorageEvent): void;
  /** It has read what it needs, and can be told of topologies. */
  onStarted(): void;
  /** The engine serves nothing more; the node has ended. */
  onFatal(error: EngineError): void;
  /** A message of another part arrived, whatever its sender's epoch. */
  onForeign?(from: NodeId, body: unknown): void;
  /** A message of another epoch arrived, and was not looked at. */
  onOtherEpoch?(from: NodeId, epoch: number): void;
}

/** Nobody keeps anything, so no quorum is ever met. */
export const noTopology: Topology = {
  epoch: 0,
  members: [],
  isChanging: false,
  placementOf: () => ({ replicas: [], groups: [[]] }),
};

/** What a node notes of its lives: how many there were, and up to which counter ballots may have been used. */
interface LifeNote {
  readonly life: number;
  readonly reserved: number;
}
const noLife: LifeNote = { life: 0, reserved: 0 };
const stopPollMs = 5;

/** More than pass between nodes while one of them hears of a topology; what is beyond is sent again. */
const maxEarlyBatches = 1000;

/** No operation waits for these: they gather, so that a put at level one costs its replicas a part of a message. */
const unhurried: ReadonlySet<Message["kind"]> = new Set(["install", "installed"] satisfies Message["kind"][]);
const unhurriedMs: Millis = 5;

const unavailable: StorageReply = { kind: "error", code: "UNAVAILABLE" };
const malformed: StorageReply = { kind: "error", code: "MALFORMED_REQUEST" };

export class StorageCore {
  readonly #options: StorageCoreOptions;
  readonly replica: Replica;
  readonly coordinator: Coordinator;
  readonly #ballots = new BallotCounter();
  readonly #forwards: Forwards;
  readonly #hints: Hints;
  readonly #antiEntropy: AntiEntropy;
  readonly #tombstones: Tombstones;
  readonly #compaction: Compaction;
  #topology: Topology;
  /** By slot: 1 if this node keeps it. */
  readonly #kept = new Uint8Array(slotCount);
  readonly #outbox = new Map<NodeId, BatchWriter>();
  /** Batches of topologies to come, in the order in which they came. */
  #early: { readonly from: NodeId; readonly batch: Batch }[] = [];
  #isFlushing = false;
  #lateFlush: Timer | undefined;
  #isStarted = false;
  #isStopping = false;
  #isEnded = false;
  /** Who this node is, one object for all its parts: topologies change the number; 0 is no member. */
  readonly #member: { readonly id: NodeId; number: number };
  /** Found at the start; undefined once that was told. */
  #recordsFound: number | undefined;
  #life = 0;
  #malformedBatches = 0;
  #batchesSent = 0;
  #bytesSent = 0;

  constructor(options: StorageCoreOptions) {
    const { topology, settings, engine, clock, random } = options;
    const member = { ...options.member };
    this.#options = options;
    this.#member = member;
    this.#topology = topology;
    this.replica = new Replica(
      {
        engine,
        clock,
        keeps: (slot) => this.#keeps(slot),
        reply: (to, message) => this.#sendReply(to, message),
        schedule: () => this.#schedule(),
        onBlocked: (key) => this.coordinator.repair(key, "majority"),
        onTombstone: (key, slot, ballot) => this.#tombstones.note(key, slot, ballot),
        tracesAccepts: options.tracesAccepts,
        epoch: () => this.#topology.epoch,
        trace: (event) => options.trace(event),
        onFatal: (error) => this.#fail(error),
      },
      settings,
    );
    this.coordinator = new Coordinator(
      {
        clock,
        random,
        ballots: this.#ballots,
        self: member,
        send: (to, request) => this.#sendRequest(to, request),
        isFull: () => this.replica.isFull,
        onMissed: (missed, key, state) => {
          if (missed.id !== member.id) this.#hints.keep(missed, key, state);
        },
      },
      settings,
      topology,
    );
    this.#forwards = new Forwards({
      clock,
      patienceMs: settings.roundTimeoutMs,
      maxPending: settings.maxPendingRequests,
      send: (to, message) => this.#send(to, message),
    });
    const sendRequest = (to: NodeId, request: ReplicaRequest): void => this.#sendRequest(to, request);
    this.#hints = new Hints({
      clock,
      maxBytes: settings.hintBytes,
      patienceMs: settings.requestTimeoutMs,
      send: sendRequest,
      write: (write) => this.replica.commit.write(write),
    });
    this.#antiEntropy = new AntiEntropy(
      {
        self: member.id,
        clock,
        random,
        intervalMs: settings.antiEntropyIntervalMs,
        digests: this.replica.digests,
        send: (to, body) => this.#send(to, { kind: "sync", id: 0, body }),
        install: sendRequest,
        scanSlot: (slot, from, maxBytes, done) =>
          this.replica.scanSlot(slot, from, maxBytes, ({ records, ...page }) =>
            done({ ...page, records: records.filter(({ state }) => state.ballot > 0) }),
          ),
        trace: (event) => options.trace(event),
      },
      topology,
    );
    this.#compaction = new Compaction(
      { clock, engine, liveBytes: () => this.replica.bytes, trace: (event) => options.trace(event) },
      settings.antiEntropyIntervalMs,
      settings.compactionBytes,
    );
    this.#tombstones = new Tombstones(
      {
        self: member,
        clock,
        graceMs: settings.tombstoneGraceMs,
        compare: (key, done) => this.coordinator.compare(key, done),
        send: sendRequest,
      },
      topology,
    );
    this.#noteKept();
  }

  /** Reads what the engine holds, and reserves ballots for this life; `onStarted` follows. */
  start(): void {
    this.replica.start((records) => {
      this.replica.readNote("life", (bytes) => {
        const { life, reserved } = bytes === undefined ? noLife : (decode(bytes) as LifeNote);
        this.#life = life + 1;
        this.#ballots.restore(reserved);
        const counter = this.#ballots.wanted() ?? reserved;
        this.#reserve(counter, () => this.#started(records));
      });
    });
  }

  /**
   * Does what `request` asks; `done` is called once, within `deadlineMs` or the time a request may take here, whichever
   * is less. Errors: MALFORMED_REQUEST, UNAVAILABLE, OVERLOADED, and those of `round.ts`.
   */
  request(request: Request<StorageOperation>, deadlineMs: Millis, done: (reply: StorageReply) => void): void {
    if (!this.isServing || this.#isStopping || this.#isEnded) return done(unavailable);
    const command = commandOf(request);
    if (command === undefined) return done(malformed);
    // An engine that refuses is no place to begin a write; another node may be better off.
    if (isWrite(command) && this.replica.commit.isStalled) return done(unavailable);
    const { clock, settings } = this.#options;
    const limitMs = Math.min(deadlineMs, settings.requestTimeoutMs);
    if (command.level === "one") {
      const slot = slotOf(command.key);
      if (!this.#keeps(slot)) {
        return this.#forwards.forward(request, this.#topology.placementOf(slot).replicas, limitMs, done);
      }
      if (command.kind === "get") this.#repairSometimes(command.key);
    }
    this.coordinator.request(command, clock.nowMs() + limitMs, done);
  }

  /** Takes a batch from a peer; what is none of ours is counted and dropped. */
  receive(from: NodeId, bytes: Uint8Array): void {
    if (this.#isEnded) return;
    const batch = decodeBatch(bytes);
    if (batch === undefined) {
      this.#malformedBatches++;
      return;
    }
    const { epoch } = this.#topology;
    for (const message of batch.messages) {
      if (message.kind === "foreign") this.#options.onForeign?.(from, message.body);
    }
    if (batch.epoch === epoch) this.#takeAll(from, batch.messages);
    else this.#options.onOtherEpoch?.(from, batch.epoch);
    if (batch.epoch > epoch) this.#keepEarly(from, batch);
  }

  #takeAll(from: NodeId, messages: readonly Message[]): void {
    if (!this.#isStarted) return;
    this.#hints.heard(from);
    for (const message of messages) if (message.kind !== "foreign") this.#take(from, message);
  }

  /** Its sender follows a topology that this node has yet to hear of: rounds would wait for long if it were dropped. */
  #keepEarly(from: NodeId, batch: Batch): void {
    // In between it may have been adopted, which is why the epoch is looked at again.
    if (batch.epoch === this.#topology.epoch) return this.#takeAll(from, batch.messages);
    if (batch.epoch < this.#topology.epoch || this.#early.length >= maxEarlyBatches) return;
    this.#early.push({ from, batch });
  }

  #takeEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const { from, batch } of early) {
      if (batch.epoch > this.#topology.epoch) this.#early.push({ from, batch });
      else if (batch.epoch === this.#topology.epoch) this.#takeAll(from, batch.messages);
    }
  }

  /** Sends a message of another part, whatever the receiver's epoch. */
  sendForeign(to: NodeId, body: unknown): void {
    this.#send(to, { kind: "foreign", id: 0, body });
  }

  /**
   * Everything that begins from now on is agreed upon by the quorums of `topology`, which is newer; this node is its
   * member `number`, 0: none.
   */
  topologyChanged(topology: Topology, number: number): void {
    assert(topology.epoch > this.#topology.epoch, "topologies follow each other");
    // What was said before belongs to the epoch before.
    this.#sendAll();
    this.#topology = topology;
    this.#member.number = number;
    this.#noteKept();
    this.replica.topologyChanged();
    this.coordinator.topologyChanged(topology);
    this.#hints.topologyChanged(topology);
    this.#antiEntropy.topologyChanged(topology);
    this.#tombstones.topologyChanged(topology);
    this.#beginServing();
    this.#takeEarly();
  }

  get topology(): Topology {
    return this.#topology;
  }

  /** Whether it takes part: it has recovered, and is a member. */
  get isServing(): boolean {
    return this.#isStarted && this.#member.number > 0;
  }

  /** What is durable here. */
  state(done: (state: StorageState) => void): void {
    const entries: [key: string, value: string | null, version: number][] = [];
    const take = ({ key, value }: EngineEntry): void => {
      const { state } = decodeRecord(value);
      if (state.ballot === 0) return;
      entries.push([slotAndKeyOf(key)[1], state.value, state.version]);
    };
    this.replica.commit.whenQuiet(() =>
      this.replica.scanAll(slotStart(0), slotStart(slotCount), take, () => {
        entries.sort(([left], [right]) => (left < right ? -1 : 1));
        done({ entries, copies: this.#copies });
      }),
    );
  }

  /** Takes no more requests, waits for those it has, and for everything to be durable. */
  stop(done: () => void): void {
    this.#isStopping = true;
    if (this.coordinator.pending + this.#forwards.pending > 0 && !this.#isEnded) {
      this.#options.clock.after(stopPollMs, () => this.stop(done));
      return;
    }
    this.replica.commit.whenQuiet(() => {
      if (!this.#isEnded) this.#options.trace({ kind: "stop", orderly: true });
      this.crash();
      done();
    });
  }

  /** Ends at once; nobody is answered. */
  crash(): void {
    this.#isEnded = true;
    this.replica.end();
    this.coordinator.end();
    this.#forwards.end();
    this.#hints.end();
    this.#antiEntropy.end();
    this.#tombstones.end();
    this.#compaction.end();
    this.#lateFlush?.cancel();
  }

  get counters(): Readonly<Record<string, number>> {
    const { replica, coordinator } = this;
    return {
      ...coordinator.counters,
      ...this.#hints.counters,
      ...this.#antiEntropy.counters,
      ...this.#tombstones.counters,
      ...this.#compaction.counters,
      "hint bytes": this.#hints.bytes,
      "engine writes": replica.commit.writes,
      "engine reads": replica.readsFromEngine,
      "requests dropped": replica.dropped,
      "batches sent": this.#batchesSent,
      "bytes sent": this.#bytesSent,
      "malformed batches": this.#malformedBatches,
      keys: replica.keys,
      bytes: replica.bytes,
    };
  }

  #started(records: number): void {
    this.#isStarted = true;
    this.#recordsFound = records;
    this.#antiEntropy.start();
    this.#tombstones.start();
    this.#compaction.start();
    this.#beginServing();
    this.#options.onStarted();
  }

  /** As soon as it is somebody: tells that it starts, and reads the hints that it kept as that member. */
  #beginServing(): void {
    const records = this.#recordsFound;
    if (records === undefined || !this.isServing) return;
    this.#recordsFound = undefined;
    this.#options.trace({ kind: "start", life: this.#life, records });
    const restore = (entry: EngineEntry): void => this.#hints.restore(entry, this.#topology);
    this.replica.scanAll(hintsStart, floorsStart, restore, () => {});
  }

  /** While the topology changes no number is right for all keys. */
  get #copies(): number {
    const { isChanging, members } = this.#topology;
    if (isChanging || members.length === 0) return 0;
    return this.#topology.placementOf(0).replicas.length;
  }

  #take(from: NodeId, message: Message): void {
    switch (message.kind) {
      case "prepare":
      case "accept":
      case "read":
      case "install":
      case "collect":
        return this.replica.receive(from, message);
      case "promise":
      case "accepted":
      case "refused":
      case "reading":
        return this.coordinator.receive(from, message);
      case "installed":
        return message.id < 0 ? this.#hints.receive(from, message) : this.coordinator.receive(from, message);
      case "forward": {
        const { id, session, sequence, operation, deadlineMs } = message;
        // Only to a replica is anything forwarded, and it must not go round in circles.
        if (!this.#keeps(slotOf(operation.key))) return;
        return this.request({ session, sequence, operation }, deadlineMs, (reply) =>
          this.#send(from, { kind: "forwarded", id, reply }),
        );
      }
      case "forwarded":
        return this.#forwards.answered(message.id, message.reply);
      case "sync":
        return this.isServing ? this.#antiEntropy.receive(from, message.body) : undefined;
      case "foreign":
        return;
      default:
        return unreachable(message);
    }
  }

  #keeps(slot: number): boolean {
    return this.#kept[slot] === 1;
  }

  #noteKept(): void {
    const { id, number } = this.#member;
    for (let slot = 0; slot < slotCount; slot++) {
      const { replicas } = this.#topology.placementOf(slot);
      this.#kept[slot] = replicas.some((member) => member.id === id && member.number === number) ? 1 : 0;
    }
  }

  #repairSometimes(key: string): void {
    const { random, settings } = this.#options;
    if (random.float() < settings.readRepairFraction) this.coordinator.compare(key);
  }

  #sendRequest(to: NodeId, request: ReplicaRequest): void {
    if (to === this.#member.id) this.replica.receive(to, request);
    else this.#send(to, request);
  }

  #sendReply(to: NodeId, reply: ReplicaReply): void {
    if (to === this.#member.id) this.coordinator.receive(to, reply);
    else this.#send(to, reply);
  }

  #send(to: NodeId, message: Message): void {
    let writer = this.#outbox.get(to);
    if (writer === undefined) {
      writer = new BatchWriter();
      this.#outbox.set(to, writer);
    }
    writer.add(message);
    if (unhurried.has(message.kind)) this.#scheduleLater();
    else this.#schedule();
  }

  /** What nobody waits for goes with the next message that somebody does, or after a while. */
  #scheduleLater(): void {
    if (this.#isFlushing || this.#lateFlush !== undefined) return;
    this.#lateFlush = this.#options.clock.after(unhurriedMs, () => {
      this.#lateFlush = undefined;
      if (!this.#isEnded) this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#options.defer(() => {
      this.#isFlushing = false;
      if (this.#isEnded) return;
      const wanted = this.#isStarted ? this.#ballots.wanted() : undefined;
      if (wanted !== undefined) this.#reserve(wanted, () => {});
      this.replica.flush();
      this.#sendAll();
    });
  }

  #sendAll(): void {
    for (const [to, writer] of this.#outbox) {
      if (writer.isEmpty) continue;
      const bytes = writer.take(this.#topology.epoch);
      this.#batchesSent++;
      this.#bytesSent += bytes.length;
      this.#options.send(to, bytes);
    }
  }

  #reserve(reserved: number, done: () => void): void {
    const note: LifeNote = { life: this.#life, reserved };
    this.replica.writeNote("life", encode(note), () => {
      this.#ballots.reserved(reserved);
      done();
    });
  }

  #fail(error: EngineError): void {
    if (this.#isEnded) return;
    this.crash();
    this.#options.onFatal(error);
  }
}
