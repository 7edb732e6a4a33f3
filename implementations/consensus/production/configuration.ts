/**
 * Who takes part in a cluster: the configuration, how a log entry carries it, and what its majorities are.
 *
 * A configuration with `outgoing` voters is joint: every decision (an election, a commit, a read) needs a majority of
 * the old voters and one of the new ones, so that no two disjoint majorities exist at any moment of a change. Learners
 * get the log and count for nothing.
 *
 * In the log a configuration is an entry like any other; its payload begins with the one byte that MessagePack never
 * uses, so no client command can be taken for it. A format with a kind per entry would cost every entry of every
 * message and segment a field that nearly never says anything.
 *
 * @see Ongaro & Ousterhout 2014, section 6; Ongaro 2014, sections 4.2.1 (learners) and 4.3 (joint consensus).
 */

import { assert } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { NodeId } from "../../foundation/units.ts";
import { quorumIndex } from "./quorum.ts";

export interface Configuration {
  readonly voters: readonly NodeId[];
  /** While a change of voters is under way: those before it. Otherwise empty. */
  readonly outgoing: readonly NodeId[];
  /** Disjoint from both. */
  readonly learners: readonly NodeId[];
}

/** "Never used" in the MessagePack specification. */
const marker = 0xc1;

/** Whether a log entry's payload is a configuration. */
export function isConfigurationPayload(payload: Uint8Array): boolean {
  return payload[0] === marker;
}

/** Returns `configuration` as the payload of a log entry. */
export function encodeConfiguration({ voters, outgoing, learners }: Configuration): Uint8Array {
  const body = encode([voters, outgoing, learners]);
  const payload = new Uint8Array(1 + body.length);
  payload[0] = marker;
  payload.set(body, 1);
  return payload;
}

/** @throws AssertionError when `payload` was not made by `encodeConfiguration`: the log checks itself for damage. */
export function decodeConfiguration(payload: Uint8Array): Configuration {
  assert(isConfigurationPayload(payload), "a configuration begins with its marker");
  const [voters, outgoing, learners] = decode(payload.subarray(1)) as readonly (readonly NodeId[])[];
  assert(voters !== undefined && outgoing !== undefined && learners !== undefined, "a configuration has three lists");
  return { voters, outgoing, learners };
}

export function isJoint({ outgoing }: Configuration): boolean {
  return outgoing.length > 0;
}

/** Whether `id` has a vote, in the old configuration or the new. */
export function isVoter({ voters, outgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || outgoing.includes(id);
}

/** Everyone who gets the log, each once. */
export function membersOf({ voters, outgoing, learners }: Configuration): ReadonlySet<NodeId> {
  return new Set([...voters, ...outgoing, ...learners]);
}

/** Returns the highest number that a quorum has reached: of a joint configuration a majority of both sets of voters. */
export function quorumOf({ voters, outgoing }: Configuration, numberOf: (id: NodeId) => number): number {
  const reached = quorumIndex(voters.map(numberOf));
  return outgoing.length === 0 ? reached : Math.min(reached, quorumIndex(outgoing.map(numberOf)));
}

/** Whether those for whom `holds` is true make a quorum. */
export function isQuorum(configuration: Configuration, holds: (id: NodeId) => boolean): boolean {
  return quorumOf(configuration, (id) => (holds(id) ? 1 : 0)) === 1;
}
