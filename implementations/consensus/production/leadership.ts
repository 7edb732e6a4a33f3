/**
 * The office of a leader, from its election to the end of its term or of its contact with a majority.
 *
 * It replicates the log (batched, pipelined, followers independent of each other), commits what a majority stored,
 * confirms linearizable reads, and brings followers that fell behind the log's beginning up by snapshot. Its own
 * entries leave for the followers while they are being written here (section 10.2.1), and count here once they are
 * durable.
 *
 * Nothing waits for a particular reply. A heartbeat follows on the last entry sent, so its answer shows what was lost
 * on the way there or back: a refusal sends the leader back to where the logs agree, an acceptance frees the window.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.3, 5.4.2, 7, 8; Ongaro 2014, sections 6.2 (a leader without a majority
 *   steps down), 6.4 (reads), 10.2.1.
 */

import { assert } from "../../foundation/assert.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Counts } from "./counts.ts";
import type { MessageOf, RaftOptions } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { Progress } from "./progress.ts";
import type { Transfer } from "./progress.ts";
import { majorityOf, quorumIndex } from "./quorum.ts";
import { ReadRounds } from "./read-rounds.ts";
import type { Replica } from "./replica.ts";

type AppendEntries = MessageOf<"AppendEntries">;

/** A chunk that was not answered for this many heartbeat intervals is sent again. */
const resendAfterHeartbeats = 2;

const noPayload = new Uint8Array(0);

export class Leadership {
  readonly #term: number;
  readonly #options: RaftOptions;
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #counts: Counts;
  readonly #followers = new Map<NodeId, Progress>();
  readonly #majority: number;
  readonly #reads: ReadRounds;
  /** Room to gather match indexes in, leader's included. */
  readonly #matchIndexes: number[];
  #heartbeatDueMs: Millis;
  /** Followers in step get the same message object: its sender may encode it once. */
  #newest: AppendEntries | undefined;

  /** Takes office in `term`: the no-op that opens it leaves at once. */
  constructor(term: number, options: RaftOptions, replica: Replica, counts: Counts, nowMs: Millis) {
    this.#term = term;
    this.#options = options;
    this.#replica = replica;
    this.#outbox = replica.outbox;
    this.#counts = counts;
    this.#majority = majorityOf(options.voters.length);
    this.#reads = new ReadRounds(options.maxPendingReads);
    this.#matchIndexes = options.voters.map(() => 0);
    this.#heartbeatDueMs = nowMs + options.heartbeatIntervalMs;
    const nextIndex = replica.log.lastIndex + 1;
    for (const voter of options.voters) {
      if (voter !== options.id) this.#followers.set(voter, new Progress(nextIndex, nowMs));
    }
    replica.propose(term, [noPayload]);
    this.#replicateToAll(nowMs);
  }

  /** When `tick` is wanted next. */
  get heartbeatDueMs(): Millis {
    return this.#heartbeatDueMs;
  }

  propose(payloads: readonly Uint8Array[], nowMs: Millis): void {
    const firstIndex = this.#replica.propose(this.#term, payloads);
    this.#counts.entriesProposed += payloads.length;
    this.#outbox.answerProposal(firstIndex, this.#term);
    this.#replicateToAll(nowMs);
  }

  read(readId: number, nowMs: Millis): void {
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
    this.#sendHeartbeats(nowMs);
    return true;
  }

  /** More of this node's own log is durable. */
  onPersisted(nowMs: Millis): void {
    this.#commit(nowMs);
  }

