/**
 * The host of one production node: it gives the pure Raft core its disk, network, clock and clients.
 *
 * Every input becomes one `step` of the core, and the effects are carried out in the order the core's contract
 * (`production/messages.ts`) demands: messages at once, a persist batch's own messages only when it is durable. The
 * same file runs in the simulator and in a real process; only the ports differ. Client requests that arrive in one turn
 * of the event loop are proposed together.
 *
 * A failed write or sync is final: after a failed sync nobody knows what is on the disk, so the node says nothing more
 * and its supervisor restarts it, which recovers from what is really there.
 *
 * @see Rebello et al. 2020, "Can applications recover from fsync failures?": why a failed sync is never retried.
 */

import type { NodeResources } from "../../foundation/deployment.ts";
import type { Clock, Disk, Random, Timer, Transport } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import { assert } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type {
  AdminRequest,
  ClientReply,
  ClientRequest,
  ConsensusEvent,
  ConsensusReply,
  ConsensusState,
  ConsensusView,
} from "../../consensus/contract.ts";
import { isConfigurationPayload } from "../../consensus/production/configuration.ts";
import type { ProductionSettings } from "../../consensus/production/defaults.ts";
import { LogStore } from "../../consensus/production/log-store.ts";
import type {
  AdministrationAnswer,
  Effects,
  Entry,
  PersistBatch,
  RaftInput,
  RaftMessage,
  Recovered,
} from "../../consensus/production/messages.ts";
import { Raft } from "../../consensus/production/raft.ts";
import {
  encodeCommand,
  refusalOf,
  refusalOfAdministration,
  StateMachine,
} from "../../consensus/production/state-machine.ts";

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
export class DiskLost extends Error {
  override readonly name = "DiskLost";
}

/** A clock that drifts can wake us a rounding error early; waiting no time at all would then never end. */
const shortestDelayMs = 0.01;

/** Changes of members and handovers that wait for their end. */
const maxAdministrations = 64;

interface PendingProposal {
  readonly client: NodeId;
  readonly requestId: number;
  readonly term: number;
}

interface QueuedProposal {
  readonly client: NodeId;
  readonly requestId: number;
  readonly payload: Uint8Array;
}

interface PendingRead {
  readonly client: NodeId;
  readonly requestId: number;
  readonly key: string;
  /** Where the state machine must be before the read is served; undefined until the core answered. */
  index: number | undefined;
}

export class ProductionNode {
  readonly #options: ProductionNodeOptions;
  #store: LogStore | undefined;
  #raft: Raft | undefined;
  readonly #machine: StateMachine;
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
  /** By log index: entries a client of this node waits for. */
  readonly #proposals = new Map<number, PendingProposal>();
  readonly #reads = new Map<number, PendingRead>();
  #nextReadId = 1;
  readonly #administrations = new Map<number, { readonly client: NodeId; readonly requestId: number }>();
  #nextRequestId = 1;
  #queue: QueuedProposal[] = [];
  #flushing = false;

