/**
 * The contract's operations in PostgreSQL's words: which statement performs an operation, what its answer means, and
 * what can be concluded from an error. Pure; whoever has a connection performs the exchange.
 *
 * One table has a row per key: the value (NULL: the key was deleted, and that is remembered), the version, session and
 * sequence of the last change. Keys and values are bytes, because a text of PostgreSQL's cannot hold U+0000.
 *
 * Every operation is one statement, which is a transaction of its own, at READ COMMITTED. That is enough for every key
 * to be linearizable. A change touches one row, found by its primary key, and locks it until it has committed; one that
 * had to wait for the lock looks at its condition again, on the row as it has become (INSERT ... ON CONFLICT DO UPDATE
 * and UPDATE both do). So changes of a key happen one after the other, each on what the one before left. A commit is
 * acknowledged after its log record is synced, and seen by statements that begin later; what a read sees is synced too,
 * since a transaction becomes visible only after that.
 *
 * A change that is already the record's last, or that is older than another of the same session and arrives late, finds
 * its row and leaves it as it is: the sequence that comes back tells which it was. One server has one copy, so the
 * levels `one`, `majority` and `all` are the same.
 *
 * @see PostgreSQL documentation, section 13.2.1 (Read Committed), INSERT (ON CONFLICT), section 30.4 (asynchronous
 *   commit, which is off), appendix A (error codes).
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { SqlRow, SqlValue, Statement } from "../../platform/node/postgresql-pool.ts";
import type { StorageOperation, StorageReply, StorageState } from "../contract.ts";

export const createTable: Statement = {
  name: "create",
  text: `CREATE TABLE IF NOT EXISTS records (
    key bytea PRIMARY KEY, value bytea, version bigint NOT NULL, session bigint NOT NULL, sequence bigint NOT NULL)`,
};
export const countRecords: Statement = { name: "count", text: "SELECT count(*) FROM records" };
/** A page of records in the order of their keys, after one key. */
export const pageOfRecords: Statement = {
  name: "page",
  text: "SELECT key, value, version FROM records WHERE key > $1 ORDER BY key LIMIT 500",
};

/** The change is already the record's last, or late: $2 is its session, $3 its sequence. */
const isKnown = "(r.session = $2 AND r.sequence >= $3)";
const replaced = (value: string): string => `
  value = CASE WHEN ${isKnown} THEN r.value ELSE ${value} END,
  version = CASE WHEN ${isKnown} THEN r.version ELSE r.version + 1 END,
  sequence = CASE WHEN ${isKnown} THEN r.sequence ELSE $3 END,
  session = $2`;
const upsert = (condition: string): string => `
  INSERT INTO records AS r (key, session, sequence, value, version) VALUES ($1, $2::bigint, $3::bigint, $4, 1)
  ON CONFLICT (key) DO UPDATE SET ${replaced("excluded.value")} ${condition}
  RETURNING version, sequence`;

const statements = {
  get: { name: "get", text: "SELECT value, version FROM records WHERE key = $1 AND value IS NOT NULL" },
  put: { name: "put", text: upsert("") },
  /** A cas from null: the key is not there, or was deleted. */
  create: { name: "create-value", text: upsert(`WHERE r.value IS NULL OR ${isKnown}`) },
  swap: {
    name: "swap",
    text: `UPDATE records AS r SET ${replaced("$5::bytea")}
      WHERE key = $1 AND (r.value = $4::bytea OR ${isKnown}) RETURNING version, sequence`,
  },
  delete: {
    name: "delete",
    text: `UPDATE records AS r SET ${replaced("NULL")}
      WHERE key = $1 AND (r.value IS NOT NULL OR ${isKnown}) RETURNING version, sequence`,
  },
} as const satisfies Record<string, Statement>;

/** A statement with its parameters. */
export interface Exchange {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
}

export function exchangeOf({ session, sequence, operation }: Request<StorageOperation>): Exchange {
  const change = (statement: Statement, values: readonly string[]): Exchange => ({
    statement,
    values: [bytesOf(operation.key), session, sequence, ...values.map(bytesOf)],
  });
  switch (operation.kind) {
    case "get":
      return { statement: statements.get, values: [bytesOf(operation.key)] };
    case "put":
      return change(statements.put, [operation.value]);
    case "delete":
      return change(statements.delete, []);
    case "cas":
      return operation.from === null
        ? change(statements.create, [operation.to])
        : change(statements.swap, [operation.from, operation.to]);
    default:
      return unreachable(operation);
  }
}

/** What `rows` in answer to the statement of `request` mean. */
export function replyOf({ sequence, operation }: Request<StorageOperation>, rows: readonly SqlRow[]): StorageReply {
  const [row] = rows;
  const { kind } = operation;
  if (kind === "get") {
    const [value, version] = row ?? [null, 0];
    return { kind: "ok", result: { kind, value: textOf(value), version: Number(version) } };
  }
  if (row === undefined) return { kind: "error", code: kind === "delete" ? "NOT_FOUND" : "PRECONDITION_FAILED" };
  const [version, recorded] = row.map(Number);
  if (recorded !== sequence) return { kind: "error", code: "SESSION_EXPIRED" };
  return { kind: "ok", result: { kind, version: version ?? 0 } };
}

/** By their first characters: a class, or one error. The statement was rolled back, or never began. */
const refusals: readonly (readonly [state: string, code: ErrorCode])[] = [
  ["53300", "OVERLOADED"], // Too many connections.
  ["53", "CAPACITY_EXCEEDED"], // Disk full, out of memory, a configured limit.
  ["54", "MALFORMED_REQUEST"], // A program limit: too large.
  ["22", "MALFORMED_REQUEST"], // Data that cannot be.
  ["40", "UNAVAILABLE"], // Rolled back, deadlocked; 40003 excepted below.
  ["55", "UNAVAILABLE"], // Not in a state to do it: locked.
];
/** "statement_completion_unknown" says itself what it is. */
const unknownCompletion = "40003";

/** Returns what an error, by its SQLSTATE, lets a client conclude. */
export function errorCodeOf(state: string): ErrorCode {
  if (state === unknownCompletion) return "WRITE_UNCERTAIN";
  return refusals.find(([each]) => state.startsWith(each))?.[1] ?? "WRITE_UNCERTAIN";
}

/** Reads a row of `pageOfRecords`. */
export function readRecord([key, value, version]: SqlRow): StorageState["entries"][number] {
  return [textOf(key) ?? "", textOf(value), Number(version)];
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

function textOf(bytes: unknown): string | null {
  return Buffer.isBuffer(bytes) ? bytes.toString() : null;
}
