/**
 * Where a production node serves clients and operators: judges what they ask, holds it within bounds until the core has
 * dealt with it, and answers.
 *
 * Writes that arrive in one turn of the event loop are proposed together. A write is answered when its entry is
 * applied, a read when the state machine is where the core says it must be, a change when it is done; over a bound the
 * answer is OVERLOADED at once, and nothing was proposed.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { AdminRequest, ClientReply, ClientRequest, ConsensusReply } from "../../consensus/contract.ts";
import type { ProductionSettings } from "../../consensus/production/defaults.ts";
import type {
  AdministrationAnswer,
  Effects,
  Entry,
  RaftInput,
  ReadAnswer,
} from "../../consensus/production/messages.ts";
import { encodeCommand, refusalOf, refusalOfAdministration } from "../../consensus/production/state-machine.ts";

export interface ClientDeskOptions {
  readonly settings: ProductionSettings;
  /** Runs `callback` after the current turn of the event loop. */
  readonly defer: (callback: () => void) => void;
  readonly step: (input: RaftInput) => void;
  readonly send: (client: NodeId, reply: ClientReply) => void;
  /** The leader, as far as this node knows. */
  readonly leader: () => NodeId | null;
  /** Bytes of the log in memory that a leader has to bound; 0 at others. */
  readonly leaderLogBytes: () => number;
  readonly read: (key: string) => ConsensusReply;
}

/** Changes of members and handovers that wait for their end. */
const maxAdministrations = 64;

interface Asked {
  readonly client: NodeId;
  readonly requestId: number;
}

interface QueuedProposal extends Asked {
  readonly payload: Uint8Array;
}

interface PendingProposal extends Asked {
  readonly term: number;
  readonly bytes: number;
}

interface PendingRead extends Asked {
  readonly key: string;
  /** Where the state machine must be before the read is served; undefined until the core answered. */
  index: number | undefined;
}

export class ClientDesk {
  readonly #options: ClientDeskOptions;
  /** By log index: entries a client of this node waits for. */
  readonly #proposals = new Map<number, PendingProposal>();
  readonly #reads = new Map<number, PendingRead>();
  readonly #administrations = new Map<number, Asked>();
  #nextId = 1;
  #queue: QueuedProposal[] = [];
  /** What the step under way proposes. */
  #proposing: readonly QueuedProposal[] = [];
  /** Payloads of writes that are not answered. */
  #pendingBytes = 0;
  #isDeferred = false;
  #isClosed = false;

  constructor(options: ClientDeskOptions) {
    this.#options = options;
  }

  get counters(): Readonly<Record<string, number>> {
    return {
      "pending proposals": this.#queue.length + this.#proposals.size,
      "pending reads": this.#reads.size,
      "pending bytes": this.#pendingBytes,
    };
  }

