/**
 * Consensus, production: the pure core of a Raft node.
 *
 * How it works: `step(input, nowMs)` takes one input (time, a message, proposals, a read, "this is durable now") and
 * returns what should happen; the host makes it happen (`messages.ts` states the order it must keep). This file holds
 * term, vote, role and time: who leads. `leadership.ts` is a leader's work and `followership.ts` a follower's,
 * `replica.ts` the log that both work on, `outbox.ts` gathers a step's effects.
 *
 * Beyond figure 2 of the paper: pre-vote (a node that could not win does not raise its term), check-quorum (a leader
 * without a majority steps down, and who hears a leader votes for no one else), a no-op at the start of a term,
 * batching and pipelining, conflict hints, ReadIndex, leases, chunked snapshots, changes of membership by joint
 * consensus, and leaders that hand their office over.
 *
 * What leaves before what is durable: AppendEntries leave at once. A reply leaves once the term it speaks of is
 * durable, and acknowledges durable entries only. Vote requests wait for term, own vote *and log* to be durable: a
 * candidate that lost a part of its log in a crash could otherwise be elected for the log it had.
 *
 * Messages of nodes outside the configuration are heard: a leader or candidate may be in a configuration that has not
 * reached this node yet. Whose votes and acknowledgements count is decided by whoever counts them.
 *
 * What it deliberately does not do: it performs nothing, reads no clock, and puts no bound on proposals, which its host
 * must do. The contents of messages are trusted: peers are authenticated.
 *
 * @see Ongaro & Ousterhout 2014, figures 2 and 13; Ongaro 2014, sections 3.10, 4.2, 4.3, 6.2, 6.4, 9.6, 10.2.1.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { Random } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusView, Role } from "../contract.ts";
import type { Configuration } from "./configuration.ts";
import { isQuorum, isVoter } from "./configuration.ts";
import { Counts } from "./counts.ts";
import { Followership } from "./followership.ts";
import { Leadership } from "./leadership.ts";
import type { Effects, MessageOf, RaftInput, RaftMessage, RaftOptions, Recovered } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { Replica } from "./replica.ts";

export class Raft {
  readonly #options: RaftOptions;
  readonly #random: Random;
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #followership: Followership;
  readonly #counts = new Counts();
  #term: number;
  #votedFor: NodeId | null;
  #role: Role = "follower";
  #leader: NodeId | null = null;
  /** Defined exactly in role "leader". */
  #leadership: Leadership | undefined;
  /** Who granted the (pre-)candidacy under way. */
  readonly #votes = new Set<NodeId>();
  #electionDueMs: Millis;
  #leaderHeardAtMs: Millis = -Infinity;
  #isStorageHealthy = true;
  #nowMs: Millis;
  /** How far the host's clock was set back in all; the core's own time never goes back. */
  #setBackMs: Millis = 0;

  /** @throws AssertionError on options or a recovered log that cannot be: a programmer's error. */
  constructor(options: RaftOptions, recovered: Recovered, random: Random, nowMs: Millis) {
    const { voters } = options;
    assert(new Set(voters).size === voters.length, `voters ${voters.join(", ")} are distinct`);
    this.#options = options;
    this.#random = random;
    this.#replica = new Replica(options, recovered);
    this.#outbox = this.#replica.outbox;
    this.#followership = new Followership(this.#replica, options.maxSnapshotBytes, this.#counts);
    this.#term = recovered.hardState.term;
    this.#votedFor = recovered.hardState.votedFor;
    assert(this.#term >= this.#replica.log.lastTerm, "the term is not older than the log");
    this.#nowMs = nowMs;
    this.#electionDueMs = nowMs + this.#drawTimeoutMs();
    // An earlier life may have heard a leader just now, and that leader may count on it.
    if (options.leaseReads && this.#term > 0) this.#leaderHeardAtMs = nowMs;
  }

  /**
   * Takes one input and returns what it entails.
   *
   * @param nowMs the host's time; when it falls, the difference is ignored.
   * @throws AssertionError when a safety property is broken: two leaders in one term, a committed entry replaced.
   */
  step(input: RaftInput, nowMs: Millis): Effects {
    this.#advanceTo(nowMs);
    switch (input.kind) {
      case "tick":
        this.#tick();
        break;
      case "message":
        if (input.from !== this.#options.id) this.#receive(input.from, input.message);
        break;
      case "propose":
        assert(input.payloads.length > 0, "a proposal has a payload");
        this.#leadership?.propose(input.payloads, this.#nowMs);
        break;
      case "read":
        if (this.#leadership === undefined) this.#outbox.answerRead(input.readId, undefined);
        else this.#leadership.read(input.readId, this.#nowMs);
        break;
      case "persisted":
        this.#onPersisted(input.sequence);
        break;
      case "storage":
        this.#onStorage(input.healthy);
        break;
      case "snapshot-saved":
        this.#replica.compact(input.snapshot);
        break;
      case "change":
        if (this.#leadership === undefined) this.#refuse(input.requestId);
        else this.#leadership.change(input.requestId, input.add, input.remove, this.#nowMs);
        break;
      case "transfer":
        if (this.#leadership === undefined) this.#refuse(input.requestId);
        else this.#leadership.transfer(input.requestId, input.to, this.#nowMs);
        break;
      default:
        unreachable(input);
    }
    if (this.#leadership?.isRemoved === true) this.#becomeFollower(this.#term, null);
    return this.#outbox.take();
  }

  /** When a "tick" is wanted next, on the host's clock; every step may move it, in either direction. */
  get wakeAtMs(): Millis {
    return (this.#leadership?.heartbeatDueMs ?? this.#electionDueMs) - this.#setBackMs;
  }

  view(): Omit<ConsensusView, "life" | "appliedIndex"> {
    return {
      term: this.#term,
      votedFor: this.#votedFor,
      role: this.#role,
      leader: this.#leader,
      commitIndex: this.#replica.commitIndex,
      lastIndex: this.#replica.log.lastIndex,
    };
  }

  get role(): Role {
    return this.#role;
  }

  /** The leader of the current term, as far as this node knows. */
  get leader(): NodeId | null {
    return this.#leader;
  }

  /** The first index that is still in the log. */
  get firstIndex(): number {
    return this.#replica.log.firstIndex;
  }

  /** The configuration that holds at `index`, for a snapshot of the state there; undefined: the founders'. */
  snapshotConfiguration(index: number): Configuration | undefined {
    return this.#replica.snapshotConfiguration(index);
  }

  /** Entries held in memory. */
  get logEntryCount(): number {
    return this.#replica.log.length;
  }

  /** About what the entries held in memory take there. */
  get logBytes(): number {
    return this.#replica.log.bytes;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#counts.named();
  }

  #refuse(requestId: number): void {
    this.#outbox.answerAdministration({ requestId, error: "NOT_LEADER" });
  }

  #advanceTo(hostNowMs: Millis): void {
    const nowMs = hostNowMs + this.#setBackMs;
    if (nowMs >= this.#nowMs) this.#nowMs = nowMs;
    else this.#setBackMs += this.#nowMs - nowMs;
  }

  #tick(): void {
    if (this.#leadership === undefined) {
      if (this.#nowMs >= this.#electionDueMs) this.#onSilence();
    } else if (!this.#leadership.tick(this.#nowMs)) {
      this.#becomeFollower(this.#term, null);
    }
  }

  #onPersisted(sequence: number): void {
    this.#replica.durability.confirm(sequence);
    this.#leadership?.onPersisted(this.#nowMs);
    // The own vote counts like any other: once it cannot be forgotten.
    if (this.#role === "candidate" && this.#replica.durability.isHardStateDurable) this.#countVote(this.#options.id);
  }

  #onStorage(healthy: boolean): void {
    this.#isStorageHealthy = healthy;
    if (healthy || this.#role === "follower") return;
    this.#leadership?.nominateSuccessor();
    this.#becomeFollower(this.#term, null);
  }

  #receive(from: NodeId, message: RaftMessage): void {
    switch (message.kind) {
      case "VoteRequest":
        return message.preVote ? this.#onPreVoteRequest(from, message) : this.#onVoteRequest(from, message);
      case "VoteReply":
        return this.#onVoteReply(from, message);
      case "AppendEntries":
        return this.#onAppendEntries(from, message);
      case "InstallSnapshot":
        return this.#onInstallSnapshot(from, message);
      case "AppendReply":
        if (this.#isOfMyTerm(message.term)) this.#leadership?.onAppendReply(from, message, this.#nowMs);
        return;
      case "SnapshotReply":
        if (this.#isOfMyTerm(message.term)) this.#leadership?.onSnapshotReply(from, message, this.#nowMs);
        return;
      case "TimeoutNow":
        return this.#onTimeoutNow(message.term);
    }
  }

  /** No leader was heard from. Who has no vote does not stand: it could not win, and would only disturb. */
  #onSilence(): void {
    if (this.#canStand()) return this.#startPreVote();
    this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
    this.#leader = null;
    this.#setRole("follower");
  }

  #canStand(): boolean {
    return this.#isStorageHealthy && isVoter(this.#replica.configurations.current, this.#options.id);
  }

  /** Dissertation, section 9.6: asks whether an election could be won, without raising the term. */
  #startPreVote(): void {
    this.#counts.preVotesStarted++;
    this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
    this.#leader = null;
    this.#setRole("pre-candidate");
    this.#votes.clear();
    for (const voter of this.#otherVoters()) this.#outbox.send(voter, this.#voteRequest(this.#term + 1, true));
    this.#countVote(this.#options.id);
  }

  /** @param isHandover the leader asked for it. */
  #startElection(isHandover = false): void {
    this.#counts.electionsStarted++;
    this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
    this.#term++;
    this.#votedFor = this.#options.id;
    this.#setRole("candidate");
    this.#votes.clear();
    this.#persistHardState();
    for (const voter of this.#otherVoters()) {
      this.#outbox.sendWhenDurable(voter, this.#voteRequest(this.#term, false, isHandover));
    }
  }

  /**
   * A set, not a number: a second vote of the same voter adds nothing. Whether it has a vote is asked when counting.
   */
  #countVote(voter: NodeId): void {
    this.#votes.add(voter);
    if (!isQuorum(this.#replica.configurations.current, (each) => this.#votes.has(each))) return;
    if (this.#role === "pre-candidate") this.#startElection();
    else this.#becomeLeader();
  }

  #otherVoters(): NodeId[] {
    const { voters, outgoing } = this.#replica.configurations.current;
    return [...new Set([...voters, ...outgoing])].filter((voter) => voter !== this.#options.id);
  }

  #voteRequest(term: number, preVote: boolean, isHandover = false): RaftMessage {
    const { lastIndex, lastTerm } = this.#replica.log;
    const request = { kind: "VoteRequest", term, preVote, lastLogIndex: lastIndex, lastLogTerm: lastTerm } as const;
    return isHandover ? { ...request, isHandover } : request;
  }

  /** Answers whether the sender could win an election in the term it names. Changes nothing here. */
  #onPreVoteRequest(from: NodeId, { term, lastLogIndex, lastLogTerm }: MessageOf<"VoteRequest">): void {
    const mayVote = this.#isStorageHealthy && !this.#hearsLeader();
    const granted = term > this.#term && mayVote && this.#replica.isUpToDate(lastLogIndex, lastLogTerm);
    this.#outbox.reply(from, { kind: "VoteReply", term: granted ? term : this.#term, preVote: true, granted });
  }

  /** The leader of the present term asks this node to stand; a request of an earlier term comes too late. */
  #onTimeoutNow(term: number): void {
    if (term !== this.#term || this.#role !== "follower" || !this.#canStand()) return;
    this.#leader = null;
    this.#startElection(true);
  }

  #onVoteRequest(from: NodeId, message: MessageOf<"VoteRequest">): void {
    const { term, lastLogIndex, lastLogTerm, isHandover } = message;
    if (term > this.#term) {
      // Section 6 of the paper: who hears a leader neither votes nor takes the term over, or the leader would fall.
      if (this.#hearsLeader() && isHandover !== true) return;
      this.#becomeFollower(term, null);
    }
    const isFree = this.#votedFor === from || (this.#votedFor === null && this.#leader === null);
    const granted = term === this.#term && isFree && this.#replica.isUpToDate(lastLogIndex, lastLogTerm);
    if (granted) {
      this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
      if (this.#votedFor === null) {
        this.#votedFor = from;
        this.#persistHardState();
      }
    }
    this.#outbox.reply(from, { kind: "VoteReply", term: this.#term, preVote: false, granted });
  }

  #onVoteReply(from: NodeId, { term, preVote, granted }: MessageOf<"VoteReply">): void {
    // A granted pre-vote names the term asked about, which nobody may have entered; any other reply names a real term.
    if (term > this.#term && !(preVote && granted)) return this.#becomeFollower(term, null);
    if (!granted) return;
    const isForMe = preVote
      ? this.#role === "pre-candidate" && term === this.#term + 1
      : this.#role === "candidate" && term === this.#term;
    if (isForMe) this.#countVote(from);
  }

  #becomeLeader(): void {
    this.#counts.electionsWon++;
    this.#leader = this.#options.id;
    this.#setRole("leader");
    this.#leadership = new Leadership(this.#term, this.#options, this.#replica, this.#counts, this.#nowMs);
  }

  /** Follows `leader`, if it is known, in `term`, which may be the present one. */
  #becomeFollower(term: number, leader: NodeId | null): void {
    if (this.#leadership !== undefined) {
      this.#counts.stepDowns++;
      this.#leadership.resign();
      this.#leadership = undefined;
      this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
    }
    const isNewTerm = term > this.#term;
    if (isNewTerm) {
      this.#term = term;
      this.#votedFor = null;
      this.#persistHardState();
    }
    this.#leader = leader;
    this.#setRole("follower", isNewTerm);
  }

  #setRole(role: Role, isNewTerm = role === "candidate"): void {
    if (role === this.#role && !isNewTerm) return;
    this.#role = role;
    this.#outbox.trace({ kind: "role", term: this.#term, role });
  }

  /**
   * Whether a leader is at work, as far as this node can tell: then an election would only disturb. Leases count on it,
   * so it holds for an election timeout whatever this node has heard since, of a later term for example.
   */
  #hearsLeader(): boolean {
    return this.#leadership !== undefined || this.#nowMs - this.#leaderHeardAtMs < this.#options.electionTimeoutMs;
  }

  #onAppendEntries(from: NodeId, message: MessageOf<"AppendEntries">): void {
    if (this.#follow(from, message.term)) return this.#followership.onAppendEntries(from, message);
    const { prevLogIndex, round } = message;
    const refusal = { kind: "AppendReply", term: this.#term, success: false, matchIndex: prevLogIndex } as const;
    this.#outbox.reply(from, { ...refusal, conflictIndex: 0, conflictTerm: 0, round });
  }

  #onInstallSnapshot(from: NodeId, message: MessageOf<"InstallSnapshot">): void {
    if (this.#follow(from, message.term)) return this.#followership.onInstallSnapshot(from, message);
    const { lastIncludedIndex, round } = message;
    const refusal = { kind: "SnapshotReply", term: this.#term, lastIncludedIndex, nextOffsetBytes: 0 } as const;
    this.#outbox.reply(from, { ...refusal, installed: false, round });
  }

  /** Whoever leads the present or a later term is followed. @returns false for a leader of the past: it is told so. */
  #follow(leader: NodeId, term: number): boolean {
    if (term < this.#term) return false;
    assert(term > this.#term || this.#leadership === undefined, `${leader} does not lead term ${term}, which is mine`);
    if (term > this.#term || this.#role !== "follower") this.#becomeFollower(term, leader);
    this.#leader = leader;
    this.#leaderHeardAtMs = this.#nowMs;
    this.#electionDueMs = this.#nowMs + this.#drawTimeoutMs();
    return true;
  }

  /** Whether a reply belongs to the present term; a later one is taken over, an earlier one is late. */
  #isOfMyTerm(term: number): boolean {
    if (term > this.#term) this.#becomeFollower(term, null);
    return term === this.#term;
  }

  #persistHardState(): void {
    this.#outbox.persistHardState({ term: this.#term, votedFor: this.#votedFor });
  }

  /** Uniform in [T, 2T), drawn anew each time: equal timeouts would split votes for ever (section 5.2). */
  #drawTimeoutMs(): Millis {
    return this.#options.electionTimeoutMs * (1 + this.#random.float());
  }
}
