/**
 * Goal: replies are found however the bytes are cut, commands are what Redis reads, and bytes that are no reply are
 * noticed before they give an answer to the wrong caller.
 * Method: known bytes, cut at every place.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCommand, RespDamage, RespError, RespReader } from "./resp.ts";
import type { RespReply } from "./resp.ts";

const bytes = Buffer.from(
  "+OK\r\n:-12\r\n$6\r\nü\r\n\0x\r\n$-1\r\n-ERR no\r\n*3\r\n$1\r\na\r\n*0\r\n$0\r\n\r\n*-1\r\n",
);
const replies: readonly RespReply[] = ["OK", -12, "ü\r\n\0x", null, new RespError("ERR no"), ["a", [], ""], null];

test("replies are the same however their bytes are cut", () => {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new RespReader();
    const found: RespReply[] = [];
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      reader.push(part);
      for (let reply = reader.next(); reply !== undefined; reply = reader.next()) found.push(reply);
    }
    assert.deepEqual(found, replies, `cut at ${cut}`);
  }
});

test("also byte by byte", () => {
  const reader = new RespReader();
  const found: RespReply[] = [];
  for (const byte of bytes) {
    reader.push(Buffer.of(byte));
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) found.push(reply);
  }
  assert.deepEqual(found, replies);
});

test("bytes that are no reply are damage", () => {
  for (const text of [
    "x\r\n",
    ":x\r\n",
    ":\r\n",
    "$-2\r\n",
    "$999999999999\r\n",
    "*-5\r\n",
    "+OK\n",
    "*1\r\n".repeat(9),
  ]) {
    const reader = new RespReader();
    reader.push(Buffer.from(text));
    assert.throws(() => reader.next(), RespDamage, JSON.stringify(text));
  }
});

test("words are counted in bytes", () => {
  assert.equal(encodeCommand(["GET", "ü\r\n"]), "*2\r\n$3\r\nGET\r\n$4\r\nü\r\n\r\n");
});
