/**
 * What nodes say to each other about topologies, and while slots move. All kinds begin with "topology" or "slots", so
 * that a replica can pass them through by `isTopologyMessage`.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { AcceptedTopology } from "./topology-agreement.ts";
import type { TopologyData } from "./topologies.ts";

/**
 * How a node stands to the cluster.
 * - empty: it found nothing on its disk.
 * - ready: it is a founder, has written that down, and waits for the other founders; it has served nothing.
 * - formed: it follows a topology.
 */
export type Standing = "empty" | "ready" | "formed";

/** What a slot remembers of collected tombstones. */
export interface SlotFloor {
  readonly slot: number;
  readonly ballot: number;
  readonly version: number;
}

/**
 * A record on its way; what it holds besides its ballot is the replica's affair, and must tell what was promised: keys
 * of which something was promised and nothing accepted travel as well.
 */
export interface MovedRecord {
  readonly key: string;
  /** At which the record was accepted; 0: nothing was. */
  readonly ballot: number;
  readonly body: unknown;
}

export type TopologyMessage =
  /** Where do you stand? Who follows a newer topology than `epoch` tells it as well. */
  | { readonly kind: "topology-hello"; readonly nonce: number; readonly epoch: number }
  /** `number` is that under which the node is or was a member, 0: none. `nonce` is that of the hello. */
  | {
      readonly kind: "topology-standing";
      readonly nonce: number;
      readonly epoch: number;
      readonly standing: Standing;
      readonly number: number;
      readonly life: string;
    }
  | { readonly kind: "topology-ask"; readonly epoch: number }
  | { readonly kind: "topology-tell"; readonly topology: TopologyData }
  /** A node that is a member by id but without the disk of that member asks to be taken in. */
  | { readonly kind: "topology-join"; readonly life: string }
  /** `epoch` is that whose successor is to be decided, here and below. */
  | { readonly kind: "topology-prepare"; readonly epoch: number; readonly ballot: number }
  | {
      readonly kind: "topology-promise";
      readonly epoch: number;
      readonly ballot: number;
      readonly number: number;
      readonly accepted: AcceptedTopology | undefined;
    }
  | { readonly kind: "topology-accept"; readonly epoch: number; readonly accepted: AcceptedTopology }
  | {
      readonly kind: "topology-accepted";
      readonly epoch: number;
      readonly ballot: number;
      readonly number: number;
    }
  | { readonly kind: "topology-refuse"; readonly epoch: number; readonly promised: number }
  /** From whoever drives the change of `epoch`: how far are you? */
  | { readonly kind: "topology-poll"; readonly epoch: number; readonly number: number }
  | {
      readonly kind: "topology-progress";
      readonly epoch: number;
      readonly number: number;
      readonly life: string;
      /** It holds everything it gains in `epoch`. */
      readonly isDone: boolean;
    }
  /** The records of `slots`, in this order, beginning with key `from` (undefined: the first) of the first of them. */
  | {
      readonly kind: "slots-pull";
      readonly epoch: number;
      readonly request: number;
      readonly slots: readonly number[];
      readonly from: string | undefined;
      readonly maxBytes: number;
    }
  /** The first `finished` slots are complete with this; of the next one it goes on at `next` (undefined: its first). */
  | {
      readonly kind: "slots-pulled";
      readonly epoch: number;
      readonly request: number;
      readonly number: number;
      readonly records: readonly MovedRecord[];
      readonly floors: readonly SlotFloor[];
      readonly bytes: number;
      readonly finished: number;
      readonly next: string | undefined;
    };

/** What of a message leaves a node, and to whom. */
export type SendTopologyMessage = (to: NodeId, message: TopologyMessage) => void;

/** Whether a message of the store is one of these. */
export function isTopologyMessage(message: { readonly kind: string }): message is TopologyMessage {
  return message.kind.startsWith("topology-") || message.kind.startsWith("slots-");
}
