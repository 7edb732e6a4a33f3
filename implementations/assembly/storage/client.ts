/**
 * Whom clients of a store ask, and what they retry.
 *
 * A write whose fate is unknown is never sent again: a store remembers the last writer of a key and no more, so once
 * somebody else has written the key a second copy would be a second write. Reads are, and so is what was refused before
 * it began.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { StorageOperation, StorageResult } from "../../storage/contract.ts";
import { RequestClient } from "../request-client.ts";
import type { CallRules, ClientPorts } from "../request-client.ts";
import { PreferenceRoute, Suspicions } from "./preference-route.ts";

/** Returns `nodes`, those that should serve `operation` first. */
export type Preference = (operation: StorageOperation, nodes: readonly NodeId[]) => readonly NodeId[];

/** Nothing was accepted anywhere: another node may do better, or the same one later. */
const refusals = ["OVERLOADED", "UNAVAILABLE", "QUORUM_NOT_MET"] as const satisfies readonly ErrorCode[];
const retriedOfWrites: ReadonlySet<ErrorCode> = new Set(refusals);
const retriedOfReads: ReadonlySet<ErrorCode> = new Set([
  ...refusals,
  // Of the repair that a read may have to make; what it says of the value is nothing.
  "WRITE_UNCERTAIN",
  "CONNECTION_LOST",
] satisfies ErrorCode[]);
/** Whatever stands in the way of a change passes, and a change that is asked for again is the same change. */
const retriedOfChanges: ReadonlySet<ErrorCode> = new Set([
  ...retriedOfReads,
  "CHANGE_UNDER_WAY",
  "PROPOSAL_DROPPED",
] satisfies ErrorCode[]);

export function storageClient(
  ports: ClientPorts,
  preferenceOf: Preference,
): RequestClient<StorageOperation, StorageResult> {
  const suspicions = new Suspicions(ports.clock);
  const rulesOf = (operation: StorageOperation): CallRules => {
    const route = new PreferenceRoute(suspicions, () => preferenceOf(operation, ports.nodes()), true);
    const isRead = operation.kind === "get";
    return { route, retried: isRead ? retriedOfReads : retriedOfWrites, repeats: isRead };
  };
  const rulesOfAdministration = (): CallRules => {
    const route = new PreferenceRoute(suspicions, ports.nodes, false);
    return { route, retried: retriedOfChanges, repeats: true };
  };
  return new RequestClient(ports, { rulesOf, rulesOfAdministration });
}

/** Every node serves every key equally well: each key has its first node, so that keys share the nodes out. */
export function rotatedByKey({ key }: StorageOperation, nodes: readonly NodeId[]): readonly NodeId[] {
  let sum = 0;
  for (let index = 0; index < key.length; index++) sum = (sum * 31 + key.charCodeAt(index)) >>> 0;
  const first = nodes.length === 0 ? 0 : sum % nodes.length;
  return [...nodes.slice(first), ...nodes.slice(0, first)];
}
