/**
 * The statements of the engine on PostgreSQL, and its answers.
 *
 * Records are a table of keys and values in bytes, which PostgreSQL orders byte by byte. Beside them stands one row
 * that says who uses them, and how many groups of batches have been applied.
 *
 * A group is one statement, hence one transaction: it first takes its turn, from the number before to its own, and does
 * the rest only if that was possible. So a group that was sent twice because a connection was lost is applied once,
 * whichever attempt comes first and however late the other one is.
 */

import type { EngineErrorCode } from "../../foundation/engine-error.ts";
import type { EngineWrite } from "../../storage/engine.ts";
import type { SqlRow, SqlValue, Statement } from "./postgresql-pool.ts";

/** Any number will do, so long as nobody else uses it in the same database. */
const lockNumber = 7_236_839_214;

/** True for one session at a time, until that ends. */
export const takeLock: Statement = {
  name: "grey-lock",
  text: `SELECT pg_try_advisory_lock(${lockNumber})`,
};

export const describeServer: Statement = {
  name: "grey-describe",
  text: "SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('full_page_writes')",
};

export const createTables: readonly Statement[] = [
  {
    name: "grey-create-records",
    text: "CREATE TABLE IF NOT EXISTS grey_records (key bytea PRIMARY KEY, value bytea NOT NULL)",
  },
  {
    name: "grey-create-engine",
    text: "CREATE TABLE IF NOT EXISTS grey_engine (id int PRIMARY KEY, owner text NOT NULL, groups bigint NOT NULL)",
  },
];

/** Makes $1 the owner; returns how many groups there have been. */
export const takeOver: Statement = {
  name: "grey-take-over",
  text: `INSERT INTO grey_engine (id, owner, groups) VALUES (1, $1, 0)
    ON CONFLICT (id) DO UPDATE SET owner = excluded.owner RETURNING groups`,
};

export const whoseTurn: Statement = { name: "grey-turn", text: "SELECT owner, groups FROM grey_engine" };

const turn =
  "turn AS (UPDATE grey_engine SET groups = $1::bigint WHERE groups = $1::bigint - 1 AND owner = $2 RETURNING groups)";

/** $1 the group's number, $2 the owner, $3 keys to remove, $4 and $5 keys and values to set; no key twice. */
export const applyGroup: Statement = {
  name: "grey-write",
  text: `WITH ${turn},
    gone AS (DELETE FROM grey_records WHERE key = ANY($3::bytea[]) AND EXISTS (SELECT FROM turn)),
    put AS (
      INSERT INTO grey_records (key, value)
      SELECT new.key, new.value FROM unnest($4::bytea[], $5::bytea[]) AS new (key, value) WHERE EXISTS (SELECT FROM turn)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value)
    SELECT groups FROM turn`,
};

/** $1 and $2 as above. TRUNCATE would be faster, and cannot be made to depend on the turn. */
export const removeAll: Statement = {
  name: "grey-clear",
  text: `WITH ${turn}, gone AS (DELETE FROM grey_records WHERE EXISTS (SELECT FROM turn)) SELECT groups FROM turn`,
};

export const readKeys: Statement = {
  name: "grey-read",
  text: "SELECT key, value FROM grey_records WHERE key = ANY($1::bytea[])",
};

/** How many entries are looked at for one slice; a slice may end earlier. */
export const sliceRows = 1000;

const scanWith = (end: string): string => `
  SELECT key, value, count FROM (
    SELECT key, value, count(*) OVER () AS count,
      sum(length(key) + length(value)) OVER (ORDER BY key) - length(key) - length(value) AS before
    FROM (SELECT key, value FROM grey_records WHERE key >= $1 ${end} ORDER BY key LIMIT ${sliceRows}) AS page
  ) AS counted WHERE before < $2 ORDER BY key`;

/** $1 from, $2 bytes, $3 to; the first entry in any case, then those before which there are fewer bytes. */
export const scanTo: Statement = { name: "grey-scan-to", text: scanWith("AND key < $3") };
export const scanOn: Statement = { name: "grey-scan-on", text: scanWith("") };

/** Gives the room of what is gone back for use; not a VACUUM FULL, which would lock everybody out. */
export const vacuum: Statement = { name: "grey-vacuum", text: "VACUUM grey_records" };

/** The parameters $3, $4 and $5 of `applyGroup`; of several writes to a key the last one counts. */
export function groupParameters(batches: Iterable<readonly EngineWrite[]>): readonly SqlValue[] {
  const writes = new Map<string, EngineWrite>();
  for (const batch of batches) {
    for (const write of batch) writes.set(Buffer.from(write.key).toString("latin1"), write);
  }
  const gone: Uint8Array[] = [];
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  for (const { key, value } of writes.values()) {
    if (value === undefined) gone.push(key);
    else {
      keys.push(key);
      values.push(value);
    }
  }
  return [gone, keys, values].map(byteaArray);
}

const byteaType = 17;
const wordBytes = 4;

/**
 * Returns an array of bytes in PostgreSQL's binary form, as `pg` sends what is a Buffer; as text it would be twice as
 * long. @see PostgreSQL, `src/backend/utils/adt/arrayfuncs.c`, `array_recv`.
 */
export function byteaArray(items: readonly Uint8Array[]): Buffer {
  const isEmpty = items.length === 0;
  const header = isEmpty ? [0, 0, byteaType] : [1, 0, byteaType, items.length, 1];
  const size = items.reduce((bytes, item) => bytes + wordBytes + item.length, header.length * wordBytes);
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  for (const word of header) at = buffer.writeInt32BE(word, at);
  for (const item of items) {
    at = buffer.writeInt32BE(item.length, at);
    buffer.set(item, at);
    at += item.length;
  }
  return buffer;
}

/** A column of bytes. */
export function bytesOf(row: SqlRow, column: number): Uint8Array {
  const bytes = row[column];
  return Buffer.isBuffer(bytes) ? bytes : new Uint8Array();
}

/** Returns what an error of the server's, by its SQLSTATE, is to an engine; nothing of the statement was applied. */
export function engineCodeOf(state: string): EngineErrorCode {
  if (state === "XX001" || state === "XX002") return "DAMAGED"; // Data corrupted, index corrupted.
  return state === "53100" ? "FULL" : "IO";
}

/** Whether a refusal of the server's will be the same next time: a wrong password, no such database or role. */
export function isFinalRefusal(state: string | undefined): boolean {
  return state !== undefined && (state.startsWith("28") || state === "3D000" || state === "42501");
}
