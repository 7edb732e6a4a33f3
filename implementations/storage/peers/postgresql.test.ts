/**
 * Goal: rows are read as what they say, and an error is called definite only if the statement was rolled back.
 * Method: rows as statements return them, and codes of PostgreSQL's table of errors. What the statements do is tested
 * on PostgreSQL itself, in `assembly/single-server/single-server.test.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { certaintyOf } from "../../foundation/errors.ts";
import type { StorageOperation } from "../contract.ts";
import { errorCodeOf, exchangeOf, readRecord, replyOf } from "./postgresql.ts";

const put: StorageOperation = { kind: "put", key: "k", value: "v", level: "one" };
const get: StorageOperation = { kind: "get", key: "k", level: "all" };
const remove: StorageOperation = { kind: "delete", key: "k", level: "majority" };
const requestOf = (operation: StorageOperation) => ({ session: 3, sequence: 7, operation });

test("keys and values go as bytes, whatever characters they hold", () => {
  assert.deepEqual(exchangeOf(requestOf({ ...put, key: "\0", value: "ü" })).values, [
    Buffer.of(0),
    3,
    7,
    Buffer.from("ü"),
  ]);
});

test("a change's row says whether it is this request's", () => {
  assert.deepEqual(replyOf(requestOf(put), [["4", "7"]]), { kind: "ok", result: { kind: "put", version: 4 } });
  assert.deepEqual(replyOf(requestOf(put), [["4", "8"]]), { kind: "error", code: "SESSION_EXPIRED" });
  assert.deepEqual(replyOf(requestOf(remove), []), { kind: "error", code: "NOT_FOUND" });
  const cas: StorageOperation = { kind: "cas", key: "k", from: "a", to: "b" };
  assert.deepEqual(replyOf(requestOf(cas), []), { kind: "error", code: "PRECONDITION_FAILED" });
});

test("a key that is not there has version 0; a deleted one is in the state", () => {
  assert.deepEqual(replyOf(requestOf(get), []), { kind: "ok", result: { kind: "get", value: null, version: 0 } });
  const found = replyOf(requestOf(get), [[Buffer.from(""), "3"]]);
  assert.deepEqual(found, { kind: "ok", result: { kind: "get", value: "", version: 3 } });
  assert.deepEqual(readRecord([Buffer.from("k"), null, "3"]), ["k", null, 3]);
});

test("errors: definite only what was rolled back", () => {
  const rows: readonly (readonly [state: string, certainty: "definite" | "indefinite"])[] = [
    ["53100", "definite"], // disk_full
    ["53200", "definite"], // out_of_memory
    ["53300", "definite"], // too_many_connections
    ["54000", "definite"], // program_limit_exceeded
    ["22021", "definite"], // character_not_in_repertoire
    ["40001", "definite"], // serialization_failure
    ["40P01", "definite"], // deadlock_detected
    ["40003", "indefinite"], // statement_completion_unknown
    ["55P03", "definite"], // lock_not_available
    ["57P01", "indefinite"], // admin_shutdown
    ["08006", "indefinite"], // connection_failure
    ["58030", "indefinite"], // io_error
    ["XX000", "indefinite"], // internal_error
    ["XX001", "indefinite"], // data_corrupted
    ["", "indefinite"],
  ];
  for (const [state, certainty] of rows) assert.equal(certaintyOf[errorCodeOf(state)], certainty, state);
  assert.equal(errorCodeOf("53100"), "CAPACITY_EXCEEDED");
  assert.equal(errorCodeOf("53300"), "OVERLOADED");
});
