/**
 * The follower's side of replication: stores what the leader of the present term sends, and acknowledges it.
 *
 * A reply acknowledges durable entries only. What a message brought is acknowledged with the batch that makes it
 * durable. A message that brought nothing is answered at once, for what is durable by then: the answer also tells the
 * leader that it is heard, and confirms reads, neither of which should wait for a disk. Whatever is still being written
 * is acknowledged by its own batch, or by the answer to the next heartbeat should that get lost.
 *
 * Terms, roles and timers are its caller's: it sees messages of the present term only.
 *
 * @see Ongaro & Ousterhout 2014, figures 2 and 13, receiver implementations; the step numbers are theirs.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { Counts } from "./counts.ts";
import type { MessageOf } from "./messages.ts";
import type { Outbox } from "./outbox.ts";
import type { Replica } from "./replica.ts";
import { SnapshotAssembly } from "./snapshot-assembly.ts";

export class Followership {
  readonly #replica: Replica;
  readonly #outbox: Outbox;
  readonly #assembly: SnapshotAssembly;
  readonly #counts: Counts;

  /** @param maxSnapshotBytes a snapshot that is larger is not taken, and its sender not answered. */
  constructor(replica: Replica, maxSnapshotBytes: number, counts: Counts) {
    this.#replica = replica;
    this.#outbox = replica.outbox;
    this.#assembly = new SnapshotAssembly(maxSnapshotBytes);
    this.#counts = counts;
  }

  onAppendEntries(leader: NodeId, message: MessageOf<"AppendEntries">): void {
    const { term, prevLogIndex, prevLogTerm, entries, leaderCommit, round } = message;
    // 2. Without the entry before, nothing is known about what lies between.
    if (!this.#replica.matches(prevLogIndex, prevLogTerm)) return this.#refuse(leader, message);
    // 3. and 4.
    const hasStored = this.#replica.store(entries);
    // 5. Only what this message covered is known to equal the leader's log; what lies past it may yet be replaced.
    const lastCovered = prevLogIndex + entries.length;
    this.#replica.commitUpTo(Math.min(leaderCommit, lastCovered), term);
    const waits = hasStored || !this.#outbox.isHardStateDurable;
    const matchIndex = waits ? lastCovered : Math.min(lastCovered, this.#replica.durability.stableIndex);
    const reply = { kind: "AppendReply", term, success: true, matchIndex } as const;
    this.#answer(leader, waits, { ...reply, conflictIndex: 0, conflictTerm: 0, round });
  }

  onInstallSnapshot(leader: NodeId, message: MessageOf<"InstallSnapshot">): void {
    const { term, lastIncludedIndex, lastIncludedTerm, round } = message;
    // 6. The log holds all the snapshot stands for: it is kept, the state machine goes on, and what is covered commits.
    if (this.#replica.log.termAt(lastIncludedIndex) === lastIncludedTerm) {
      this.#replica.commitUpTo(lastIncludedIndex, term);
    }
    // An older snapshot than what is committed here would set the state back.
    if (lastIncludedIndex <= this.#replica.commitIndex) {
      this.#assembly.clear();
      return this.#answerInstalled(leader, message);
    }
    const received = this.#assembly.receive(message);
    switch (received.kind) {
      case "incomplete": {
        const { nextOffsetBytes } = received;
        const reply = { kind: "SnapshotReply", term, lastIncludedIndex, nextOffsetBytes, installed: false } as const;
        return this.#outbox.reply(leader, { ...reply, round });
      }
      case "too-large":
        this.#counts.snapshotsTooLarge++;
        return;
      case "complete":
        this.#counts.snapshotsReceived++;
        this.#replica.install(received.snapshot);
        return this.#answerInstalled(leader, message);
      default:
        unreachable(received);
    }
  }

  /** Section 5.3: tells where the conflicting term begins here, so that the leader passes over it in one go. */
  #refuse(leader: NodeId, { term, prevLogIndex, round }: MessageOf<"AppendEntries">): void {
    const { log } = this.#replica;
    const conflictTerm = log.termAt(prevLogIndex) ?? 0;
    const conflictIndex = conflictTerm === 0 ? log.lastIndex + 1 : log.firstIndexFrom(conflictTerm);
    const refusal = { kind: "AppendReply", term, success: false, matchIndex: prevLogIndex } as const;
    this.#outbox.reply(leader, { ...refusal, conflictIndex, conflictTerm, round });
  }

  /** Everything committed here, the snapshot's last entry included, is stored: says so as soon as that is durable. */
  #answerInstalled(leader: NodeId, message: MessageOf<"InstallSnapshot">): void {
    const { durability, commitIndex } = this.#replica;
    const durableIndex = Math.min(commitIndex, durability.stableIndex);
    const waits = durableIndex < message.lastIncludedIndex || !this.#outbox.isHardStateDurable;
    const lastIncludedIndex = waits ? commitIndex : durableIndex;
    const reply = { kind: "SnapshotReply", term: message.term, lastIncludedIndex, nextOffsetBytes: 0 } as const;
    this.#answer(leader, waits, { ...reply, installed: true, round: message.round });
  }

  #answer(leader: NodeId, waits: boolean, message: MessageOf<"AppendReply" | "SnapshotReply">): void {
    if (waits) this.#outbox.sendWhenDurable(leader, message);
    else this.#outbox.send(leader, message);
  }
}
