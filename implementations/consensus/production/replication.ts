/**
 * How a leader's log gets to its followers: batched, pipelined, each at its own pace, by snapshot where the log does
 * not reach back far enough.
 *
 * Nothing waits for a particular reply. A heartbeat follows on the last entry sent, so its answer shows what was lost
 * on the way there or back: a refusal sends the leader back to where the logs agree, an acceptance frees the window.
 *
 * It decides nothing: what is committed, who counts, and when the office ends is `leadership.ts`.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.3 and 7; Ongaro 2014, section 10.2.1 (pipelining).
 */

import { assert } from "../../foundation/assert.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Counts } from "./counts.ts";
import type { MessageOf, RaftOptions } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import { Progress } from "./progress.ts";
import type { Transfer } from "./progress.ts";
import type { Replica } from "./replica.ts";

type AppendEntries = MessageOf<"AppendEntries">;

/** A chunk that was not answered for this many heartbeat intervals is sent again. */
const resendAfterHeartbeats = 2;

export class Replication {
  readonly #term: number;
  readonly #options: RaftOptions;
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #counts: Counts;
  readonly #round: () => number;
  readonly #followers = new Map<NodeId, Progress>();
  /** Followers in step get the same message object: its sender may encode it once. */
  #newest: AppendEntries | undefined;

  /** @param round the newest round; every message carries it, and every answer echoes it. */
  constructor(term: number, options: RaftOptions, replica: Replica, counts: Counts, round: () => number) {
    this.#term = term;
    this.#options = options;
    this.#replica = replica;
    this.#outbox = replica.outbox;
    this.#counts = counts;
    this.#round = round;
  }

  /** What is known of `follower`; undefined when it is none. */
  progressOf(follower: NodeId): Progress | undefined {
    return this.#followers.get(follower);
  }

  /**
   * Starts to replicate to those of `members` that are new. Those that are none any more still get the log until the
   * configuration without them is committed, so that they learn of it (`dismissAllBut`).
   */
  follow(members: ReadonlySet<NodeId>, nowMs: Millis): void {
    const nextIndex = this.#replica.log.lastIndex + 1;
    for (const member of members) {
      if (member === this.#options.id || this.#followers.has(member)) continue;
      this.#followers.set(member, new Progress(nextIndex, nowMs));
    }
  }

  /** Tells followers that are not among `members` what is committed, and leaves them. */
  dismissAllBut(members: ReadonlySet<NodeId>): void {
    for (const [follower, progress] of this.#followers) {
      if (members.has(follower)) continue;
      this.#sendHeartbeat(follower, progress);
      this.#followers.delete(follower);
    }
  }

  /** @returns whether the follower's log is known to be durable further than before; `proceed` has to follow. */
  onAppendReply(from: NodeId, reply: MessageOf<"AppendReply">): boolean {
    const progress = this.#followers.get(from);
    const { log } = this.#replica;
    if (progress === undefined || reply.matchIndex > log.lastIndex) return false;
    if (reply.success) return progress.accepted(reply.matchIndex, log.firstIndex);
    this.#counts.appendRequestsRefused++;
    progress.refused(reply.matchIndex, this.#continueAt(reply));
    return false;
  }

  /** As `onAppendReply`. */
  onSnapshotReply(from: NodeId, reply: MessageOf<"SnapshotReply">, nowMs: Millis): boolean {
    const progress = this.#followers.get(from);
    const { log } = this.#replica;
    if (progress === undefined || reply.lastIncludedIndex > log.lastIndex) return false;
    const { transfer } = progress;
    if (reply.installed) {
      // Whatever was transferred, the follower is past it; if that is still too old, a newer snapshot follows.
      const isNews = progress.accepted(reply.lastIncludedIndex, log.firstIndex);
      const isStillBehind = progress.state === "snapshot" && transfer !== undefined;
      if (isStillBehind && reply.lastIncludedIndex >= transfer.snapshot.index)
        this.#beginTransfer(from, progress, nowMs);
      return isNews;
    }
    if (transfer?.snapshot.index !== reply.lastIncludedIndex) return false;
    const { nextOffsetBytes } = reply;
    // A duplicate asks for the chunk that is under way: sending that again would double the stream for good.
    if (nextOffsetBytes === transfer.offsetBytes || nextOffsetBytes >= transfer.snapshot.data.length) return false;
    transfer.offsetBytes = nextOffsetBytes;
    this.#sendChunk(from, transfer, nowMs);
    return false;
  }

  /** An answer was dealt with: sends `follower` what its window allows now. */
  proceed(follower: NodeId, nowMs: Millis): void {
    const progress = this.#followers.get(follower);
    if (progress !== undefined && progress.state !== "snapshot") this.#replicate(follower, progress, nowMs);
  }

  /** Tells every follower at once what is committed, and asks for an echo of the newest round. */
  announce(): void {
    for (const [follower, progress] of this.#followers) this.#sendHeartbeat(follower, progress);
  }

  /** Sends every follower what it lacks and its window allows. */
  replicateToAll(nowMs: Millis): void {
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
      newest.round === this.#round();
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
      round: this.#round(),
    };
  }

  #sendAppend(follower: NodeId, message: AppendEntries): void {
    this.#counts.appendRequestsSent++;
    this.#outbox.send(follower, message);
  }

  /** Tells every follower that this leader is there, and what it has committed; sends chunks again that got lost. */
  sendHeartbeats(nowMs: Millis): void {
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
      configuration: snapshot.configuration,
      offsetBytes,
      data: snapshot.data.subarray(offsetBytes, end),
      done: end >= snapshot.data.length,
      round: this.#round(),
    });
  }
}
