/**
 * Consensus, minimal: Raft as figure 2 of its paper, for reading and for judging others by.
 *
 * How it works: `RaftNode` keeps the state of figure 2 and follows its rules; `StateMachine` executes what the log
 * committed. A call to a peer is a direct function call that answers at once or not at all, so an election is decided
 * when `startElection` returns, and a proposal on a connected leader is committed when `propose` returns. Without a
 * majority it stays pending: it may still be committed later, and nobody can say that it will not.
 *
 * Reads go through the log like every other command. They are linearizable with no further machinery: neither leases
 * nor ReadIndex, both of which need arguments of their own.
 *
 * What it deliberately does not do:
 * - Nothing is durable. A node that crashes comes back empty and may vote twice in a term; Raft promises nothing then.
 * - No snapshots: the log only grows, up to `maxLogEntries`, and then the leader refuses.
 * - No no-op at the start of a term: what an earlier leader left uncommitted waits for the next client request.
 * - No pre-vote and no check-quorum: a returning node can unseat a leader, and a leader cut off believes in itself.
 * - No batching of proposals, no membership change.
 *
 * @see Ongaro & Ousterhout 2014, "In search of an understandable consensus algorithm (extended version)", section 5 and
 *   figure 2; section 8 for exactly-once execution.
 */

import { assert, unreachable } from "../foundation/assert.ts";
import { crc32c } from "../foundation/crc32c.ts";
import type { Request } from "../foundation/deployment.ts";
import type { Random } from "../foundation/effects.ts";
import type { ErrorCode } from "../foundation/errors.ts";
import type { Millis, NodeId, ProcessId } from "../foundation/units.ts";
import { limits } from "./contract.ts";
import type {
  ConsensusEvent,
  ConsensusOperation,
  ConsensusReply,
  ConsensusState,
  ConsensusView,
  Role,
} from "./contract.ts";

type RegisterOperation = Exclude<ConsensusOperation, { readonly kind: "append" }>;

/**
 * Executes `operation` on a register that holds `value`; null: it was never written.
 *
 * Pure: it is also the sequential model by which a linearizability checker judges any implementation.
 */
export function applyToRegister(
  value: string | null,
  operation: RegisterOperation,
): { readonly value: string | null; readonly reply: ConsensusReply } {
  switch (operation.kind) {
    case "read":
      return { value, reply: { kind: "ok", result: { kind: "read", value } } };
    case "write":
      return { value: operation.value, reply: { kind: "ok", result: { kind: "write" } } };
    case "cas":
      if (value !== operation.from) return { value, reply: { kind: "error", code: "PRECONDITION_FAILED" } };
      return { value: operation.to, reply: { kind: "ok", result: { kind: "cas" } } };
    default:
      return unreachable(operation);
  }
}

/** What the log is executed on: registers, one list, and each client's newest reply. */
export class StateMachine {
  readonly #registers = new Map<string, string>();
  readonly #list: string[] = [];
  /** Nothing is forgotten, so a retry is always recognised; bounded by the log, since a session has an entry in it. */
  readonly #sessions = new Map<ProcessId, { readonly sequence: number; readonly reply: ConsensusReply }>();

  /**
   * Executes `request` unless it was executed before: then the stored reply is given again (section 8).
   *
   * @returns SESSION_EXPIRED for a request older than the session's newest one, whose reply is no longer known.
   */
  apply(request: Request<ConsensusOperation>): ConsensusReply {
    const { session, sequence, operation } = request;
    const newest = this.#sessions.get(session);
    if (newest !== undefined && sequence === newest.sequence) return newest.reply;
    if (newest !== undefined && sequence < newest.sequence) return { kind: "error", code: "SESSION_EXPIRED" };
    const reply = this.#execute(operation);
    this.#sessions.set(session, { sequence, reply });
    return reply;
  }

