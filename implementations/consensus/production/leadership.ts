/**
 * The office of a leader, from its election to the end of its term, of its contact with a majority, or of its vote.
 *
 * It has the log replicated (`replication.ts`), commits what a majority stored, and confirms linearizable reads. Its
 * own entries leave for the followers while they are being written here (section 10.2.1), and count here once they are
 * durable.
 *
 * It sends the log to whoever is in the configuration and counts whoever has a vote in it, itself only if it has one: a
 * leader may be on its way out (`membership.ts`), and hands its office over when it is, or when it is asked to
 * (`handover.ts`).
 *
 * @see Ongaro & Ousterhout 2014, sections 5.4.2, 8; Ongaro 2014, sections 3.10 (handing over), 4.2.2 (a leader
 *   that is removed), 6.2 (a leader without a majority steps down), 6.4 (reads), 10.2.1.
 */

import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Configuration } from "./configuration.ts";
import { isJoint, isQuorum, isVoter, membersOf, quorumOf } from "./configuration.ts";
import type { Counts } from "./counts.ts";
import { Handover } from "./handover.ts";
import { Lease } from "./lease.ts";
import { Membership } from "./membership.ts";
import type { MembershipOutcome, MembershipView } from "./membership.ts";
import type { MessageOf, RaftOptions } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { ReadRounds } from "./read-rounds.ts";
import type { Replica } from "./replica.ts";
import { Replication } from "./replication.ts";

const noPayload = new Uint8Array(0);

export class Leadership {
  readonly #term: number;
  readonly #options: RaftOptions;
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #counts: Counts;
  readonly #replication: Replication;
  readonly #reads: ReadRounds;
  readonly #lease: Lease | undefined;
  readonly #membership: Membership;
  #handover: Handover | undefined;
  #isRemoved = false;
  /** Whether there may be followers that the configuration does not name. */
  #hasFormerMembers = false;
  /** A successor may be elected whenever the request to stand reaches it: no lease is safe for the rest of the term. */
  #hasAskedSuccessor = false;
  #configuration: Configuration;
  #heartbeatDueMs: Millis;

  /** Takes office in `term`: the no-op that opens it leaves at once. */
  constructor(term: number, options: RaftOptions, replica: Replica, counts: Counts, nowMs: Millis) {
    this.#term = term;
    this.#options = options;
    this.#replica = replica;
    this.#outbox = replica.outbox;
    this.#counts = counts;
    this.#reads = new ReadRounds(options.maxPendingReads);
    this.#lease = options.leaseReads ? new Lease(options.electionTimeoutMs, options.maxClockSkew) : undefined;
    this.#membership = new Membership(options.electionTimeoutMs);
    this.#heartbeatDueMs = nowMs + options.heartbeatIntervalMs;
    this.#replication = new Replication(term, options, replica, counts, () => this.#reads.round);
    this.#configuration = replica.configurations.current;
    this.#replication.follow(membersOf(this.#configuration), nowMs);
    replica.propose(term, [noPayload]);
    this.#openLeaseRound(nowMs);
    this.#replication.replicateToAll(nowMs);
  }

  /** It has no vote any more, and that is committed: its office ends. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** This leader cannot go on: the voter that lacks least is asked to stand, so that nobody waits for a timeout. */
  nominateSuccessor(): void {
    const successor = this.#mostUpToDate();
    if (successor !== undefined) this.#askToStand(successor);
  }

  /** When `tick` is wanted next. */
  get heartbeatDueMs(): Millis {
    return this.#heartbeatDueMs;
  }

