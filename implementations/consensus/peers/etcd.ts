/**
 * The contract's operations in etcd's words: which request performs an operation, what its answer means, and what can
 * be concluded from an error. Pure; whoever has a connection performs the exchange.
 *
 * A register is the key `r/KEY`. An entry of the list is a key of its own, `l/SESSION/SEQUENCE`, put together with the
 * key `n`, whose version counts the entries: so an append takes constant time however long the list, its position
 * comes back with the answer, and the whole list is one range read in the order of creation.
 *
 * etcd has no sessions: a request that was sent twice is executed twice. Where requests are repeated, a write carries
 * its own memory: in one transaction it asks whether `s/SESSION` is already at its sequence number or beyond, and only
 * if not, does its work and puts the number and the outcome there. An attempt that was given up and arrives late finds
 * the number and does nothing. An append needs no such key: its entry's own key says that it was made. Where nothing is
 * ever repeated the memory is left out, since it costs etcd a second key per write; `repeats` says which it is.
 *
 * Reads are linearizable ranges (etcd confirms the leader by ReadIndex); states are read serializable, which is what
 * one member holds. What etcd cannot tell (log entries, votes) is not made up.
 *
 * @see etcd, "etcd API" (KV, Txn, "KV API guarantees"); `etcdserver/api/v3rpc/rpctypes/error.go` for its errors.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { limits } from "../contract.ts";
import type { ConsensusOperation, ConsensusReply, ConsensusResult } from "../contract.ts";
import {
  comparison,
  countKey,
  entryPrefix,
  field,
  methods,
  put,
  putFields,
  range,
  registerPrefix,
  target,
  txn,
  versionIs,
} from "./etcd-messages.ts";
import type { Fields } from "./protobuf.ts";
import { encodeMessage, Message } from "./protobuf.ts";

/** One request to etcd, and how its answer is read: a reply, or what has still to be asked. */
export interface Exchange {
  /** The method: "/etcdserverpb.KV/Put". */
  readonly method: string;
  readonly message: Uint8Array;
  /** Whether it can be sent again when nobody knows what became of it. */
  readonly repeatable: boolean;
  /** @throws RangeError on bytes that are no answer. */
  readonly read: (answer: Uint8Array) => ConsensusReply | Exchange;
}

const utf8 = new TextEncoder();

/** Returns the code for a request that breaks the contract's limits; etcd's own are wider. */
export function refusalOf(operation: ConsensusOperation): ErrorCode | undefined {
  const fits = (value: string, bytes: number): boolean => utf8.encode(value).length <= bytes;
  const values =
    operation.kind === "read"
      ? []
      : operation.kind === "cas"
        ? [operation.from ?? "", operation.to]
        : [operation.value];
  const keyFits = operation.kind === "append" || fits(operation.key, limits.keyBytes);
  return keyFits && values.every((value) => fits(value, limits.valueBytes)) ? undefined : "MALFORMED_REQUEST";
}

/**
 * Returns the exchange that performs `request`.
 *
 * @param repeats whether the request may be sent more than once.
 */
export function exchangeOf(request: Request<ConsensusOperation>, repeats: boolean): Exchange {
  const { operation } = request;
  switch (operation.kind) {
    case "read":
      return readRegister(operation.key);
    case "write":
      return repeats ? guarded(request, [put(registerPrefix + operation.key, operation.value)]) : plainWrite(operation);
    case "cas":
      return repeats ? guardedCas(request, operation) : plainCas(operation);
    case "append":
      return append(request, operation.value, repeats);
    default:
      return unreachable(operation);
  }
}

function readRegister(key: string): Exchange {
  return {
    method: methods.range,
    message: encodeMessage(range(registerPrefix + key)),
    repeatable: true,
    read: (answer) => {
      const [found] = new Message(answer).messages(field.rangeAnswer.keyValues);
      return ok({ kind: "read", value: found === undefined ? null : found.text(field.keyValue.value) });
    },
  };
}

function plainWrite({ key, value }: Extract<ConsensusOperation, { kind: "write" }>): Exchange {
  const message = encodeMessage(putFields(registerPrefix + key, value));
  return { method: methods.put, message, repeatable: false, read: () => ok({ kind: "write" }) };
}

function plainCas(operation: Extract<ConsensusOperation, { kind: "cas" }>): Exchange {
  return {
    method: methods.txn,
    message: encodeMessage(txn([registerHolds(operation)], [put(registerPrefix + operation.key, operation.to)], [])),
    repeatable: false,
    read: (answer) =>
      new Message(answer).number(field.txnAnswer.succeeded) === 1 ? ok({ kind: "cas" }) : preconditionFailed,
  };
}

/** The outcome as `s/SESSION` remembers it. */
const outcomes = { done: "d", failed: "f" } as const;

function guarded(request: Request<ConsensusOperation>, work: readonly Fields[]): Exchange {
  return guardedTxn(request, [...work, remember(request, outcomes.done)]);
}

function guardedCas(
  request: Request<ConsensusOperation>,
  operation: Extract<ConsensusOperation, { kind: "cas" }>,
): Exchange {
  const swap = txn(
    [registerHolds(operation)],
    [put(registerPrefix + operation.key, operation.to), remember(request, outcomes.done)],
    [remember(request, outcomes.failed)],
  );
  return guardedTxn(request, [[[field.operation.txn, swap]]]);
}