  /** Takes a request, which may be anything. */
  serve(client: NodeId, request: ClientRequest | AdminRequest): void {
    if ("command" in request) return this.#administer(client, request);
    const { id: requestId, operation } = request;
    const refusal = refusalOf(request) ?? (this.#isOverloadedBy(request) ? "OVERLOADED" : undefined);
    if (refusal !== undefined) return this.#reply({ client, requestId }, { kind: "error", code: refusal });
    if (operation.kind === "read") {
      const readId = this.#nextId++;
      this.#reads.set(readId, { client, requestId, key: operation.key, index: undefined });
      return this.#options.step({ kind: "read", readId });
    }
    const payload = encodeCommand(request);
    this.#pendingBytes += payload.length;
    this.#queue.push({ client, requestId, payload });
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    this.#options.defer(() => this.#propose());
  }

  /** The core has taken the proposals of this step at an index, or refused them. */
  onProposed(proposed: Effects["proposed"]): void {
    const queued = this.#proposing;
    this.#proposing = [];
    for (const [offset, { client, requestId, payload }] of queued.entries()) {
      const bytes = payload.length;
      if (proposed === undefined) {
        this.#pendingBytes -= bytes;
        this.#reply({ client, requestId }, { kind: "error", code: "NOT_LEADER" });
      } else this.#proposals.set(proposed.firstIndex + offset, { client, requestId, term: proposed.term, bytes });
    }
  }

  /** `entry` was applied; `reply` is what its command gave, undefined when it is none. */
  onApplied(entry: Entry, reply: ConsensusReply | undefined): void {
    const proposal = this.#proposals.get(entry.index);
    if (proposal === undefined) return;
    this.#proposals.delete(entry.index);
    this.#pendingBytes -= proposal.bytes;
    const mine = proposal.term === entry.term && reply !== undefined;
    this.#reply(proposal, mine ? reply : { kind: "error", code: "PROPOSAL_DROPPED" });
  }

  /** Serves the reads that waited for the state to get to `appliedIndex`. */
  serveReads(appliedIndex: number): void {
    for (const [readId, read] of this.#reads) {
      if (read.index !== undefined && read.index <= appliedIndex) this.#serveRead(readId, read);
    }
  }

  onReadAnswer({ readId, index }: ReadAnswer, appliedIndex: number): void {
    const read = this.#reads.get(readId);
    if (read === undefined) return;
    if (index === undefined) {
      this.#reads.delete(readId);
      return this.#reply(read, { kind: "error", code: "NOT_LEADER" });
    }
    read.index = index;
    if (index <= appliedIndex) this.#serveRead(readId, read);
  }

  onAdministered({ requestId, error }: AdministrationAnswer): void {
    const asked = this.#administrations.get(requestId);
    if (asked === undefined) return;
    this.#administrations.delete(requestId);
    this.#reply(asked, error === undefined ? { kind: "done" } : { kind: "error", code: error });
  }

  /** The leader lost its office: a successor may commit these or not, and only the client's retry can tell. */
  dropProposals(): void {
    const dropped = [...this.#proposals.values()];
    this.#proposals.clear();
    for (const { bytes } of dropped) this.#pendingBytes -= bytes;
    for (const proposal of dropped) this.#reply(proposal, { kind: "error", code: "PROPOSAL_DROPPED" });
  }

  /** Proposes nothing any more. */
  close(): void {
    this.#isClosed = true;
  }

  #administer(client: NodeId, { id: requestId, command }: AdminRequest): void {
    const isFull = this.#administrations.size >= maxAdministrations;
    const refusal = refusalOfAdministration(command) ?? (isFull ? "OVERLOADED" : undefined);
    if (refusal !== undefined) return this.#reply({ client, requestId }, { kind: "error", code: refusal });
    const id = this.#nextId++;
    this.#administrations.set(id, { client, requestId });
    if (command.kind === "transfer") this.#options.step({ kind: "transfer", requestId: id, to: undefined });
    else this.#options.step({ kind: "change", requestId: id, add: command.add, remove: command.remove });
  }

  /** Whether one more request would exceed a bound; a write's bytes may exceed theirs by that one. */
  #isOverloadedBy({ operation }: ClientRequest): boolean {
    const { maxPendingReads, maxPendingProposals, maxPendingBytes, maxLogBytes } = this.#options.settings;
    if (operation.kind === "read") return this.#reads.size >= maxPendingReads;
    if (this.#options.leaderLogBytes() >= maxLogBytes) return true;
    return this.#queue.length + this.#proposals.size >= maxPendingProposals || this.#pendingBytes >= maxPendingBytes;
  }

  #propose(): void {
    this.#isDeferred = false;
    if (this.#isClosed || this.#queue.length === 0) return;
    this.#proposing = this.#queue;
    this.#queue = [];
    this.#options.step({ kind: "propose", payloads: this.#proposing.map(({ payload }) => payload) });
  }

  #serveRead(readId: number, read: PendingRead): void {
    this.#reads.delete(readId);
    this.#reply(read, this.#options.read(read.key));
  }

  #reply({ client, requestId: id }: Asked, reply: ClientReply["reply"]): void {
    const leader = this.#options.leader();
    const notLeader = reply.kind === "error" && reply.code === "NOT_LEADER" && leader !== null;
    this.#options.send(client, notLeader ? { id, reply, leader } : { id, reply });
  }
}
