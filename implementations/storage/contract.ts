/**
 * What every storage implementation is: a replicated map from keys to versioned values, operations that say how many
 * replicas have to take part, the state all implementations must agree on, and the trace by which runs are explained.
 */

import type { ErrorCode } from "../foundation/errors.ts";
import type { DeployOptions, Deployment, Implementation, Request } from "../foundation/deployment.ts";
import type { FaultKind } from "../foundation/faults.ts";
import type { NodeId } from "../foundation/units.ts";

/**
 * How many replicas of a key an operation waits for. A key that is only ever touched at `majority` and `all` is
 * linearizable, deletes and compare-and-swaps included; at `one` it is eventually consistent, the last writer winning.
 */
export const quorumLevels = ["one", "majority", "all"] as const;
export type QuorumLevel = (typeof quorumLevels)[number];

/** A client operation. Keys hold 1 to `limits.keyBytes`, values at most `limits.valueBytes` in UTF-8. */
export type StorageOperation =
  | { readonly kind: "get"; readonly key: string; readonly level: QuorumLevel }
  | { readonly kind: "put"; readonly key: string; readonly value: string; readonly level: QuorumLevel }
  /** Of a key that is not there: NOT_FOUND. */
  | { readonly kind: "delete"; readonly key: string; readonly level: QuorumLevel }
  /** At majority: writes `to` if the key holds `from` (null: is not there); otherwise PRECONDITION_FAILED. */
  | { readonly kind: "cas"; readonly key: string; readonly from: string | null; readonly to: string };

/**
 * A key's writes and deletes are counted 1, 2, 3, ...: that is its version. It goes on counting where a deleted key is
 * written again, and an implementation that has forgotten a deleted key may skip numbers.
 */
export type StorageResult =
  /** `version` is that of `value`, and 0 where there is none. */
  | { readonly kind: "get"; readonly value: string | null; readonly version: number }
  | { readonly kind: "put"; readonly version: number }
  | { readonly kind: "delete"; readonly version: number }
  | { readonly kind: "cas"; readonly version: number };

export type StorageReply =
  { readonly kind: "ok"; readonly result: StorageResult } | { readonly kind: "error"; readonly code: ErrorCode };

export const limits = { keyBytes: 512, valueBytes: 1024 * 1024 } as const;

/**
 * What one node holds. `value` null: the key was deleted and the node still remembers that.
 *
 * Left out on purpose: ballots, timestamps and writers (they depend on who coordinated, and when).
 */
export interface StorageState {
  /** Sorted by key; of the keys this node is a replica of. */
  readonly entries: readonly (readonly [key: string, value: string | null, version: number])[];
  /**
   * On how many nodes a key belongs; 0 while members change and that differs from key to key; undefined: nobody says
   * (replication implicit in the quorum).
   */
  readonly copies: number | undefined;
}

/** The canonical state of a whole deployment: what clients could see, sorted by key. */
export interface StoredEntries {
  readonly entries: readonly (readonly [key: string, value: string, version: number])[];
}

/** Returns what the nodes hold together: of each key the newest version, without deleted keys. */
export function mergeStates(states: Iterable<StorageState>): StoredEntries {
  const newest = new Map<string, readonly [value: string | null, version: number]>();
  for (const { entries } of states) {
    for (const [key, value, version] of entries) {
      if ((newest.get(key)?.[1] ?? 0) < version) newest.set(key, [value, version]);
    }
  }
  const live = [...newest].flatMap(([key, [value, version]]) =>
    value === null ? [] : [[key, value, version] as const],
  );
  return { entries: live.sort(([a], [b]) => (a < b ? -1 : 1)) };
}

/** What a node tells about itself. An event never mentions the node itself, the carrier does. */
export type StorageEvent =
  /** The node starts and serves from now on; `life` counts its starts from 1, `records` are those it found on disk. */
  | { readonly kind: "start"; readonly life: number; readonly records: number }
  /** It refused its own files, put them aside, and will join again with nothing. */
  | { readonly kind: "damage"; readonly what: string }
  /**
   * A replica has durably accepted `version` of `key`, under the topology of `epoch` (0: there is only one); `digest`
   * is the CRC32C of the value, 0 for a delete.
   */
  | {
      readonly kind: "accept";
      readonly key: string;
      readonly epoch: number;
      readonly ballot: number;
      readonly version: number;
      readonly digest: number;
    }
  /** The node follows another topology: `outgoing` are members that only the quorums of before need. */
  | {
      readonly kind: "topology";
      readonly epoch: number;
      readonly members: readonly NodeId[];
      readonly outgoing: readonly NodeId[];
      readonly isChanging: boolean;
    }
  /** Work in the background begins or ends; `records` and `bytes` are what it moved. */
  | {
      readonly kind: "background";
      readonly work: "rebalance" | "compaction" | "repair";
      readonly phase: "begin" | "end";
      readonly records: number;
      readonly bytes: number;
    }
  | { readonly kind: "stop"; readonly orderly: boolean };

/** What an operator asks of a cluster whose members can change. */
export type AdminCommand =
  /**
   * The members shall be those there are, with `add` and without `remove`; asking again for what is so already is done.
   */
  { readonly kind: "change"; readonly add: readonly NodeId[]; readonly remove: readonly NodeId[] };

/** An operator's request on the wire; its reply is a client's reply, with "done" as the result. */
export interface AdminRequest {
  readonly id: number;
  readonly command: AdminCommand;
}

/** A client's request on the wire, and the reply. `id` pairs them on one connection. */
export interface ClientRequest extends Request<StorageOperation> {
  readonly id: number;
}
export interface ClientReply {
  readonly id: number;
  readonly reply: StorageReply | { readonly kind: "done" };
}

export interface StorageDeployment extends Deployment<StorageOperation, StorageResult, StorageState, StorageEvent> {
  /** Whether no change of members is under way or waiting. */
  isSettled(): boolean;
  /**
   * Tries to speak to every node with a certificate of another authority.
   *
   * @returns how many nodes were tried and how many refused; undefined where nodes have no certificates.
   */
  knock(): Promise<{ readonly tried: number; readonly refused: number } | undefined>;
}

export interface StorageImplementation extends Implementation<
  StorageOperation,
  StorageResult,
  StorageState,
  StorageEvent
> {
  /**
   * Whether what it acknowledged at majority survives crashes of any number of nodes and the loss of a minority's
   * disks.
   */
  readonly durable: boolean;
  /** Whether replicas come to hold the same without being asked; otherwise reads repair what they find. */
  readonly converges: boolean;
  /** Why a fault that it supports cannot be injected under `settings`; undefined where it can. */
  refusalOf?(fault: FaultKind, settings: NonNullable<DeployOptions["settings"]>): string | undefined;
  deploy(options: DeployOptions): Promise<StorageDeployment>;
}
