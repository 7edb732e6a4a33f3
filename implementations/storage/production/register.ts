/**
 * The change functions of a register: what a client's operation makes of a key's state, and what the client is told.
 *
 * A request that is already the state's writer is answered and not done again, so that a retry after an unknown outcome
 * does no harm as long as nobody else wrote in between. Keeping the writers of all time was rejected: a session table
 * per key would outgrow its value.
 *
 * @see Rystsov 2018, "CASPaxos", section 2.1 (changes as functions on the register).
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Request } from "../../foundation/deployment.ts";
import { limits } from "../contract.ts";
import type { QuorumLevel, StorageOperation, StorageReply } from "../contract.ts";
import { encodeText } from "./record.ts";
import type { State } from "./record.ts";

/** A request that is within bounds. */
export interface Command {
  readonly kind: StorageOperation["kind"];
  readonly key: string;
  readonly level: QuorumLevel;
  readonly session: number;
  readonly sequence: number;
  /** put, cas: what to write. */
  readonly value: string | null;
  /** cas: what has to be there. */
  readonly from: string | null;
}

/** What came of a command: the same state where it changed nothing. */
export interface Executed {
  readonly state: State;
  readonly reply: StorageReply;
}

const notFound: StorageReply = { kind: "error", code: "NOT_FOUND" };
const preconditionFailed: StorageReply = { kind: "error", code: "PRECONDITION_FAILED" };

/** Returns the request as a command; undefined when a key or value is out of bounds or is not Unicode. */
export function commandOf({ session, sequence, operation }: Request<StorageOperation>): Command | undefined {
  const { kind, key } = operation;
  if (key.length === 0 || key.length > limits.keyBytes || !key.isWellFormed()) return undefined;
  // A code unit takes three bytes at most, so only long keys have to be measured.
  if (key.length * 3 > limits.keyBytes && encodeText(key).length > limits.keyBytes) return undefined;
  const value = kind === "put" ? operation.value : kind === "cas" ? operation.to : null;
  const from = kind === "cas" ? operation.from : null;
  if (!isWithinBounds(value) || !isWithinBounds(from)) return undefined;
  const level = operation.kind === "cas" ? "majority" : operation.level;
  return { kind, key, level, session, sequence, value, from };
}

/** Executes `command` on `state`; the ballot of a new state is its round's to set. */
export function execute(state: State, command: Command, timestampMs: number): Executed {
  const { kind, session, sequence } = command;
  if (kind === "get") return { state, reply: readingOf(state) };
  const isDone = state.session === session && state.sequence === sequence;
  if (isDone) return { state, reply: written(kind, state.version) };
  const refusal = refusalOf(state, command);
  if (refusal !== undefined) return { state, reply: refusal };
  const version = state.version + 1;
  const next = { ballot: state.ballot, version, timestampMs, session, sequence, value: command.value };
  return { state: next, reply: written(kind, version) };
}

export function isWrite(command: Command): boolean {
  return command.kind !== "get";
}

function refusalOf(state: State, { kind, from }: Command): StorageReply | undefined {
  switch (kind) {
    case "put":
    case "get":
      return undefined;
    case "delete":
      return state.value === null ? notFound : undefined;
    case "cas":
      return state.value === from ? undefined : preconditionFailed;
    default:
      return unreachable(kind);
  }
}

function readingOf({ value, version }: State): StorageReply {
  if (value === null) return { kind: "ok", result: { kind: "get", value: null, version: 0 } };
  return { kind: "ok", result: { kind: "get", value, version } };
}

function written(kind: "put" | "delete" | "cas", version: number): StorageReply {
  return { kind: "ok", result: { kind, version } };
}

function isWithinBounds(value: string | null): boolean {
  if (value === null) return true;
  if (value.length > limits.valueBytes || !value.isWellFormed()) return false;
  return value.length * 3 <= limits.valueBytes || encodeText(value).length <= limits.valueBytes;
}
