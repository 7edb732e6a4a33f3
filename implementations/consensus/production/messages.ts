/**
 * What production nodes say to each other, and the pure core's inputs and effects.
 *
 * The core (`raft.ts`) performs nothing: `step(input, nowMs)` returns `Effects`, and the host does them. The order the
 * host must keep is small: send `messages` at once; make `persist` durable, batches in sequence order; only then send
 * that batch's own `messages` and step `{ kind: "persisted", sequence }`. This is the contract etcd's raft calls
 * asynchronous storage writes.
 *
 * @see Ongaro & Ousterhout 2014, "In search of an understandable consensus algorithm (extended version)", figures 2
 *   and 13; Ongaro 2014 (dissertation), sections 6.4 (ReadIndex), 9.6 (pre-vote), 10.2.1 (leader writes in parallel).
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import type { NodeId, Millis } from "../../foundation/units.ts";
import type { ConsensusEvent } from "../contract.ts";
import type { Configuration } from "./configuration.ts";

/**
 * A log entry. `payload` is empty for the no-op that opens a term, or a configuration (`configuration.ts`), or a
 * command, which is opaque to the core.
 */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
}

/** What must survive a crash besides the log, always written as one record. */
export interface HardState {
  readonly term: number;
  readonly votedFor: NodeId | null;
}

/** The applied state up to and including `index`, as the state machine encoded it. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
  /** The configuration that holds at `index`; undefined: still the founders'. */
  readonly configuration?: Configuration | undefined;
}

export type RaftMessage =
  | {
      readonly kind: "VoteRequest";
      readonly term: number;
      readonly preVote: boolean;
      readonly lastLogIndex: number;
      readonly lastLogTerm: number;
      /** The leader asked for this election: whoever hears it need not protect it. */
      readonly isHandover?: boolean;
    }
  | { readonly kind: "VoteReply"; readonly term: number; readonly preVote: boolean; readonly granted: boolean }
  | {
      readonly kind: "AppendEntries";
      readonly term: number;
      readonly prevLogIndex: number;
      readonly prevLogTerm: number;
      readonly entries: readonly Entry[];
      readonly leaderCommit: number;
      /** The leader's newest ReadIndex round; the reply echoes it. */
      readonly round: number;
    }
  | {
      readonly kind: "AppendReply";
      readonly term: number;
      readonly success: boolean;
      /**
       * success: the last index that matches the leader's log (prevLogIndex + entries) and is durable here; failure:
       * the prevLogIndex that was refused, by which a leader recognises a late reply.
       */
      readonly matchIndex: number;
      /** failure: the follower's hint for where to continue, section 5.3's optimisation. */
      readonly conflictIndex: number;
      readonly conflictTerm: number;
      readonly round: number;
    }
  | {
      readonly kind: "InstallSnapshot";
      readonly term: number;
      readonly lastIncludedIndex: number;
      readonly lastIncludedTerm: number;
      /** As in `Snapshot`. */
      readonly configuration?: Configuration | undefined;
      readonly offsetBytes: number;
      readonly data: Uint8Array;
      readonly done: boolean;
      readonly round: number;
    }
  | {
      readonly kind: "SnapshotReply";
      readonly term: number;
      readonly lastIncludedIndex: number;
      /** The offset the follower expects next; the leader continues there. */
      readonly nextOffsetBytes: number;
      /** The snapshot, or something newer, is installed and durable. */
      readonly installed: boolean;
      readonly round: number;
    }
  /** The leader of `term` hands its office over: the receiver stands for election at once. */
  | { readonly kind: "TimeoutNow"; readonly term: number };

/** The messages of one kind. */
export type MessageOf<Kind extends RaftMessage["kind"]> = Extract<RaftMessage, { readonly kind: Kind }>;

export interface Envelope {
  readonly to: NodeId;
  readonly message: RaftMessage;
}

