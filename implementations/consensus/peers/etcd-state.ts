/** What one member of etcd holds, and what it says of itself. */

import type { ConsensusState } from "../contract.ts";
import { endOf, entryPrefix, field, methods, range, registerPrefix, txn } from "./etcd-messages.ts";
import { encodeMessage, Message } from "./protobuf.ts";

/** What a member says of itself. Identifiers are etcd's own. */
export interface MemberStatus {
  readonly member: bigint;
  /** 0 when it knows none. */
  readonly leader: bigint;
  readonly term: number;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly databaseBytes: number;
  readonly version: string;
}

/** What one member holds, read in one go and from itself alone. */
export const stateRequest: { readonly method: string; readonly message: Uint8Array } = {
  method: methods.txn,
  message: encodeMessage(
    txn(
      [],
      [registerPrefix, entryPrefix].map((prefix) => [
        [field.operation.range, [...range(prefix, endOf(prefix)), [field.range.serializable, true]]],
      ]),
      [],
    ),
  ),
};

/** Reads the answer to `stateRequest`. @throws RangeError on bytes that are no answer. */
export function readState(answer: Uint8Array): ConsensusState {
  const [registers = [], entries = []] = new Message(answer)
    .messages(field.txnAnswer.answers)
    .map((each) => each.message(field.operation.range).messages(field.rangeAnswer.keyValues));
  return {
    registers: registers
      .map(
        (each) =>
          [each.text(field.keyValue.key).slice(registerPrefix.length), each.text(field.keyValue.value)] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    list: entries
      .map((each) => ({ at: each.number(field.keyValue.createRevision), value: each.text(field.keyValue.value) }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ value }) => value),
  };
}

export const statusRequest: { readonly method: string; readonly message: Uint8Array } = {
  method: methods.status,
  message: encodeMessage([]),
};

/** Reads the answer to `statusRequest`. @throws RangeError on bytes that are no answer. */
export function readStatus(answer: Uint8Array): MemberStatus {
  const status = new Message(answer);
  return {
    member: status.message(1).integer(field.header.member),
    leader: status.integer(field.status.leader),
    term: status.number(field.status.term),
    raftIndex: status.number(field.status.raftIndex),
    appliedIndex: status.number(field.status.appliedIndex),
    databaseBytes: status.number(field.status.databaseBytes),
    version: status.text(field.status.version),
  };
}