  /** Refuses, by leaving the proposal unanswered, while the office is handed over. */
  propose(payloads: readonly Uint8Array[], nowMs: Millis): void {
    if (this.#handover !== undefined) return;
    const firstIndex = this.#replica.propose(this.#term, payloads);
    this.#counts.entriesProposed += payloads.length;
    this.#outbox.answerProposal(firstIndex, this.#term);
    this.#replication.replicateToAll(nowMs);
  }

  read(readId: number, nowMs: Millis): void {
    if (this.#lease?.holdsAt(nowMs) === true && this.#hasCommittedInTerm) {
      this.#counts.leaseReads++;
      return this.#outbox.answerRead(readId, this.#replica.commitIndex);
    }
    if (!this.#reads.add(readId)) return this.#outbox.answerRead(readId, undefined);
    this.#beginReadRound(nowMs);
  }

  /**
   * Sends heartbeats when they are due.
   *
   * @returns false when no majority was heard from within an election timeout: others may have a leader by now, and
   *   this one must step down.
   */
  tick(nowMs: Millis): boolean {
    if (nowMs < this.#heartbeatDueMs) return true;
    if (!this.#hasMajority(nowMs)) return false;
    this.#heartbeatDueMs = nowMs + this.#options.heartbeatIntervalMs;
    if (this.#handover?.hasFailedAt(nowMs) === true) this.#endHandover("UNAVAILABLE");
    this.#openLeaseRound(nowMs);
    this.#replication.sendHeartbeats(nowMs);
    this.#handOver(true);
    this.#advanceMembership(nowMs);
    return true;
  }

  /** Changes the voters, by way of a joint configuration; answered when that is done or cannot be. */
  change(requestId: number, add: readonly NodeId[], remove: readonly NodeId[], nowMs: Millis): void {
    const { voters } = this.#configuration;
    const wanted = [...new Set([...voters, ...add])].filter((id) => !remove.includes(id));
    const error =
      wanted.length === 0
        ? "MALFORMED_REQUEST"
        : this.#membership.begin(requestId, wanted, this.#membershipView(nowMs));
    if (error !== undefined) return this.#outbox.answerAdministration({ requestId, error });
    this.#advanceMembership(nowMs);
  }

  /** Hands the office to `to`, or to the voter that lacks least; answered when it is gone, or will not go. */
  transfer(requestId: number, to: NodeId | undefined, nowMs: Millis): void {
    const { id } = this.#options;
    const successor = to ?? this.#mostUpToDate();
    const isPossible = successor !== undefined && successor !== id && isVoter(this.#configuration, successor);
    if (!isPossible || this.#handover !== undefined || this.#replication.progressOf(successor) === undefined) {
      return this.#outbox.answerAdministration({ requestId, error: successor === id ? undefined : "UNAVAILABLE" });
    }
    this.#counts.handovers++;
    this.#handover = new Handover(requestId, successor, nowMs + this.#options.electionTimeoutMs);
    this.#handOver(false);
  }

  /** More of this node's own log is durable. */
  onPersisted(nowMs: Millis): void {
    this.#commit(nowMs);
  }

  onAppendReply(from: NodeId, reply: MessageOf<"AppendReply">, nowMs: Millis): void {
    this.#heardFrom(from, reply.round, nowMs);
    if (this.#replication.onAppendReply(from, reply)) this.#onProgress(from, nowMs);
    this.#replication.proceed(from, nowMs);
  }

  onSnapshotReply(from: NodeId, reply: MessageOf<"SnapshotReply">, nowMs: Millis): void {
    this.#heardFrom(from, reply.round, nowMs);
    if (this.#replication.onSnapshotReply(from, reply, nowMs)) this.#onProgress(from, nowMs);
    this.#replication.proceed(from, nowMs);
  }

  /** Leaves office: reads that were not confirmed were not served. */
  resign(): void {
    for (const readId of this.#reads.abandon()) this.#outbox.answerRead(readId, undefined);
    this.#answer(this.#membership.abandon());
    this.#endHandover(this.#handover?.isAsked === true ? undefined : "UNAVAILABLE");
  }

  #heardFrom(follower: NodeId, round: number, nowMs: Millis): void {
    const progress = this.#replication.progressOf(follower);
    if (progress === undefined) return;
    progress.heardAtMs = nowMs;
    if (round <= progress.echoedRound || round > this.#reads.round) return;
    progress.echoedRound = round;
    this.#onEcho(nowMs);
  }

  #onProgress(from: NodeId, nowMs: Millis): void {
    this.#commit(nowMs);
    if (this.#handover?.to === from) this.#handOver(false);
    if (!this.#isRemoved) this.#advanceMembership(nowMs);
  }

  #hasMajority(nowMs: Millis): boolean {
    const { id, electionTimeoutMs } = this.#options;
    return isQuorum(this.#configuration, (voter) => {
      const heardAtMs = voter === id ? nowMs : (this.#replication.progressOf(voter)?.heardAtMs ?? -Infinity);
      return nowMs - heardAtMs < electionTimeoutMs;
    });
  }

  /**
   * Commits up to the highest index on a quorum, if its entry is of this term (section 5.4.2, figure 8: an entry of
   * an earlier term may be on a majority and still be replaced). What is before it is committed with it.
   */
  #commit(nowMs: Millis): void {
    const { log, commitIndex } = this.#replica;
    const index = quorumOf(this.#configuration, this.#matchIndexOf);
    if (index <= commitIndex || log.termAt(index) !== this.#term) return;
    this.#replica.commitUpTo(index, this.#term);
    if (index >= this.#replica.configurations.currentIndex && !isVoter(this.#configuration, this.#options.id)) {
      return this.#leaveOffice();
    }
    this.#beginReadRound(nowMs);
    this.#dismissFormerMembers();
    this.#advanceMembership(nowMs);
  }

  /** Up to where `voter` holds the log durably; this leader like any other, if it has a vote. */
  readonly #matchIndexOf = (voter: NodeId): number => {
    if (voter === this.#options.id) return this.#replica.durability.stableIndex;
    return this.#replication.progressOf(voter)?.matchIndex ?? 0;
  };

  get #hasCommittedInTerm(): boolean {
    const { log, commitIndex } = this.#replica;
    return log.termAt(commitIndex) === this.#term;
  }

  #beginReadRound(nowMs: Millis): void {
    if (!this.#hasCommittedInTerm || !this.#reads.begin(this.#replica.commitIndex)) return;
    this.#counts.readRounds++;
    if (!this.#hasAskedSuccessor) this.#lease?.sent(this.#reads.round, nowMs);
    this.#replication.announce();
    this.#onEcho(nowMs);
  }

  /** With leases every heartbeat is a round of its own, so that its answers tell when it was sent. */
  #openLeaseRound(nowMs: Millis): void {
    if (this.#lease === undefined || this.#hasAskedSuccessor) return;
    this.#lease.sent(this.#reads.advance(), nowMs);
  }

  /** Somebody answered a newer round: what does a quorum confirm by now? */
  #onEcho(nowMs: Millis): void {
    if (!this.#reads.isAsking && this.#lease === undefined) return;
    const { id } = this.#options;
    const confirmed = quorumOf(this.#configuration, (voter) =>
      voter === id ? this.#reads.round : (this.#replication.progressOf(voter)?.echoedRound ?? 0),
    );
    this.#lease?.confirmed(confirmed);
    if (!this.#reads.isAsking || confirmed < this.#reads.askedRound) return;
    for (const { readId, index } of this.#reads.confirm()) this.#outbox.answerRead(readId, index);
    this.#beginReadRound(nowMs);
  }

  #membershipView(nowMs: Millis): MembershipView {
    const { log, commitIndex, configurations } = this.#replica;
    return {
      configuration: this.#configuration,
      isSettled: configurations.currentIndex <= commitIndex && this.#hasCommittedInTerm,
      lastIndex: log.lastIndex,
      matchIndexOf: this.#matchIndexOf,
      nowMs,
    };
  }

  /** Takes the next step of the change under way, if there is one and its time has come. */
  #advanceMembership(nowMs: Millis): void {
    if (!this.#membership.isBusy && !isJoint(this.#configuration)) return;
    const next = this.#membership.next(this.#membershipView(nowMs));
    this.#answer(this.#membership.takeOutcome());
    if (next === undefined) return;
    this.#counts.configurationsProposed++;
    this.#replica.proposeConfiguration(this.#term, next);
    this.#configuration = next;
    this.#replication.follow(membersOf(next), nowMs);
    this.#replication.replicateToAll(nowMs);
    this.#hasFormerMembers = true;
  }

  #dismissFormerMembers(): void {
    const { configurations, commitIndex } = this.#replica;
    if (!this.#hasFormerMembers || configurations.currentIndex > commitIndex) return;
    this.#hasFormerMembers = false;
    this.#replication.dismissAllBut(membersOf(this.#configuration));
  }

  /** What was just committed leaves this leader without a vote: the others hear of it, and the best one stands. */
  #leaveOffice(): void {
    this.#isRemoved = true;
    this.#answer(this.#membership.finish());
    this.#replication.announce();
    this.nominateSuccessor();
  }

  #mostUpToDate(): NodeId | undefined {
    const { voters } = this.#configuration;
    const candidates = voters.filter((voter) => this.#replication.progressOf(voter) !== undefined);
    return candidates.reduce<NodeId | undefined>((best, voter) => {
      return best === undefined || this.#matchIndexOf(voter) > this.#matchIndexOf(best) ? voter : best;
    }, undefined);
  }

  /** Asks the successor to stand once it holds all that this leader holds; `again`: the request may have got lost. */
  #handOver(again: boolean): void {
    const handover = this.#handover;
    if (handover === undefined || (handover.isAsked && !again)) return;
    if (this.#matchIndexOf(handover.to) < this.#replica.log.lastIndex) return;
    handover.isAsked = true;
    this.#askToStand(handover.to);
  }

  #askToStand(successor: NodeId): void {
    this.#hasAskedSuccessor = true;
    this.#lease?.giveUp();
    this.#outbox.send(successor, { kind: "TimeoutNow", term: this.#term });
  }

  #endHandover(error: MembershipOutcome["error"]): void {
    const requestId = this.#handover?.requestId;
    this.#handover = undefined;
    if (requestId !== undefined) this.#outbox.answerAdministration({ requestId, error });
  }

  #answer(outcome: MembershipOutcome | undefined): void {
    if (outcome !== undefined) this.#outbox.answerAdministration(outcome);
  }
}