  onAppendReply(from: NodeId, reply: MessageOf<"AppendReply">, nowMs: Millis): void {
    const progress = this.#heardFrom(from, reply.round, nowMs);
    const { log } = this.#replica;
    if (progress === undefined || reply.matchIndex > log.lastIndex) return;
    if (!reply.success) {
      this.#counts.appendRequestsRefused++;
      progress.refused(reply.matchIndex, this.#continueAt(reply));
    } else if (progress.accepted(reply.matchIndex, log.firstIndex)) {
      this.#commit(nowMs);
    }
    this.#replicate(from, progress, nowMs);
  }

  onSnapshotReply(from: NodeId, reply: MessageOf<"SnapshotReply">, nowMs: Millis): void {
    const progress = this.#heardFrom(from, reply.round, nowMs);
    const { log } = this.#replica;
    if (progress === undefined || reply.lastIncludedIndex > log.lastIndex) return;
    const { transfer } = progress;
    if (reply.installed) {
      // Whatever was transferred, the follower is past it; if that is still too old, a newer snapshot follows.
      if (progress.accepted(reply.lastIncludedIndex, log.firstIndex)) this.#commit(nowMs);
      if (progress.state !== "snapshot") this.#replicate(from, progress, nowMs);
      else if (transfer !== undefined && reply.lastIncludedIndex >= transfer.snapshot.index) {
        this.#beginTransfer(from, progress, nowMs);
      }
      return;
    }
    if (transfer?.snapshot.index !== reply.lastIncludedIndex) return;
    const { nextOffsetBytes } = reply;
    // A duplicate asks for the chunk that is under way: sending that again would double the stream for good.
    if (nextOffsetBytes === transfer.offsetBytes || nextOffsetBytes >= transfer.snapshot.data.length) return;
    transfer.offsetBytes = nextOffsetBytes;
    this.#sendChunk(from, transfer, nowMs);
  }

  /** Leaves office: reads that were not confirmed were not served. */
  resign(): void {
    for (const readId of this.#reads.abandon()) this.#outbox.answerRead(readId, undefined);
  }

  #heardFrom(follower: NodeId, round: number, nowMs: Millis): Progress | undefined {
    const progress = this.#followers.get(follower);
    if (progress === undefined) return undefined;
    progress.heardAtMs = nowMs;
    if (round > progress.echoedRound && round <= this.#reads.round) {
      progress.echoedRound = round;
      this.#confirmReads(nowMs);
    }
    return progress;
  }

  #hasMajority(nowMs: Millis): boolean {
    let count = 1;
    for (const { heardAtMs } of this.#followers.values()) {
      if (nowMs - heardAtMs < this.#options.electionTimeoutMs) count++;
    }
    return count >= this.#majority;
  }

  #replicateToAll(nowMs: Millis): void {
    for (const [follower, progress] of this.#followers) this.#replicate(follower, progress, nowMs);
  }

  /** Sends what the follower lacks and the window allows. */
  #replicate(follower: NodeId, progress: Progress, nowMs: Millis): void {
    const { lastIndex, baseIndex } = this.#replica.log;
    while (progress.nextIndex <= lastIndex && progress.maySend(this.#options.maxInFlight)) {
      if (progress.nextIndex <= baseIndex) return this.#beginTransfer(follower, progress, nowMs);
      const message = this.#appendFrom(progress.nextIndex);
      this.#sendAppend(follower, message);
      progress.sent(message.prevLogIndex + message.entries.length);
    }
  }

  #appendFrom(nextIndex: number): AppendEntries {
    const { log, commitIndex } = this.#replica;
    const { maxEntriesPerMessage, maxBytesPerMessage } = this.#options;
    const newest = this.#newest;
    const isCurrent =
      newest?.prevLogIndex === nextIndex - 1 &&
      newest.prevLogIndex + newest.entries.length === log.lastIndex &&
      newest.leaderCommit === commitIndex &&
      newest.round === this.#reads.round;
    if (isCurrent) return newest;
    const message = this.#append(nextIndex - 1, log.batch(nextIndex, maxEntriesPerMessage, maxBytesPerMessage));
    this.#newest = message;
    return message;
  }

