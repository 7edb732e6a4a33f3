/**
 * The contract's operations in Redis's words: which command performs an operation, what its answer means, and what can
 * be concluded from an error. Pure; whoever has a connection performs the exchange.
 *
 * A key of the contract is a key of Redis, which holds a hash: `v` the value (missing: the key was deleted, and that is
 * remembered), `n` the version, `s` and `q` session and sequence of the last change. A change is a script, which Redis
 * runs alone from beginning to end; it makes exactly one write, which is all or nothing in the append-only file.
 *
 * A change that is already the record's last is answered with its version and not done again; one that is older than
 * another of the same session arrives late, nobody waits for it, and it is not done.
 *
 * One server has one copy, so the levels `one`, `majority` and `all` are the same, and all are linearizable: it
 * executes one command after the other, and with `appendfsync always` none is answered before it, and all it could have
 * seen, is synced.
 *
 * @see Redis documentation, "Scripting with Lua", "Redis persistence".
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { RespReply } from "../../platform/node/resp.ts";
import { RespError } from "../../platform/node/resp.ts";
import type { StorageOperation, StorageReply, StorageState } from "../contract.ts";

/** A script answers with a version, or with one of these. */
const verdicts = { NOT_FOUND: -1, PRECONDITION_FAILED: -2, SESSION_EXPIRED: -3 } as const satisfies Partial<
  Record<ErrorCode, number>
>;

/** ARGV: session, sequence, then what the operation needs. */
const opening = `
local record = redis.call("HMGET", KEYS[1], "n", "s", "q", "v")
if record[2] == ARGV[1] then
  if record[3] == ARGV[2] then return tonumber(record[1]) end
  if tonumber(record[3]) > tonumber(ARGV[2]) then return ${verdicts.SESSION_EXPIRED} end
end
local version = (tonumber(record[1]) or 0) + 1
`;
const writing = (value: string): string => `
redis.call("HSET", KEYS[1], "n", version, "s", ARGV[1], "q", ARGV[2], "v", ${value})
return version
`;

/** The scripts, by what they do; a cas from null is another one than a cas from a value. */
export const scripts = {
  put: opening + writing("ARGV[3]"),
  delete: `${opening}
if not record[4] then return ${verdicts.NOT_FOUND} end
redis.call("HDEL", KEYS[1], "v")
redis.call("HSET", KEYS[1], "n", version, "s", ARGV[1], "q", ARGV[2])
return version
`,
  create: `${opening}
if record[4] then return ${verdicts.PRECONDITION_FAILED} end
${writing("ARGV[3]")}`,
  swap: `${opening}
if record[4] ~= ARGV[3] then return ${verdicts.PRECONDITION_FAILED} end
${writing("ARGV[4]")}`,
} as const;
export type ScriptName = keyof typeof scripts;

/** One command to Redis: by itself, or a script with its key and arguments. */
export type RedisCommand =
  | { readonly kind: "command"; readonly words: readonly string[] }
  | { readonly kind: "script"; readonly script: ScriptName; readonly key: string; readonly values: readonly string[] };

export function commandOf({ session, sequence, operation }: Request<StorageOperation>): RedisCommand {
  const { key } = operation;
  const change = (script: ScriptName, values: readonly string[]): RedisCommand => ({
    kind: "script",
    script,
    key,
    values: [String(session), String(sequence), ...values],
  });
  switch (operation.kind) {
    case "get":
      return { kind: "command", words: ["HMGET", key, "v", "n"] };
    case "put":
      return change("put", [operation.value]);
    case "delete":
      return change("delete", []);
    case "cas":
      return operation.from === null
        ? change("create", [operation.to])
        : change("swap", [operation.from, operation.to]);
    default:
      return unreachable(operation);
  }
}

/** What `reply` to the command of an operation of this kind means. */
export function replyOf(kind: StorageOperation["kind"], reply: RespReply): StorageReply {
  if (reply instanceof RespError) return { kind: "error", code: errorCodeOf(reply.message) };
  if (kind === "get") {
    const [value, version] = Array.isArray(reply) ? (reply as readonly RespReply[]) : [];
    const found = typeof value === "string";
    return { kind: "ok", result: { kind, value: found ? value : null, version: found ? Number(version) : 0 } };
  }
  const refusal = Object.entries(verdicts).find(([, verdict]) => verdict === reply);
  if (refusal !== undefined) return { kind: "error", code: refusal[0] as keyof typeof verdicts };
  return typeof reply === "number" && reply > 0
    ? { kind: "ok", result: { kind, version: reply } }
    : { kind: "error", code: "WRITE_UNCERTAIN" };
}

/** Whether the server does not know the script (any more); nothing was done. */
export function isUnknownScript(reply: RespReply): boolean {
  return reply instanceof RespError && reply.message.startsWith("NOSCRIPT");
}

/**
 * What Redis says instead of executing a command; everything else may have come in the middle of a script.
 */
const refusals: readonly (readonly [word: string, code: ErrorCode])[] = [
  ["LOADING", "UNAVAILABLE"],
  ["MASTERDOWN", "UNAVAILABLE"],
  ["READONLY", "UNAVAILABLE"],
  ["NOAUTH", "UNAVAILABLE"],
  ["NOPERM", "UNAVAILABLE"],
  ["BUSY", "OVERLOADED"],
  // The memory or the disk is full: it refuses writes, and scripts before they begin.
  ["OOM", "CAPACITY_EXCEEDED"],
  ["MISCONF", "CAPACITY_EXCEEDED"],
];

/** Returns what an error of Redis's lets a client conclude. */
export function errorCodeOf(message: string): ErrorCode {
  const [word] = message.split(" ");
  return refusals.find(([each]) => each === word)?.[1] ?? "WRITE_UNCERTAIN";
}

/** The command that reads a page of keys, and the cursor of the first page. */
export const firstCursor = "0";
const keysPerPage = 500;
export function pageCommand(cursor: string): readonly string[] {
  return ["SCAN", cursor, "COUNT", String(keysPerPage)];
}
export function recordCommand(key: string): readonly string[] {
  return ["HMGET", key, "v", "n"];
}

/** Reads the answer to `pageCommand`; undefined: it is none. */
export function readPage(reply: RespReply): { readonly cursor: string; readonly keys: readonly string[] } | undefined {
  const [cursor, keys] = Array.isArray(reply) ? (reply as readonly RespReply[]) : [];
  if (typeof cursor !== "string" || !Array.isArray(keys)) return undefined;
  return { cursor, keys: (keys as readonly RespReply[]).map(String) };
}

/** Reads the answer to `recordCommand`; undefined: there is no such record. */
export function readRecord(key: string, reply: RespReply): StorageState["entries"][number] | undefined {
  const [value, version] = Array.isArray(reply) ? (reply as readonly RespReply[]) : [];
  if (typeof version !== "string") return undefined;
  return [key, typeof value === "string" ? value : null, Number(version)];
}
