/**
 * Goal: an answer of Redis's is read as what it says, and an error is called definite only if nothing can have been
 * done.
 * Method: answers and errors as Redis words them. What the scripts do is tested on Redis itself, in
 * `assembly/single-server/single-server.test.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { certaintyOf } from "../../foundation/errors.ts";
import { RespError } from "../../platform/node/resp.ts";
import { commandOf, errorCodeOf, isUnknownScript, readPage, readRecord, replyOf } from "./redis.ts";

test("a swap from null and one from a value are different scripts, and values are passed as they are", () => {
  const cas = (from: string | null) =>
    commandOf({ session: 3, sequence: 7, operation: { kind: "cas", key: "k", from, to: "t" } });
  assert.deepEqual(cas(null), { kind: "script", script: "create", key: "k", values: ["3", "7", "t"] });
  assert.deepEqual(cas(""), { kind: "script", script: "swap", key: "k", values: ["3", "7", "", "t"] });
});

test("a deleted key has no value and no version to a reader, and both to the state", () => {
  assert.deepEqual(replyOf("get", [null, "4"]), { kind: "ok", result: { kind: "get", value: null, version: 0 } });
  assert.deepEqual(replyOf("get", ["", "5"]), { kind: "ok", result: { kind: "get", value: "", version: 5 } });
  assert.deepEqual(readRecord("k", [null, "4"]), ["k", null, 4]);
  assert.equal(readRecord("k", [null, null]), undefined);
});

test("a script answers with a version, or with why not", () => {
  assert.deepEqual(replyOf("put", 3), { kind: "ok", result: { kind: "put", version: 3 } });
  assert.deepEqual(replyOf("delete", -1), { kind: "error", code: "NOT_FOUND" });
  assert.deepEqual(replyOf("cas", -2), { kind: "error", code: "PRECONDITION_FAILED" });
  assert.deepEqual(replyOf("put", -3), { kind: "error", code: "SESSION_EXPIRED" });
  assert.deepEqual(replyOf("put", null), { kind: "error", code: "WRITE_UNCERTAIN" }, "no answer of a script's");
});

test("errors: definite only what Redis says instead of beginning", () => {
  const rows: readonly (readonly [string, "definite" | "indefinite"])[] = [
    ["LOADING Redis is loading the dataset in memory", "definite"],
    ["OOM command not allowed when used memory > 'maxmemory'.", "definite"],
    ["MISCONF Errors writing to the AOF file: No space left on device", "definite"],
    ["BUSY Redis is busy running a script.", "definite"],
    ["NOAUTH Authentication required.", "definite"],
    ["ERR Error running script", "indefinite"],
    ["LOADINGS", "indefinite"],
    ["", "indefinite"],
  ];
  for (const [message, certainty] of rows) assert.equal(certaintyOf[errorCodeOf(message)], certainty, message);
});

test("an unknown script is no outcome", () => {
  assert.equal(isUnknownScript(new RespError("NOSCRIPT No matching script. Please use EVAL.")), true);
  assert.equal(isUnknownScript(new RespError("ERR NOSCRIPT")), false);
  assert.equal(isUnknownScript("NOSCRIPT"), false);
});

test("a page of keys is a cursor and keys, or nothing", () => {
  assert.deepEqual(readPage(["17", ["a", "b"]]), { cursor: "17", keys: ["a", "b"] });
  for (const reply of [null, 3, ["17"], new RespError("ERR"), [17, []]]) assert.equal(readPage(reply), undefined);
});
