/**
 * What every consensus implementation is: a replicated state machine of registers and one list, its operations, the
 * state all implementations must agree on, and the trace from which the correctness claims are judged.
 */

import type { ErrorCode } from "../foundation/errors.ts";
import type { DeployOptions, Deployment, Implementation, Request } from "../foundation/deployment.ts";
import type { FaultKind } from "../foundation/faults.ts";
import type { NodeId } from "../foundation/units.ts";

/** A client operation. Keys hold at most `limits.keyBytes`, values at most `limits.valueBytes` in UTF-8. */
export type ConsensusOperation =
  /** Linearizable read of a register; null when it was never written. */
  | { readonly kind: "read"; readonly key: string }
  | { readonly kind: "write"; readonly key: string; readonly value: string }
  /** Writes `to` if the register holds `from` (null: was never written); otherwise PRECONDITION_FAILED. */
  | { readonly kind: "cas"; readonly key: string; readonly from: string | null; readonly to: string }
  /** Adds `value` at the end of the one replicated list. */
  | { readonly kind: "append"; readonly value: string };

export type ConsensusResult =
  | { readonly kind: "read"; readonly value: string | null }
  | { readonly kind: "write" }
  | { readonly kind: "cas" }
  /** `position` counts from 1. */
  | { readonly kind: "append"; readonly position: number };

/** What applying an operation gives: a result, or the one definite failure the state machine itself can answer. */
export type ConsensusReply =
  { readonly kind: "ok"; readonly result: ConsensusResult } | { readonly kind: "error"; readonly code: ErrorCode };

export const limits = { keyBytes: 512, valueBytes: 1024 * 1024 } as const;

/**
 * The canonical state: what clients could see, and nothing of how it came about. Left out on purpose: terms, log
 * indexes and no-op entries (they depend on elections), the session table (it depends on retries).
 */
export interface ConsensusState {
  /** Registers that were written, sorted by key. */
  readonly registers: readonly (readonly [key: string, value: string])[];
  readonly list: readonly string[];
}

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** One log entry as the checkers see it; `digest` is the CRC32C of its payload, 0 for a no-op. */
export interface EntryTrace {
  readonly term: number;
  readonly digest: number;
}

/**
 * What a node tells about a step. Log indexes count from 1. Within a node events come in the order in which they
 * happened; an event never mentions the node itself, the carrier does.
 */
export type ConsensusEvent =
  /**
   * The node starts, with what it recovered: its log continues after `snapshotIndex` (0: no snapshot) with `entries`.
   * `life` counts its starts from 1.
   */
  | {
      readonly kind: "start";
      readonly life: number;
      readonly term: number;
      readonly votedFor: NodeId | null;
      readonly snapshotIndex: number;
      readonly snapshotTerm: number;
      readonly entries: readonly EntryTrace[];
    }
  | { readonly kind: "role"; readonly term: number; readonly role: Role }
  /** A granted vote leaves the node (for itself: the candidacy begins to count). Pre-votes are not votes. */
  | { readonly kind: "vote"; readonly term: number; readonly candidate: NodeId }
  /** The log now ends with `entries` after index `after`; what was there past `after` is gone. */
  | { readonly kind: "append"; readonly after: number; readonly entries: readonly EntryTrace[] }
  /**
   * Another configuration holds at this node: that of the entry at `index`, or of a snapshot up to `index`. Until the
   * first such event the nodes of the deployment are the voters. `outgoing`: the voters before, while a change needs a
   * majority of both; `learners` get the log and have no vote.
   */
  | {
      readonly kind: "configuration";
      readonly index: number;
      readonly voters: readonly NodeId[];
      readonly outgoing: readonly NodeId[];
      readonly learners: readonly NodeId[];
    }
  /** The commit index moved to `index`; `term` is the node's current term. */
  | { readonly kind: "commit"; readonly term: number; readonly index: number }
  /** Entries up to `index` are applied; `digests` are those of the entries after the previously applied index. */
  | { readonly kind: "apply"; readonly index: number; readonly digests: readonly number[] }
  /** A snapshot covers the log up to `index`; `installed`: it came from the leader and replaced the state. */
  | { readonly kind: "snapshot"; readonly index: number; readonly term: number; readonly installed: boolean }
  /** The node stops: crash or orderly. */
  | { readonly kind: "stop"; readonly orderly: boolean };

/**
 * A node's state after a step, for the checks on state: terms never fall, a vote is cast once, commit and applied
 * indexes never fall within a life, `applied <= commit <= last`.
 */
export interface ConsensusView {
  readonly life: number;
  readonly term: number;
  readonly votedFor: NodeId | null;
  readonly role: Role;
  readonly leader: NodeId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** The log is synced to disk up to here; undefined where there is no disk. */
  readonly durableIndex?: number;
  /** What the node last told a leader of its log: "durable here up to this index"; cut as the log is. */
  readonly acknowledgedIndex?: number;
}

/** What an operator asks of a cluster whose members can change. */
export type AdminCommand =
  /**
   * The voters shall be those there are, with `add` and without `remove`; asking again for what is so already is done.
   */
  | { readonly kind: "change"; readonly add: readonly NodeId[]; readonly remove: readonly NodeId[] }
  /** The leader shall hand its office to another voter. */
  | { readonly kind: "transfer" };

/** An operator's request on the wire; its reply is a client's reply, with "done" as the result. */
export interface AdminRequest {
  readonly id: number;
  readonly command: AdminCommand;
}

/** A client's request on the wire, and the reply. `id` pairs them on one connection. */
export interface ClientRequest extends Request<ConsensusOperation> {
  readonly id: number;
}
export interface ClientReply {
  readonly id: number;
  readonly reply: ConsensusReply | { readonly kind: "done" };
  /** With NOT_LEADER: where the leader is believed to be. */
  readonly leader?: NodeId;
}

export interface ConsensusDeployment extends Deployment<
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
  ConsensusEvent
> {
  /** Sends every node's state after each of its steps to `listener`; only the simulated substrate has such moments. */
  observeViews(listener: (node: NodeId, view: ConsensusView) => void): void;
  /** Whether no change of members is under way or waiting. */
  isSettled(): boolean;
  /**
   * Tries to speak to every node with a certificate of another authority.
   *
   * @returns how many nodes were tried and how many refused; undefined where nodes have no certificates.
   */
  knock(): Promise<{ readonly tried: number; readonly refused: number } | undefined>;
}

export interface ConsensusImplementation extends Implementation<
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
  ConsensusEvent
> {
  /** Whether a node that restarts still has everything it promised: its term, its vote, what it acknowledged. */
  readonly durable: boolean;
  /** Whether a leader that reaches a majority is safe from nodes that come back (pre-vote). */
  readonly keepsLeaders: boolean;
  /** Whether its trace tells of every vote and log entry, so that the claims about them can be judged. */
  readonly tracesLog: boolean;
  /** Why a fault that it supports cannot be injected under `settings`; undefined where it can. */
  refusalOf?(fault: FaultKind, settings: NonNullable<DeployOptions["settings"]>): string | undefined;
  deploy(options: DeployOptions): Promise<ConsensusDeployment>;
}
