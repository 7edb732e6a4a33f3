/**
 * The acceptor: what a replica may promise and accept of one key. Pure functions from a record to the next one.
 *
 * Each returns the record that has to be durable before the answer leaves, the same record where there is nothing to
 * write, or undefined: refused. They keep the two invariants on which the store's safety rests: once a ballot is
 * promised nothing below it is accepted, and no ballot is promised twice. By the second, a node that forgot in a crash
 * which ballots it had used cannot bring two values under one ballot: the quorums of both rounds share an acceptor, and
 * that one refused the later promise.
 *
 * @see Lamport 2001, "Paxos made simple", section 2.2 (P1a, P2c); Rystsov 2018, "CASPaxos", sections 2.2 and 2.4 (the
 *   promise that rides on an accept, "one-round-trip optimization").
 */

import type { KeyRecord, State } from "./record.ts";

/** Phase 1: promises `ballot`, which is above everything promised before. */
export function prepare(record: KeyRecord, ballot: number): KeyRecord | undefined {
  return ballot > record.promised ? { promised: ballot, state: record.state } : undefined;
}

/**
 * Phase 2: accepts `state` under its ballot, and promises `next` (its ballot or above) to the same coordinator in the
 * same write. A message that comes twice is answered alike: the ballot says that it is the same state.
 */
export function accept(record: KeyRecord, state: State, next: number): KeyRecord | undefined {
  if (state.ballot === record.state.ballot) return record;
  if (state.ballot < record.promised) return undefined;
  return { promised: Math.max(next, state.ballot), state };
}

/**
 * Takes what another replica has accepted, as if the accept message had come this late. Returns the same record where
 * it knows as much already; undefined where a promise stands in the way, so that only a new round can repair it.
 */
export function install(record: KeyRecord, state: State): KeyRecord | undefined {
  if (state.ballot <= record.state.ballot) return record;
  return accept(record, state, state.ballot);
}

/**
 * Takes a record over from a replica of before, into a slot that is being gained: whatever was promised here, since a
 * promise of this replica alone cannot have made a quorum of the group that is handing over. What was promised there is
 * promised here from now on: otherwise a ballot that they refuse could be prepared among those who come, and what lies
 * above it at one of those who stay would be found later, and win.
 */
export function takeOver(record: KeyRecord, taken: KeyRecord): KeyRecord {
  const state = taken.state.ballot > record.state.ballot ? taken.state : record.state;
  return withPromise({ promised: record.promised, state }, Math.max(taken.promised, state.ballot), record);
}

/**
 * The same for a slot that was kept before, where promises stand: undefined where one is in the way, as in `install`.
 */
export function review(record: KeyRecord, taken: KeyRecord): KeyRecord | undefined {
  const installed = install(record, taken.state);
  return installed && withPromise(installed, taken.promised, installed);
}

/** Returns `same` where nothing differs from it. */
function withPromise({ promised, state }: KeyRecord, atLeast: number, same: KeyRecord): KeyRecord {
  const next = Math.max(promised, atLeast);
  return next === same.promised && state === same.state ? same : { promised: next, state };
}

/**
 * Whether the tombstone accepted under `ballot` may be forgotten: it is still what the record holds, and no coordinator
 * has been promised anything above it, which would be forgotten with it.
 */
export function isCollectable({ promised, state }: KeyRecord, ballot: number): boolean {
  return state.ballot === ballot && state.value === null && promised <= ballot;
}
