/**
 * Client commands as the log holds them, and the door at which requests are judged before they get there.
 *
 * A command is a MessagePack array: session, sequence, kind of operation, its arguments. The log's own checksums guard
 * the bytes, and `encodeCommand` is their only writer, so a command that cannot be read is a broken invariant.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { limits } from "../contract.ts";
import type { ConsensusOperation } from "../contract.ts";

const kinds = ["read", "write", "cas", "append"] as const satisfies readonly ConsensusOperation["kind"][];

const utf8 = new TextEncoder();
/** In one change of members. */
const mostNames = 16;
/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const mostBytesPerUnit = 3;

/** Returns `request` as the payload of a log entry. What a carrier adds to a request does not get into the log. */
export function encodeCommand({ session, sequence, operation }: Request<ConsensusOperation>): Uint8Array {
  return encode([session, sequence, kinds.indexOf(operation.kind), ...argumentsOf(operation)]);
}

/** @throws AssertionError when `payload` was not made by `encodeCommand`. */
export function decodeCommand(payload: Uint8Array): Request<ConsensusOperation> {
  const fields = decode(payload);
  assert(Array.isArray(fields), "a command is an array");
  const [session, sequence, kind, first, second, third] = fields as readonly unknown[];
  const operation = operationOf(kinds[kind as number], first, second, third);
  const request = { session, sequence, operation } as Request<ConsensusOperation>;
  assert(refusalOf(request) === undefined, "a command in the log passed the door");
  return request;
}

/** Judges what a client sent, which may be anything. @returns undefined when it may be executed. */
export function refusalOf(request: unknown): ErrorCode | undefined {
  if (!isObject(request)) return "MALFORMED_REQUEST";
  const { session, sequence, operation } = request;
  const isRequest = isCount(session, 0) && isCount(sequence, 1) && isOperation(operation);
  return isRequest ? undefined : "MALFORMED_REQUEST";
}

/** Judges what an operator sent, which may be anything. @returns undefined when it may be carried out. */
export function refusalOfAdministration(command: unknown): ErrorCode | undefined {
  if (!isObject(command)) return "MALFORMED_REQUEST";
  const isChange = command["kind"] === "change" && isNames(command["add"]) && isNames(command["remove"]);
  return isChange || command["kind"] === "transfer" ? undefined : "MALFORMED_REQUEST";
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length <= mostNames && value.every((name) => isText(name, limits.keyBytes));
}

function isOperation(operation: unknown): boolean {
  if (!isObject(operation)) return false;
  switch (operation["kind"]) {
    case "read":
      return isText(operation["key"], limits.keyBytes);
    case "write":
      return isText(operation["key"], limits.keyBytes) && isText(operation["value"], limits.valueBytes);
    case "cas": {
      const { key, from, to } = operation;
      const isFrom = from === null || isText(from, limits.valueBytes);
      return isText(key, limits.keyBytes) && isFrom && isText(to, limits.valueBytes);
    }
    case "append":
      return isText(operation["value"], limits.valueBytes);
    default:
      return false;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isText(value: unknown, maxBytes: number): boolean {
  if (typeof value !== "string") return false;
  return value.length * mostBytesPerUnit <= maxBytes || isShort(value, maxBytes);
}

/** Encodes only what could be too long and is not obviously so. */
function isShort(value: string, maxBytes: number): boolean {
  return value.length <= maxBytes && utf8.encode(value).length <= maxBytes;
}

function argumentsOf(operation: ConsensusOperation): readonly (string | null)[] {
  switch (operation.kind) {
    case "read":
      return [operation.key];
    case "write":
      return [operation.key, operation.value];
    case "cas":
      return [operation.key, operation.from, operation.to];
    case "append":
      return [operation.value];
    default:
      return unreachable(operation);
  }
}

function operationOf(
  kind: (typeof kinds)[number] | undefined,
  first: unknown,
  second: unknown,
  third: unknown,
): unknown {
  switch (kind) {
    case "read":
      return { kind, key: first };
    case "write":
      return { kind, key: first, value: second };
    case "cas":
      return { kind, key: first, from: second, to: third };
    case "append":
      return { kind, value: first };
    case undefined:
      return undefined;
    default:
      return unreachable(kind);
  }
}
