/**
 * The host of one production node: it gives the pure Raft core its disk, network, clock and clients.
 *
 * Every input becomes one `step` of the core, and the effects are carried out in the order the core's contract
 * (`production/messages.ts`) demands: messages at once, a persist batch's own messages only when it is durable. The
 * same file runs in the simulator and in a real process; only the ports differ. What clients ask is dealt with at a
 * desk of its own (`client-desk.ts`).
 *
 * A failed write or sync is final: after a failed sync nobody knows what is on the disk, so the node says nothing more
 * and its supervisor restarts it, which recovers from what is really there. A full disk is not: the node goes on
 * without leading or acknowledging anything, looks for room from time to time, and picks up where it stopped.
 *
 * What it holds for others is bounded: requests by count and bytes, the log by its bytes in memory, and what waits for
 * the disk by both. Beyond a bound clients are answered OVERLOADED, and what peers send is ignored as if it were lost.
 *
 * @see Rebello et al. 2020, "Can applications recover from fsync failures?": why a failed sync is never retried.
 */

import type { NodeResources } from "../../foundation/deployment.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Clock, Disk, Random, Timer, Transport } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import { assert } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type {
  AdminRequest,
  ClientRequest,
  ConsensusEvent,
  ConsensusState,
  ConsensusView,
} from "../../consensus/contract.ts";
import { isConfigurationPayload } from "../../consensus/production/configuration.ts";
import type { ProductionSettings } from "../../consensus/production/defaults.ts";
import { LogDamage, LogStore } from "../../consensus/production/log-store.ts";
import type { OpenedLogStore, Room } from "../../consensus/production/log-store.ts";
import type {
  Entry,
  PersistBatch,
  RaftInput,
  RaftMessage,
  Recovered,
  Snapshot,
} from "../../consensus/production/messages.ts";
import { Raft } from "../../consensus/production/raft.ts";
import { entryOverheadBytes } from "../../consensus/production/raft-log.ts";
import type { SnapshotEncoding } from "../../consensus/production/snapshot-encoding.ts";
import { StateMachine } from "../../consensus/production/state-machine.ts";
import { ClientDesk } from "./client-desk.ts";
import { decodeRequest } from "../decode-request.ts";

export interface ProductionNodeOptions {
  readonly id: NodeId;
  /** The founders of the cluster; a node that joins later is none of them. */
  readonly voters: readonly NodeId[];
  /** Whether messages of `id` are a node's; all others are clients'. */
  readonly isPeer: (id: NodeId) => boolean;
  /** Counts the starts of this node from 1. */
  readonly life: number;
  /** The cluster is being formed: an empty disk is right. Otherwise it means the disk was lost. */
  readonly forming: boolean;
  readonly settings: ProductionSettings;
  readonly disk: Disk;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Runs `callback` after the current turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  readonly trace: (event: ConsensusEvent) => void;
  /** Called after every step of the core. */
  readonly onStep?: () => void;
  /** Called before a message leaves; it leaves when `proceed` is called. */
  readonly beforeSend?: (to: NodeId, message: RaftMessage, proceed: () => void) => void;
  /** The node has recovered and takes part. */
  readonly onStarted: (repairs: readonly string[]) => void;
  /** The node cannot go on; it has fallen silent. Damage and a lost disk come as LogDamage or DiskLost. */
  readonly onFatal: (error: Error) => void;
}

/** An empty disk where the log of a formed cluster should be. */
class DiskLost extends Error {
  override readonly name = "DiskLost";
}

/** Whether a node that ended over `error` would end over it again, however often it is restarted. */
export function isBeyondRestart(error: Error): boolean {
  return error instanceof LogDamage || error instanceof DiskLost;
}

/** A clock that drifts can wake us a rounding error early; waiting no time at all would then never end. */
const shortestDelayMs = 0.01;
/** How long after a full disk was seen it is looked at again; doubles up to the maximum. */
const roomPauseMs = { first: 50, most: 1000 } as const;
/** Batches that may wait for the disk before messages that could add to them are ignored. */
const maxPendingBatches = 16_384;

export class ProductionNode {
  readonly #options: ProductionNodeOptions;
  #store: LogStore | undefined;
  #raft: Raft | undefined;
  readonly #machine = new StateMachine();
  readonly #desk: ClientDesk;
  #appliedIndex = 0;
  #appliedTerm = 0;
  #durableIndex = 0;
  #acknowledgedIndex = 0;
  #snapshotIndex = 0;
  #bytesSinceSnapshot = 0;
  #savingSnapshot = false;
  #snapshotsTaken = 0;
  #snapshotsInstalled = 0;
  #silent = false;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #messagesIgnored = 0;
  #isStorageHealthy = true;
  #roomPauseMs: number = roomPauseMs.first;
  #roomTimer: Timer | undefined;