  #append(prevLogIndex: number, entries: AppendEntries["entries"]): AppendEntries {
    const prevLogTerm = prevLogIndex === 0 ? 0 : this.#replica.log.termAt(prevLogIndex);
    assert(prevLogTerm !== undefined, `the log knows the term at ${prevLogIndex}`);
    const { commitIndex } = this.#replica;
    return {
      kind: "AppendEntries",
      term: this.#term,
      prevLogIndex,
      prevLogTerm,
      entries,
      leaderCommit: commitIndex,
      round: this.#reads.round,
    };
  }

  #sendAppend(follower: NodeId, message: AppendEntries): void {
    this.#counts.appendRequestsSent++;
    this.#outbox.send(follower, message);
  }

  #sendHeartbeats(nowMs: Millis): void {
    for (const [follower, progress] of this.#followers) {
      if (progress.state !== "snapshot" && progress.nextIndex <= this.#replica.log.baseIndex) {
        this.#beginTransfer(follower, progress, nowMs);
      }
      this.#sendHeartbeat(follower, progress);
      if (progress.transfer !== undefined) this.#resendChunk(follower, progress.transfer, nowMs);
    }
  }

  /** What follows on index 0 is accepted by every log: right for a follower whose next entry is compacted. */
  #sendHeartbeat(follower: NodeId, { state, nextIndex }: Progress): void {
    const isKnown = state !== "snapshot" && nextIndex > this.#replica.log.baseIndex;
    this.#sendAppend(follower, this.#append(isKnown ? nextIndex - 1 : 0, []));
  }

  /** Section 5.3: past the follower's entries of the conflicting term, or past ours of that term if we have any. */
  #continueAt({ conflictIndex, conflictTerm }: MessageOf<"AppendReply">): number {
    if (conflictTerm === 0) return conflictIndex;
    const { log } = this.#replica;
    const last = log.firstIndexFrom(conflictTerm + 1) - 1;
    return log.termAt(last) === conflictTerm ? last + 1 : conflictIndex;
  }

  /**
   * Commits up to the highest index on a majority, if its entry is of this term (section 5.4.2, figure 8: an entry of
   * an earlier term may be on a majority and still be replaced). What is before it is committed with it.
   */
  #commit(nowMs: Millis): void {
    const { log, commitIndex, durability } = this.#replica;
    const stored = this.#matchIndexes;
    let voter = 0;
    stored[voter++] = durability.stableIndex;
    for (const { matchIndex } of this.#followers.values()) stored[voter++] = matchIndex;
    const index = quorumIndex(stored);
    if (index <= commitIndex || log.termAt(index) !== this.#term) return;
    this.#replica.commitUpTo(index, this.#term);
    this.#beginReadRound(nowMs);
  }

  #beginReadRound(nowMs: Millis): void {
    const { log, commitIndex } = this.#replica;
    if (log.termAt(commitIndex) !== this.#term || !this.#reads.begin(commitIndex)) return;
    this.#counts.readRounds++;
    for (const [follower, progress] of this.#followers) this.#sendHeartbeat(follower, progress);
    this.#confirmReads(nowMs);
  }

  #confirmReads(nowMs: Millis): void {
    if (!this.#reads.isAsking) return;
    let echoes = 1;
    for (const { echoedRound } of this.#followers.values()) if (echoedRound >= this.#reads.round) echoes++;
    if (echoes < this.#majority) return;
    for (const { readId, index } of this.#reads.confirm()) this.#outbox.answerRead(readId, index);
    this.#beginReadRound(nowMs);
  }

  #beginTransfer(follower: NodeId, progress: Progress, nowMs: Millis): void {
    const { snapshot } = this.#replica;
    assert(snapshot !== undefined, "a log that is compacted has a snapshot");
    this.#counts.snapshotsSent++;
    this.#sendChunk(follower, progress.beginTransfer(snapshot, nowMs), nowMs);
  }

  #resendChunk(follower: NodeId, transfer: Transfer, nowMs: Millis): void {
    const unansweredMs = nowMs - transfer.sentAtMs;
    if (unansweredMs >= resendAfterHeartbeats * this.#options.heartbeatIntervalMs) {
      this.#sendChunk(follower, transfer, nowMs);
    }
  }

  #sendChunk(follower: NodeId, transfer: Transfer, nowMs: Millis): void {
    const { snapshot, offsetBytes } = transfer;
    const end = offsetBytes + this.#options.snapshotChunkBytes;
    transfer.sentAtMs = nowMs;
    this.#counts.snapshotChunksSent++;
    this.#outbox.send(follower, {
      kind: "InstallSnapshot",
      term: this.#term,
      lastIncludedIndex: snapshot.index,
      lastIncludedTerm: snapshot.term,
      offsetBytes,
      data: snapshot.data.subarray(offsetBytes, end),
      done: end >= snapshot.data.length,
      round: this.#reads.round,
    });
  }
}