/** Works only if the session is not at this request yet; otherwise looks up what became of it. */
function guardedTxn(request: Request<ConsensusOperation>, work: readonly Fields[]): Exchange {
  const session = sessionKey(request);
  // "NUMBER" followed by an outcome is greater than "NUMBER" alone; a key that is missing compares as false.
  const alreadyDone = [
    [field.compare.result, comparison.greater],
    [field.compare.target, target.value],
    [field.compare.key, session],
    [field.compare.value, sequenceText(request)],
  ] as const;
  return {
    method: methods.txn,
    message: encodeMessage(txn([alreadyDone], [[[field.operation.range, range(session)]]], work)),
    repeatable: true,
    read: (answer) => {
      const txnAnswer = new Message(answer);
      const [first] = txnAnswer.messages(field.txnAnswer.answers);
      assert(first !== undefined, "a transaction of operations has answers");
      const { kind } = request.operation;
      assert(kind === "write" || kind === "cas", "only what writes a register is guarded by its session");
      if (txnAnswer.number(field.txnAnswer.succeeded) === 1) return remembered(request, kind, first);
      const swapped = kind === "write" || first.message(field.operation.txn).number(field.txnAnswer.succeeded) === 1;
      return swapped ? ok({ kind }) : preconditionFailed;
    },
  };
}

/** The reply of an earlier attempt, as the session's key has it. */
function remembered(request: Request<ConsensusOperation>, kind: "write" | "cas", answer: Message): ConsensusReply {
  const [found] = answer.message(field.operation.range).messages(field.rangeAnswer.keyValues);
  assert(found !== undefined, "a key that compares is there");
  const text = found.text(field.keyValue.value);
  if (!text.startsWith(sequenceText(request))) return { kind: "error", code: "SESSION_EXPIRED" };
  return text.endsWith(outcomes.done) ? ok({ kind }) : preconditionFailed;
}

function append(request: Request<ConsensusOperation>, value: string, repeats: boolean): Exchange {
  const entry = `${entryPrefix}${request.session}/${request.sequence}`;
  const count: Fields = [[field.operation.put, [...putFields(countKey, ""), [field.put.previous, true]]]];
  const unmade = versionIs(entry, 0);
  return {
    method: methods.txn,
    message: encodeMessage(
      repeats
        ? txn([unmade], [count, put(entry, value)], [[[field.operation.range, range(entry)]]])
        : txn([], [count, put(entry, value)], []),
    ),
    repeatable: repeats,
    read: (answer) => {
      const txnAnswer = new Message(answer);
      const [first] = txnAnswer.messages(field.txnAnswer.answers);
      assert(first !== undefined, "a transaction of operations has answers");
      if (txnAnswer.number(field.txnAnswer.succeeded) === 0) return positionOf(first);
      const before = first.message(field.operation.put).message(field.putAnswer.previous);
      return ok({ kind: "append", position: before.number(field.keyValue.version) + 1 });
    },
  };
}

/** The position of an entry that an earlier attempt made: how many there were at the revision that created it. */
function positionOf(answer: Message): Exchange {
  const [entry] = answer.message(field.operation.range).messages(field.rangeAnswer.keyValues);
  assert(entry !== undefined, "an entry that was made is there");
  const revision = entry.number(field.keyValue.createRevision);
  return {
    method: methods.range,
    message: encodeMessage([...range(countKey), [field.range.revision, revision]]),
    repeatable: true,
    read: (bytes) => {
      const [count] = new Message(bytes).messages(field.rangeAnswer.keyValues);
      assert(count !== undefined, "entries are counted from the first one on");
      return ok({ kind: "append", position: count.number(field.keyValue.version) });
    },
  };
}

/** Codes of gRPC that etcd uses. */
const grpc = { invalidArgument: 3, resourceExhausted: 8 } as const;

/**
 * Returns what an error of etcd's lets a client conclude.
 *
 * Definite are those that etcd gives before it proposes anything, or instead of applying it: too many requests, no
 * space, too large, malformed. A "request timed out", "server stopped" or "leader changed" may come with the proposal
 * under way, though gRPC calls all of them UNAVAILABLE, as it does a lost connection: never definite.
 */
export function errorCodeOf(status: number, message: string): ErrorCode {
  if (status === grpc.invalidArgument) return "MALFORMED_REQUEST";
  if (status === grpc.resourceExhausted && message.startsWith("etcdserver: ")) return "OVERLOADED";
  return message.startsWith("etcdserver: request timed out") ? "REPLY_TIMEOUT" : "PROPOSAL_DROPPED";
}

function ok(result: ConsensusResult): ConsensusReply {
  return { kind: "ok", result };
}

const preconditionFailed: ConsensusReply = { kind: "error", code: "PRECONDITION_FAILED" };

function sessionKey({ session }: Request<ConsensusOperation>): string {
  return `s/${session}`;
}

/** As wide as any number a client reaches, so that texts compare as numbers do. */
function sequenceText({ sequence }: Request<ConsensusOperation>): string {
  return String(sequence).padStart(16, "0");
}

function remember(request: Request<ConsensusOperation>, outcome: string): Fields {
  return put(sessionKey(request), sequenceText(request) + outcome);
}

function registerHolds({ key, from }: Extract<ConsensusOperation, { kind: "cas" }>): Fields {
  if (from === null) return versionIs(registerPrefix + key, 0);
  return [
    [field.compare.result, comparison.equal],
    [field.compare.target, target.value],
    [field.compare.key, registerPrefix + key],
    [field.compare.value, from],
  ];
}