  constructor(options: ProductionNodeOptions) {
    this.#options = options;
    this.#desk = new ClientDesk({
      settings: options.settings,
      defer: options.defer,
      step: (input) => this.#step(input),
      send: (client, reply) => options.transport.send(client, encode(reply)),
      leader: () => this.#raft?.leader ?? null,
      leaderLogBytes: () => (this.#raft?.role === "leader" ? this.#raft.logBytes : 0),
      read: (key) => this.#machine.read(key),
    });
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    this.#open();
  }

  view(): ConsensusView | undefined {
    const raft = this.#raft;
    if (raft === undefined) return undefined;
    const view = raft.view() as { -readonly [Field in keyof ConsensusView]: ConsensusView[Field] };
    view.life = this.#options.life;
    view.appliedIndex = this.#appliedIndex;
    view.durableIndex = this.#durableIndex;
    view.acknowledgedIndex = this.#acknowledgedIndex;
    return view;
  }

  canonical(): ConsensusState {
    return this.#machine.canonical();
  }

  counters(): NodeResources["counters"] {
    const raft = this.#raft;
    return {
      ...(raft === undefined ? {} : raft.counters),
      ...(this.#store === undefined ? {} : this.#store.counters),
      "log entries": raft?.logEntryCount ?? 0,
      "log bytes": raft?.logBytes ?? 0,
      ...this.#desk.counters,
      "bytes waiting for the disk": this.#store?.pending.bytes ?? 0,
      "batches waiting for the disk": this.#store?.pending.batches ?? 0,
      "messages ignored": this.#messagesIgnored,
      "snapshots taken": this.#snapshotsTaken,
      "snapshots installed": this.#snapshotsInstalled,
    };
  }

  /** Falls silent at once, as a crash does; nothing more is sent, stored or traced. */
  crash(): void {
    this.#silent = true;
    this.#desk.close();
    this.#timer?.cancel();
    this.#roomTimer?.cancel();
  }

  /** Stops taking part, lets what is under way reach the disk, then calls `done`. */
  stop(done: () => void): void {
    if (this.#silent || this.#store === undefined) {
      this.crash();
      return done();
    }
    this.#desk.dropProposals();
    this.crash();
    this.#store.close(() => done());
  }

  #open(): void {
    const { disk, settings, id, forming } = this.#options;
    const onRoom = (room: Room): void => this.#onRoom(room);
    LogStore.open(disk, { ...settings, node: id, forming, onRoom }, (error, opened) => {
      if (this.#silent) return;
      // Recovery needs room for a segment; a restart would not find more than another look does.
      if (error instanceof DiskError && error.code === "FULL") return this.#lookForRoom(() => this.#open());
      if (error !== undefined || opened === undefined) return this.#fail(error ?? new Error("the log did not open"));
      this.#onOpened(opened);
    });
  }

  #onOpened({ store, recovered, repairs, empty }: OpenedLogStore): void {
    const { id, forming } = this.#options;
    if (empty && !forming) {
      return this.#fail(
        new DiskLost(
          `Cannot start ${id}: its data directory is empty though the cluster was formed before; ` +
            "a voter that lost its disk has forgotten its votes and must be replaced as a member",
        ),
      );
    }
    this.#store = store;
    this.#roomPauseMs = roomPauseMs.first;
    this.#begin(recovered, repairs);
  }

  #onRoom(room: Room): void {
    if (this.#silent) return;
    const isHealthy = room !== "none for the log";
    if (isHealthy !== this.#isStorageHealthy) {
      this.#isStorageHealthy = isHealthy;
      this.#step({ kind: "storage", healthy: isHealthy });
    }
    if (room === "enough") this.#roomPauseMs = roomPauseMs.first;
    else this.#lookForRoom(() => this.#store?.retry());
  }

  #lookForRoom(look: () => void): void {
    this.#roomTimer?.cancel();
    this.#roomTimer = this.#options.clock.after(this.#roomPauseMs, look);
    this.#roomPauseMs = Math.min(roomPauseMs.most, this.#roomPauseMs * 2);
  }

  #begin(recovered: Recovered, repairs: readonly string[]): void {
    const { id, voters, settings, random, clock, life } = this.#options;
    const { snapshot, entries, hardState } = recovered;
    if (snapshot !== undefined) {
      this.#machine.restore(snapshot.data);
      this.#appliedIndex = snapshot.index;
      this.#appliedTerm = snapshot.term;
      this.#snapshotIndex = snapshot.index;
    }
    this.#durableIndex = entries.at(-1)?.index ?? this.#appliedIndex;
    this.#raft = new Raft({ id, voters, ...settings }, recovered, random, clock.nowMs());
    this.#options.trace({
      kind: "start",
      life,
      term: hardState.term,
      votedFor: hardState.votedFor,
      snapshotIndex: snapshot?.index ?? 0,
      snapshotTerm: snapshot?.term ?? 0,
      entries: entries.map((entry) => ({ term: entry.term, digest: digestOf(entry) })),
    });
    this.#arm();
    this.#options.onStarted(repairs);
  }

  #fail(error: Error): void {
    if (this.#silent) return;
    this.crash();
    this.#options.onFatal(error);
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    if (this.#silent || this.#raft === undefined) return;
    if (!this.#options.isPeer(from)) {
      const request = decodeRequest(bytes) as ClientRequest | AdminRequest | undefined;
      if (request !== undefined) this.#desk.serve(from, request);
      return;
    }
    let message: unknown;
    try {
      message = decode(bytes);
    } catch {
      return; // Bytes damaged on the way: to a datagram protocol that is a lost message.
    }
    this.#hear(from, message as RaftMessage);
  }

  /** A message for which there is no room counts as lost; the leader sends again what it contained. */
  #hear(from: NodeId, message: RaftMessage): void {
    const pendingBatches = this.#store?.pending.batches ?? 0;
    if (pendingBatches >= maxPendingBatches && !message.kind.endsWith("Reply")) {
      this.#messagesIgnored++;
      return;
    }
    const isLogFull = (this.#raft?.logBytes ?? 0) >= this.#options.settings.maxLogBytes;
    if (isLogFull && message.kind === "AppendEntries" && message.entries.length > 0) {
      // The leader is still heard, and what it says of its commit index is what lets the log shrink again. It gets no
      // answer: that would invite it to send more at once.
      this.#messagesIgnored++;
      return this.#step({ kind: "message", from, message: { ...message, entries: [] } }, false);
    }
    this.#step({ kind: "message", from, message });
  }

  #step(input: RaftInput, answers = true): void {
    const raft = this.#raft;
    if (raft === undefined || this.#silent) return;
    const wasLeader = raft.role === "leader";
    const effects = raft.step(input, this.#options.clock.nowMs());
    for (const event of effects.trace) {
      if (event.kind === "snapshot" && event.installed) this.#snapshotsInstalled++;
      if (event.kind === "append") this.#cutAfter(event.after);
      this.#options.trace(event);
    }
    if (input.kind === "propose") this.#desk.onProposed(effects.proposed);
    if (answers) for (const { to, message } of effects.messages) this.#send(to, message);
    if (effects.persist !== undefined) this.#persist(effects.persist);
    if (effects.restore !== undefined) {
      this.#machine.restore(effects.restore.data);
      this.#appliedIndex = effects.restore.index;
      this.#appliedTerm = effects.restore.term;
      this.#snapshotIndex = effects.restore.index;
    }
    if (effects.apply.length > 0) this.#apply(effects.apply);
    for (const answer of effects.reads) this.#desk.onReadAnswer(answer, this.#appliedIndex);
    for (const answer of effects.administered) this.#desk.onAdministered(answer);
    if (wasLeader && raft.role !== "leader") this.#desk.dropProposals();
    this.#options.onStep?.();
    this.#maybeSnapshot();
    this.#arm();
  }

  #send(to: NodeId, message: RaftMessage): void {
    if (this.#silent) return;
    const proceed = (): void => {
      if (this.#silent) return;
      if (message.kind === "VoteReply" && message.granted && !message.preVote) {
        this.#options.trace({ kind: "vote", term: message.term, candidate: to });
      }
      if (message.kind === "AppendReply" && message.success) this.#acknowledgedIndex = message.matchIndex;
      if (message.kind === "SnapshotReply" && message.installed) this.#acknowledgedIndex = message.lastIncludedIndex;
      this.#options.transport.send(to, encode(message));
    };
    if (this.#options.beforeSend === undefined) proceed();
    else this.#options.beforeSend(to, message, proceed);
  }

  /** The log goes on after `index`: what was durable, or acknowledged, past it is no part of it any more. */
  #cutAfter(index: number): void {
    this.#durableIndex = Math.min(this.#durableIndex, index);
    this.#acknowledgedIndex = Math.min(this.#acknowledgedIndex, index);
  }

  #persist(batch: PersistBatch): void {
    const { id } = this.#options;
    this.#store?.persist(batch, (error) => {
      if (this.#silent) return;
      if (error !== undefined) return this.#fail(error);
      if (batch.snapshot !== undefined && !batch.snapshot.keepLog) this.#durableIndex = batch.snapshot.snapshot.index;
      const last = batch.entries.at(-1);
      if (last !== undefined) this.#durableIndex = last.index;
      if (batch.hardState?.votedFor === id) {
        this.#options.trace({ kind: "vote", term: batch.hardState.term, candidate: id });
      }
      for (const { to, message } of batch.messages) this.#send(to, message);
      this.#step({ kind: "persisted", sequence: batch.sequence });
    });
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.#appliedIndex + 1, `entry ${entry.index} follows applied ${this.#appliedIndex}`);
      this.#appliedIndex = entry.index;
      this.#appliedTerm = entry.term;
      this.#bytesSinceSnapshot += entry.payload.length;
      const isCommand = entry.payload.length > 0 && !isConfigurationPayload(entry.payload);
      this.#desk.onApplied(entry, isCommand ? this.#machine.apply(entry.payload).reply : undefined);
    }
    this.#options.trace({ kind: "apply", index: this.#appliedIndex, digests: entries.map(digestOf) });
    this.#desk.serveReads(this.#appliedIndex);
  }

  /** Snapshots the applied state once enough was applied; only what is durable here may be covered. */
  #maybeSnapshot(): void {
    if (this.#savingSnapshot || this.#silent || this.#appliedIndex > this.#durableIndex) return;
    const { snapshotEveryEntries, snapshotEveryBytes, maxLogBytes } = this.#options.settings;
    const entries = this.#appliedIndex - this.#snapshotIndex;
    const due =
      entries >= snapshotEveryEntries ||
      this.#bytesSinceSnapshot >= snapshotEveryBytes ||
      // A log at its bound must be able to shrink; but not by one entry at a time.
      ((this.#raft?.logBytes ?? 0) >= maxLogBytes &&
        entries * entryOverheadBytes + this.#bytesSinceSnapshot >= maxLogBytes / 4);
    if (!due) return;
    this.#savingSnapshot = true;
    this.#bytesSinceSnapshot = 0;
    const index = this.#appliedIndex;
    const position = { index, term: this.#appliedTerm, configuration: this.#raft?.snapshotConfiguration(index) };
    this.#encodeSnapshot(position, this.#machine.beginSnapshot());
  }

  /** Slice by slice, each in a turn of its own; a small state takes one. */
  #encodeSnapshot(position: Omit<Snapshot, "data">, encoding: SnapshotEncoding): void {
    if (this.#silent) return;
    if (!encoding.isUnderWay) {
      this.#savingSnapshot = false; // A snapshot came from the leader meanwhile, and stands for more.
      return;
    }
    const data = encoding.next();
    if (data === undefined) return this.#options.defer(() => this.#encodeSnapshot(position, encoding));
    this.#saveSnapshot({ ...position, data });
  }

  #saveSnapshot(snapshot: Snapshot): void {
    const keepEntriesAfter = Math.max(0, snapshot.index - this.#options.settings.trailingEntries);
    this.#store?.saveSnapshot(snapshot, keepEntriesAfter, (error) => {
      if (this.#silent) return;
      if (error !== undefined) return this.#fail(error);
      this.#savingSnapshot = false;
      this.#snapshotsTaken++;
      this.#snapshotIndex = Math.max(this.#snapshotIndex, snapshot.index);
      this.#step({ kind: "snapshot-saved", snapshot });
    });
  }

  /**
   * Keeps one timer at or before the core's next deadline; a deadline that moved later costs nothing until it fires.
   */
  #arm(): void {
    const raft = this.#raft;
    if (raft === undefined || this.#silent || raft.wakeAtMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = raft.wakeAtMs;
    const delayMs = Math.max(shortestDelayMs, raft.wakeAtMs - this.#options.clock.nowMs());
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timerAtMs = Infinity;
      if (raft.wakeAtMs <= this.#options.clock.nowMs()) this.#step({ kind: "tick" });
      else this.#arm();
    });
  }
}

function digestOf(entry: Entry): number {
  return entry.payload.length === 0 ? 0 : crc32c(entry.payload);
}