export type RaftInput =
  /** Time passed; the host steps this at `wakeAtMs`. */
  | { readonly kind: "tick" }
  | { readonly kind: "message"; readonly from: NodeId; readonly message: RaftMessage }
  /** Proposes commands, in order. */
  | { readonly kind: "propose"; readonly payloads: readonly Uint8Array[] }
  /** Asks for a linearizable read; answered in `reads`. */
  | { readonly kind: "read"; readonly readId: number }
  /** Everything up to and including persist batch `sequence` is durable. */
  | { readonly kind: "persisted"; readonly sequence: number }
  /** The host has a durable snapshot of the applied state at `snapshot.index`; the core may compact its log. */
  | { readonly kind: "snapshot-saved"; readonly snapshot: Snapshot }
  /** Asks for another set of voters; answered in `administered`. */
  | {
      readonly kind: "change";
      readonly requestId: number;
      readonly add: readonly NodeId[];
      readonly remove: readonly NodeId[];
    }
  /** Asks the leader to hand its office to `to`, or to the most up-to-date voter; answered in `administered`. */
  | { readonly kind: "transfer"; readonly requestId: number; readonly to: NodeId | undefined };

/** Something to make durable, as one unit, in `sequence` order. */
export interface PersistBatch {
  readonly sequence: number;
  readonly hardState: HardState | undefined;
  /** To be appended; the log must be cut after `entries[0].index - 1` first when it reaches further. */
  readonly entries: readonly Entry[];
  /** Received from the leader: replaces the whole log up to its index; what follows is kept only if `keepLog`. */
  readonly snapshot: { readonly snapshot: Snapshot; readonly keepLog: boolean } | undefined;
  /** To be sent when the batch, and all before it, is durable. */
  readonly messages: readonly Envelope[];
}

/** The answer to a "read" input: serve it once `appliedIndex >= index`; undefined: refused, nothing was read. */
export interface ReadAnswer {
  readonly readId: number;
  readonly index: number | undefined;
}

/** The answer to "change" and "transfer": undefined when it is done. */
export interface AdministrationAnswer {
  readonly requestId: number;
  readonly error: ErrorCode | undefined;
}

export interface Effects {
  /** To be sent at once. */
  readonly messages: readonly Envelope[];
  readonly persist: PersistBatch | undefined;
  /** Received snapshot to restore the state machine from, before anything in `apply`. */
  readonly restore: Snapshot | undefined;
  /** Newly committed entries, in order, each exactly once per life. */
  readonly apply: readonly Entry[];
  readonly reads: readonly ReadAnswer[];
  readonly administered: readonly AdministrationAnswer[];
  /** Answer to "propose": the index of the first payload and the term; undefined: refused, not the leader. */
  readonly proposed: { readonly firstIndex: number; readonly term: number } | undefined;
  /** In order; "start", "vote", "apply" and "stop" are the host's to tell, since it knows when they happen. */
  readonly trace: readonly ConsensusEvent[];
}

/** What the core starts from, as the log store recovered it. */
export interface Recovered {
  readonly hardState: HardState;
  readonly snapshot: Snapshot | undefined;
  /** Contiguous, after the snapshot's index. */
  readonly entries: readonly Entry[];
}

/** Fixed for a life of a node. */
export interface RaftOptions {
  readonly id: NodeId;
  /** The founders: the voters before any configuration entered the log. A node that joins later is none of them. */
  readonly voters: readonly NodeId[];
  /** An election starts after [electionTimeoutMs, 2 x electionTimeoutMs) without a leader. */
  readonly electionTimeoutMs: Millis;
  readonly heartbeatIntervalMs: Millis;
  /** Bounds of one AppendEntries: entries and payload bytes. */
  readonly maxEntriesPerMessage: number;
  readonly maxBytesPerMessage: number;
  /** AppendEntries in flight to one follower before the leader waits for a reply. */
  readonly maxInFlight: number;
  readonly snapshotChunkBytes: number;
  /** Entries kept behind a snapshot so that a slightly late follower needs no InstallSnapshot; 0: none. */
  readonly trailingEntries: number;
  /** Bound of their payloads together. */
  readonly trailingBytes: number;
  /** Linearizable reads a leader holds unanswered; more are refused. */
  readonly maxPendingReads: number;
  /** Whether a leader answers reads under a lease, without asking the others (`lease.ts`). */
  readonly leaseReads: boolean;
  /** The highest ratio of two nodes' clock rates under which a lease is safe; >= 1. */
  readonly maxClockSkew: number;
  /** The largest snapshot a follower takes from a leader. */
  readonly maxSnapshotBytes: number;
}