  canonical(): ConsensusState {
    return { registers: [...this.#registers].sort(([a], [b]) => (a < b ? -1 : 1)), list: [...this.#list] };
  }

  #execute(operation: ConsensusOperation): ConsensusReply {
    if (operation.kind === "append") {
      const position = this.#list.push(operation.value);
      return { kind: "ok", result: { kind: "append", position } };
    }
    const { value, reply } = applyToRegister(this.#registers.get(operation.key) ?? null, operation);
    if (value !== null) this.#registers.set(operation.key, value);
    return reply;
  }
}

/** One command in the log. Nodes share entries by reference, so nothing ever changes one. */
export interface Entry {
  readonly term: number;
  readonly request: Request<ConsensusOperation>;
  /** CRC32C of the encoded request, by which the trace names the command. */
  readonly digest: number;
}

/** Figure 2, RequestVote RPC. */
export interface VoteRequest {
  readonly term: number;
  readonly candidate: NodeId;
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
}

export interface VoteReply {
  readonly term: number;
  readonly granted: boolean;
}

/** Figure 2, AppendEntries RPC; without entries it is a heartbeat. */
export interface AppendRequest {
  readonly term: number;
  readonly leader: NodeId;
  /** Index and term of the entry just before `entries`; 0 and 0 when they are the first. */
  readonly prevLogIndex: number;
  readonly prevLogTerm: number;
  readonly entries: readonly Entry[];
  readonly leaderCommit: number;
}

export interface AppendReply {
  readonly term: number;
  readonly success: boolean;
}

/**
 * Direct calls of the other nodes' handlers; undefined: no answer. The request may have taken effect nevertheless, just
 * as a network loses a reply.
 */
export interface Peers {
  requestVote(to: NodeId, request: VoteRequest): VoteReply | undefined;
  appendEntries(to: NodeId, request: AppendRequest): AppendReply | undefined;
}

export interface RaftNodeOptions {
  readonly id: NodeId;
  /** All nodes of the cluster, `id` included, each once. */
  readonly voters: readonly NodeId[];
  /** An election starts after [electionTimeoutMs, 2 x electionTimeoutMs) without word from a leader. */
  readonly electionTimeoutMs: Millis;
  /** Well below `electionTimeoutMs`. */
  readonly heartbeatIntervalMs: Millis;
  /** The leader refuses proposals when its log is this long. */
  readonly maxLogEntries: number;
  /** Counts this node's starts from 1; for the trace only. */
  readonly life: number;
  /** The time at which the node starts, on the clock of every later `nowMs`. */
  readonly nowMs: Millis;
  readonly random: Random;
  readonly peers: Peers;
  /** "stop" is the host's to tell. */
  readonly trace: (event: ConsensusEvent) => void;
  /** Called for each entry when it is applied, in order, so that the host can answer a pending client. */
  readonly onApplied: (index: number, term: number, reply: ConsensusReply) => void;
}

/**
 * What became of a proposal. pending: it is in the log at `index` and `onApplied` tells when that index is applied; if
 * the term differs then, another leader's entry took its place. refused: nothing was proposed; ask `leader` if known.
 */
export type Proposal =
  | { readonly kind: "done"; readonly reply: ConsensusReply }
  | { readonly kind: "pending"; readonly index: number; readonly term: number }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly leader: NodeId | null };

/** A follower as its leader sees it: the index to send next, and the highest known to match (0: none). */
interface Progress {
  nextIndex: number;
  matchIndex: number;
}

/** Bounds of one AppendEntries, and of calling one follower in a row: a heartbeat later it goes on. */
const maxEntriesPerCall = 64;
const maxCallsPerRound = 4096;

const utf8 = new TextEncoder();

/** One node. Time is told with every call, so that the node needs no clock and no timer of its own. */
export class RaftNode {
  readonly #options: RaftNodeOptions;
  readonly #machine = new StateMachine();
  readonly #peers: readonly NodeId[];
  readonly #majority: number;

  // Figure 2, "persistent state on all servers": here it lives in memory, and that is the tradeoff.
  #term = 0;
  #votedFor: NodeId | null = null;
  /** The entry of index i is at position i - 1: log indexes count from 1. */
  readonly #log: Entry[] = [];

  // Figure 2, "volatile state on all servers" and "on leaders".
  #commitIndex = 0;
  #appliedIndex = 0;
  readonly #followers = new Map<NodeId, Progress>();

  #role: Role = "follower";
  #leader: NodeId | null = null;
  #electionDueMs = 0;
  #heartbeatDueMs = 0;
  #lastApplied: { readonly index: number; readonly reply: ConsensusReply } | undefined;