  constructor(options: ProductionNodeOptions) {
    this.#options = options;
    this.#machine = new StateMachine();
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    LogStore.open(
      options.disk,
      { ...options.settings, node: options.id, forming: options.forming },
      (error, opened) => {
        if (this.#silent) return;
        if (error !== undefined || opened === undefined) return this.#fail(error ?? new Error("the log did not open"));
        if (opened.empty && !options.forming) {
          return this.#fail(
            new DiskLost(
              `Cannot start ${options.id}: its data directory is empty though the cluster was formed before; ` +
                "a voter that lost its disk has forgotten its votes and must be replaced as a member",
            ),
          );
        }
        this.#store = opened.store;
        this.#begin(opened.recovered, opened.repairs);
      },
    );
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
      "snapshots taken": this.#snapshotsTaken,
      "snapshots installed": this.#snapshotsInstalled,
    };
  }

  /** Falls silent at once, as a crash does; nothing more is sent, stored or traced. */
  crash(): void {
    this.#silent = true;
    this.#timer?.cancel();
  }

  /** Stops taking part, lets what is under way reach the disk, then calls `done`. */
  stop(done: () => void): void {
    if (this.#silent || this.#store === undefined) {
      this.crash();
      return done();
    }
    for (const [, proposal] of this.#proposals) this.#answer(proposal, { kind: "error", code: "PROPOSAL_DROPPED" });
    this.#proposals.clear();
    this.crash();
    this.#store.close(() => done());
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
    let message: unknown;
    try {
      message = decode(bytes);
    } catch {
      return; // Bytes damaged on the way: to a datagram protocol that is a lost message.
    }
    if (!this.#options.isPeer(from)) return this.#serve(from, message as ClientRequest | AdminRequest);
    this.#step({ kind: "message", from, message: message as RaftMessage });
  }

  #serve(client: NodeId, request: ClientRequest | AdminRequest): void {
    if ("command" in request) return this.#administer(client, request);
    const refusal = refusalOf(request);
    if (refusal !== undefined) return this.#reply(client, request.id, { kind: "error", code: refusal });
    if (request.operation.kind === "read") {
      const readId = this.#nextReadId++;
      this.#reads.set(readId, { client, requestId: request.id, key: request.operation.key, index: undefined });
      return this.#step({ kind: "read", readId });
    }
    if (this.#queue.length + this.#proposals.size >= this.#options.settings.maxPendingProposals) {
      return this.#reply(client, request.id, { kind: "error", code: "OVERLOADED" });
    }
    this.#queue.push({ client, requestId: request.id, payload: encodeCommand(request) });
    if (this.#flushing) return;
    this.#flushing = true;
    this.#options.defer(() => this.#propose());
  }

  #administer(client: NodeId, { id, command }: AdminRequest): void {
    const refusal = refusalOfAdministration(command);
    if (refusal !== undefined) return this.#reply(client, id, { kind: "error", code: refusal });
    if (this.#administrations.size >= maxAdministrations) {
      return this.#reply(client, id, { kind: "error", code: "OVERLOADED" });
    }
    const requestId = this.#nextRequestId++;
    this.#administrations.set(requestId, { client, requestId: id });
    if (command.kind === "transfer") this.#step({ kind: "transfer", requestId, to: undefined });
    else this.#step({ kind: "change", requestId, add: command.add, remove: command.remove });
  }

  #onAdministered({ requestId, error }: AdministrationAnswer): void {
    const asked = this.#administrations.get(requestId);
    if (asked === undefined) return;
    this.#administrations.delete(requestId);
    this.#reply(asked.client, asked.requestId, error === undefined ? { kind: "done" } : { kind: "error", code: error });
  }

  #propose(): void {
    this.#flushing = false;
    if (this.#silent || this.#queue.length === 0) return;
    const queued = this.#queue;
    this.#queue = [];
    this.#step({ kind: "propose", payloads: queued.map((proposal) => proposal.payload) }, queued);
  }

  #step(input: RaftInput, queued?: readonly QueuedProposal[]): void {
    const raft = this.#raft;
    if (raft === undefined || this.#silent) return;
    const wasLeader = raft.role === "leader";
    const effects = raft.step(input, this.#options.clock.nowMs());
    for (const event of effects.trace) {
      if (event.kind === "snapshot" && event.installed) this.#snapshotsInstalled++;
      if (event.kind === "append") this.#cutAfter(event.after);
      this.#options.trace(event);
    }
    if (queued !== undefined) this.#register(queued, effects);
    for (const { to, message } of effects.messages) this.#send(to, message);
    if (effects.persist !== undefined) this.#persist(effects.persist);
    if (effects.restore !== undefined) {
      this.#machine.restore(effects.restore.data);
      this.#appliedIndex = effects.restore.index;
      this.#appliedTerm = effects.restore.term;
      this.#snapshotIndex = effects.restore.index;
    }
    if (effects.apply.length > 0) this.#apply(effects.apply);
    for (const { readId, index } of effects.reads) this.#onReadAnswer(readId, index);
    for (const answer of effects.administered) this.#onAdministered(answer);
    if (wasLeader && raft.role !== "leader") this.#dropProposals();
    this.#options.onStep?.();
    this.#maybeSnapshot();
    this.#arm();
  }

  #register(queued: readonly QueuedProposal[], effects: Effects): void {
    const proposed = effects.proposed;
    for (const [offset, { client, requestId }] of queued.entries()) {
      if (proposed === undefined) this.#reply(client, requestId, { kind: "error", code: "NOT_LEADER" });
      else this.#proposals.set(proposed.firstIndex + offset, { client, requestId, term: proposed.term });
    }
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
      const reply = isCommand ? this.#machine.apply(entry.payload).reply : undefined;
      const proposal = this.#proposals.get(entry.index);
      if (proposal === undefined) continue;
      this.#proposals.delete(entry.index);
      const mine = proposal.term === entry.term && reply !== undefined;
      this.#answer(proposal, mine ? reply : { kind: "error", code: "PROPOSAL_DROPPED" });
    }
    this.#options.trace({ kind: "apply", index: this.#appliedIndex, digests: entries.map(digestOf) });
    for (const [readId, read] of this.#reads) {
      if (read.index !== undefined && read.index <= this.#appliedIndex) this.#serveRead(readId, read);
    }
  }

  #onReadAnswer(readId: number, index: number | undefined): void {
    const read = this.#reads.get(readId);
    if (read === undefined) return;
    if (index === undefined) {
      this.#reads.delete(readId);
      return this.#reply(read.client, read.requestId, { kind: "error", code: "NOT_LEADER" });
    }
    read.index = index;
    if (index <= this.#appliedIndex) this.#serveRead(readId, read);
  }

  #serveRead(readId: number, read: PendingRead): void {
    this.#reads.delete(readId);
    this.#reply(read.client, read.requestId, this.#machine.read(read.key));
  }

  /** The leader lost its office: a successor may commit these or not, and only the client's retry can tell. */
  #dropProposals(): void {
    const dropped = [...this.#proposals.values()];
    this.#proposals.clear();
    for (const proposal of dropped) this.#answer(proposal, { kind: "error", code: "PROPOSAL_DROPPED" });
  }

  #answer(proposal: PendingProposal, reply: ConsensusReply): void {
    this.#reply(proposal.client, proposal.requestId, reply);
  }

  #reply(client: NodeId, id: number, reply: ClientReply["reply"]): void {
    const leader = this.#raft?.leader ?? null;
    const notLeader = reply.kind === "error" && reply.code === "NOT_LEADER" && leader !== null;
    const message: ClientReply = notLeader ? { id, reply, leader } : { id, reply };
    this.#options.transport.send(client, encode(message));
  }

  /** Snapshots the applied state once enough was applied; only what is durable here may be covered. */
  #maybeSnapshot(): void {
    const { snapshotEveryEntries, snapshotEveryBytes, trailingEntries } = this.#options.settings;
    if (this.#savingSnapshot || this.#silent || this.#appliedIndex > this.#durableIndex) return;
    const due =
      this.#appliedIndex - this.#snapshotIndex >= snapshotEveryEntries ||
      this.#bytesSinceSnapshot >= snapshotEveryBytes;
    if (!due) return;
    this.#savingSnapshot = true;
    this.#bytesSinceSnapshot = 0;
    const index = this.#appliedIndex;
    const configuration = this.#raft?.snapshotConfiguration(index);
    const snapshot = { index, term: this.#appliedTerm, data: this.#machine.snapshot(), configuration };
    this.#store?.saveSnapshot(snapshot, Math.max(0, snapshot.index - trailingEntries), (error) => {
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