  constructor(options: RaftNodeOptions) {
    const { id, voters, life, trace } = options;
    assert(new Set(voters).size === voters.length, `voters ${voters.join(", ")} are distinct`);
    assert(voters.includes(id), `${id} is one of the voters ${voters.join(", ")}`);
    this.#options = options;
    this.#peers = voters.filter((voter) => voter !== id);
    this.#majority = Math.floor(voters.length / 2) + 1;
    trace({ kind: "start", life, term: 0, votedFor: null, snapshotIndex: 0, snapshotTerm: 0, entries: [] });
    this.#awaitLeader(options.nowMs);
  }

  /** When `tick` is wanted next, in milliseconds on the node's clock; every call may move it, in either direction. */
  get wakeAtMs(): Millis {
    return this.#role === "leader" ? this.#heartbeatDueMs : this.#electionDueMs;
  }

  /** The leader of the current term, as far as this node knows. */
  get leader(): NodeId | null {
    return this.#leader;
  }

  get logLength(): number {
    return this.#log.length;
  }

  /** Does what is due at `nowMs`: a leader's heartbeat, or an election when no leader was heard from (section 5.2). */
  tick(nowMs: Millis): void {
    if (nowMs < this.wakeAtMs) return;
    if (this.#role === "leader") this.appendEntries(nowMs);
    else this.startElection(nowMs);
  }

  /** Becomes candidate of a new term and asks everyone for their vote; with a majority, leader (section 5.2). */
  startElection(nowMs: Millis): void {
    const { id, peers, trace } = this.#options;
    const term = ++this.#term;
    this.#votedFor = id;
    this.#leader = null;
    this.#setRole("candidate");
    trace({ kind: "vote", term, candidate: id });
    this.#awaitLeader(nowMs);

    const request = { term, candidate: id, lastLogIndex: this.#log.length, lastLogTerm: this.#lastTerm };
    let votes = 1;
    for (const peer of this.#peers) {
      const reply = peers.requestVote(peer, request);
      if (reply !== undefined && reply.term > this.#term) this.#becomeFollower(reply.term, nowMs);
      if (!this.#holds("candidate", term)) return;
      if (reply?.granted === true) votes++;
    }
    if (votes >= this.#majority) this.#becomeLeader(nowMs);
  }

  /** Figure 2, RequestVote RPC, receiver implementation: one vote per term, to a log no less up-to-date. */
  handleVoteRequest(request: VoteRequest, nowMs: Millis): VoteReply {
    const { term, candidate } = request;
    if (term > this.#term) this.#becomeFollower(term, nowMs);
    const isFree = this.#votedFor === null || this.#votedFor === candidate;
    const granted = term === this.#term && isFree && this.#isUpToDate(request);
    if (granted) {
      this.#votedFor = candidate;
      this.#options.trace({ kind: "vote", term, candidate });
      this.#awaitLeader(nowMs);
    }
    return { term: this.#term, granted };
  }

  /**
   * Leader: brings the log of every follower that answers up to date, then commits what a majority stores. It is the
   * heartbeat too. On any other node it does nothing.
   */
  appendEntries(nowMs: Millis): void {
    if (this.#role !== "leader") return;
    const term = this.#term;
    this.#heartbeatDueMs = nowMs + this.#options.heartbeatIntervalMs;
    for (const [peer, progress] of this.#followers) {
      this.#bringUpToDate(peer, progress, nowMs);
      if (!this.#holds("leader", term)) return;
    }
    this.commitEntries();
  }

  /** Figure 2, AppendEntries RPC, receiver implementation; the numbers are the paper's. */
  handleAppendEntries(request: AppendRequest, nowMs: Millis): AppendReply {
    // 1. A leader of the past is told the present term.
    if (request.term < this.#term) return { term: this.#term, success: false };
    // Whoever sends this won the election of its term, so a candidate of that term lost it. The receiver is a leader of
    // that very term only if a crash made someone forget a vote; yielding is as good as anything then.
    if (request.term > this.#term || this.#role !== "follower") this.#becomeFollower(request.term, nowMs);
    this.#leader = request.leader;
    this.#awaitLeader(nowMs);
    // 2. Without the entry before, nothing is known about what lies between (log matching, section 5.3).
    if (this.#termAt(request.prevLogIndex) !== request.prevLogTerm) return { term: this.#term, success: false };
    // 3. and 4.
    this.#store(request.prevLogIndex, request.entries);
    // 5. Only what this request covered is known to equal the leader's log; what lies past it may yet be replaced.
    const lastCovered = request.prevLogIndex + request.entries.length;
    this.#commitUpTo(Math.min(request.leaderCommit, lastCovered));
    return { term: this.#term, success: true };
  }

  /**
   * Leader: commits up to the highest entry that a majority stores, if it is of the current term, and applies it.
   *
   * An entry of an earlier term is never committed by counting: a majority may store it and a later leader may still
   * replace it (section 5.4.2, figure 8). It is committed with the first entry of the current term that follows it.
   */
  commitEntries(): void {
    if (this.#role !== "leader") return;
    const stored = [this.#log.length, ...[...this.#followers.values()].map((follower) => follower.matchIndex)];
    stored.sort((left, right) => right - left);
    const onMajority = stored[this.#majority - 1] ?? 0;
    // Terms never fall along a log: if the highest such entry is of an earlier term, so are all before it.
    if (this.#termAt(onMajority) === this.#term) this.#commitUpTo(onMajority);
  }

  /**
   * Leader: appends `request` to the log and replicates it. Sending the same request again, with the same session and
   * sequence, is safe: it is executed once.
   *
   * @returns refused with NOT_LEADER, OVERLOADED (the log is full) or MALFORMED_REQUEST (longer than `limits`).
   */
  propose(request: Request<ConsensusOperation>, nowMs: Millis): Proposal {
    const refused = (code: ErrorCode): Proposal => ({ kind: "refused", code, leader: this.#leader });
    if (this.#role !== "leader") return refused("NOT_LEADER");
    if (!isWithinLimits(request.operation)) return refused("MALFORMED_REQUEST");
    if (this.#log.length >= this.#options.maxLogEntries) return refused("OVERLOADED");

    const term = this.#term;
    const index = this.#log.length + 1;
    this.#store(index - 1, [newEntry(term, request)]);
    this.#lastApplied = undefined;
    this.appendEntries(nowMs);
    const reply = this.#replyAt(index);
    return reply === undefined ? { kind: "pending", index, term } : { kind: "done", reply };
  }

  view(): ConsensusView {
    return {
      life: this.#options.life,
      term: this.#term,
      votedFor: this.#votedFor,
      role: this.#role,
      leader: this.#leader,
      commitIndex: this.#commitIndex,
      appliedIndex: this.#appliedIndex,
      lastIndex: this.#log.length,
    };
  }

  canonical(): ConsensusState {
    return this.#machine.canonical();
  }

  /** Section 5.2: the first thing a leader does is to say so, which keeps the others from elections of their own. */
  #becomeLeader(nowMs: Millis): void {
    this.#leader = this.#options.id;
    this.#followers.clear();
    for (const peer of this.#peers) this.#followers.set(peer, { nextIndex: this.#log.length + 1, matchIndex: 0 });
    this.#setRole("leader");
    this.appendEntries(nowMs);
  }

  /** Figure 2, rules for all servers: whoever sees a higher term, in a request or a reply, adopts it and follows. */
  #becomeFollower(term: number, nowMs: Millis): void {
    if (term > this.#term) {
      this.#term = term;
      this.#votedFor = null;
    }
    if (this.#role === "leader") this.#awaitLeader(nowMs); // It had no election timer until now.
    this.#leader = null;
    this.#setRole("follower");
  }

  #setRole(role: Role): void {
    this.#role = role;
    this.#options.trace({ kind: "role", term: this.#term, role });
  }

  /** Whether this node still is what it was before a call to a peer, whose answer may have ended its office. */
  #holds(role: Role, term: number): boolean {
    return this.#role === role && this.#term === term;
  }

  /** Restarts the election timer; a random length makes split votes rare and resolves them quickly (section 5.2). */
  #awaitLeader(nowMs: Millis): void {
    this.#electionDueMs = nowMs + this.#options.electionTimeoutMs * (1 + this.#options.random.float());
  }

  /** Section 5.4.1: the log with the later last term is more up-to-date; with equal last terms, the longer one. */
  #isUpToDate({ lastLogIndex, lastLogTerm }: VoteRequest): boolean {
    if (lastLogTerm !== this.#lastTerm) return lastLogTerm > this.#lastTerm;
    return lastLogIndex >= this.#log.length;
  }

  /** Section 5.3: goes back one entry at each refusal until the logs agree, then sends everything that follows. */
  #bringUpToDate(peer: NodeId, progress: Progress, nowMs: Millis): void {
    const { id, peers } = this.#options;
    const term = this.#term;
    for (let calls = 0; calls < maxCallsPerRound; calls++) {
      const prevLogIndex = progress.nextIndex - 1;
      const prevLogTerm = this.#termAt(prevLogIndex) ?? 0;
      const entries = this.#log.slice(prevLogIndex, prevLogIndex + maxEntriesPerCall);
      const leaderCommit = this.#commitIndex;
      const reply = peers.appendEntries(peer, { term, leader: id, prevLogIndex, prevLogTerm, entries, leaderCommit });
      if (reply !== undefined && reply.term > this.#term) this.#becomeFollower(reply.term, nowMs);
      if (reply === undefined || !this.#holds("leader", term)) return;
      if (!reply.success) {
        progress.nextIndex = Math.max(1, progress.nextIndex - 1);
        continue;
      }
      // What this request covered, not where the follower's log ends: past it there may be entries of other leaders.
      progress.matchIndex = prevLogIndex + entries.length;
      progress.nextIndex = progress.matchIndex + 1;
      if (progress.matchIndex === this.#log.length) return;
    }
  }

  /**
   * Puts `entries` after index `after`. Only an entry that conflicts, same index and another term, removes it and what
   * follows it: a late duplicate of an old request must not remove what was acknowledged since (section 5.3).
   */
  #store(after: number, entries: readonly Entry[]): void {
    const isNew = (entry: Entry, offset: number): boolean => this.#termAt(after + 1 + offset) !== entry.term;
    const firstNew = entries.findIndex(isNew);
    if (firstNew === -1) return;
    const kept = after + firstNew;
    const added = entries.slice(firstNew);
    this.#log.splice(kept, Infinity, ...added);
    const traced = added.map(({ term, digest }) => ({ term, digest }));
    this.#options.trace({ kind: "append", after: kept, entries: traced });
  }

  /** Moves the commit index to `index` unless it is there already, and applies what that committed. Never goes back. */
  #commitUpTo(index: number): void {
    if (index <= this.#commitIndex) return;
    this.#commitIndex = index;
    this.#options.trace({ kind: "commit", term: this.#term, index });
    while (this.#appliedIndex < this.#commitIndex) this.#applyNext();
  }

  #applyNext(): void {
    const { trace, onApplied } = this.#options;
    const index = ++this.#appliedIndex;
    const entry = this.#log[index - 1];
    assert(entry !== undefined, `the log holds the committed entry ${index}`);
    const reply = this.#machine.apply(entry.request);
    this.#lastApplied = { index, reply };
    trace({ kind: "apply", index, digests: [entry.digest] });
    onApplied(index, entry.term, reply);
  }

  /** The reply of the entry that was applied last, if it is the one at `index`. */
  #replyAt(index: number): ConsensusReply | undefined {
    return this.#lastApplied?.index === index ? this.#lastApplied.reply : undefined;
  }

  get #lastTerm(): number {
    return this.#log.at(-1)?.term ?? 0;
  }

  /** The term of the entry at `index`; 0 before the first; undefined past the last. */
  #termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#log[index - 1]?.term;
  }
}

/** Copies the request's own fields: what a host carries beside them does not belong in the log. */
function newEntry(term: number, { session, sequence, operation }: Request<ConsensusOperation>): Entry {
  const request = { session, sequence, operation };
  return { term, request, digest: crc32c(utf8.encode(JSON.stringify(request))) };
}

function isWithinLimits(operation: ConsensusOperation): boolean {
  const key = "key" in operation ? operation.key : "";
  const value = operation.kind === "cas" ? operation.to : operation.kind === "read" ? "" : operation.value;
  return utf8.encode(key).length <= limits.keyBytes && utf8.encode(value).length <= limits.valueBytes;
}
