/**
 * Goal: an operation becomes the cheapest request that is correct, and an error of etcd's is called definite only if
 * the request definitely did not happen.
 * Method: the requests read back field by field, and every error that etcd's own table holds for these methods. What
 * the transactions do is tested on etcd itself, in `assembly/etcd/etcd-cluster.test.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { certaintyOf } from "../../foundation/errors.ts";
import { limits } from "../contract.ts";
import type { ConsensusOperation } from "../contract.ts";
import { readState, readStatus } from "./etcd-state.ts";
import { errorCodeOf, exchangeOf, refusalOf } from "./etcd.ts";
import { encodeMessage, Message } from "./protobuf.ts";

const write = { kind: "write", key: "k", value: "v" } as const;
const cas = { kind: "cas", key: "k", from: null, to: "v" } as const;
const append = { kind: "append", value: "v" } as const;
const read = { kind: "read", key: "k" } as const;

const requestOf = (operation: ConsensusOperation) => ({ session: 3, sequence: 7, operation });

test("where nothing is repeated a write is a plain put", () => {
  const { method, message, repeatable } = exchangeOf(requestOf(write), false);
  assert.deepEqual([method, repeatable], ["/etcdserverpb.KV/Put", false]);
  assert.deepEqual(
    message,
    encodeMessage([
      [1, "r/k"],
      [2, "v"],
    ]),
  );
});

test("only what is remembered may be sent again, and reads always", () => {
  for (const operation of [write, cas, append]) {
    assert.equal(exchangeOf(requestOf(operation), true).repeatable, true, operation.kind);
    assert.equal(exchangeOf(requestOf(operation), false).repeatable, false, operation.kind);
  }
  assert.equal(exchangeOf(requestOf(read), false).repeatable, true);
});

test("a read is linearizable: it is not answered by a member alone", () => {
  const message = new Message(exchangeOf(requestOf(read), true).message);
  assert.equal(message.has(7), false, "serializable is not asked for");
});

test("a remembered write asks for its session first, and sequence numbers compare as numbers do", () => {
  const valueAsked = (sequence: number): string => {
    const { message } = exchangeOf({ ...requestOf(write), sequence }, true);
    const [compare] = new Message(message).messages(1);
    assert.equal(compare?.text(3), "s/3");
    return compare.text(7);
  };
  assert.ok(valueAsked(9) < valueAsked(10));
  // What is put for a request is beyond what it compares with, and what is put for the one before is not.
  assert.ok(`${valueAsked(10)}d` > valueAsked(10) && `${valueAsked(9)}d` < valueAsked(10));
});

test("the list is in the order in which entries were created, registers in that of their keys", () => {
  const keyValue = (key: string, created: number, value: string) =>
    [
      2,
      [
        [1, key],
        [2, created],
        [5, value],
      ],
    ] as const;
  const ranges = [
    [keyValue("r/b", 3, "2"), keyValue("r/a", 9, "1")],
    [keyValue("l/0/10", 6, "second"), keyValue("l/0/2", 8, "third"), keyValue("l/1/1", 5, "first")],
  ];
  const answer = encodeMessage(ranges.map((range) => [3, [[1, range]]] as const));
  assert.deepEqual(readState(answer), {
    registers: [
      ["a", "1"],
      ["b", "2"],
    ],
    list: ["first", "second", "third"],
  });
  assert.deepEqual(readState(encodeMessage([])), { registers: [], list: [] });
});

test("a status names member and leader with all their bits", () => {
  const large = Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
  const { member, leader, term } = readStatus(
    encodeMessage([
      [1, large],
      [4, 5],
      [6, 2],
    ]),
  );
  assert.deepEqual([member, leader, term], [2n ** 64n - 1n, 5n, 2]);
});

test("limits are the contract's, in bytes", () => {
  assert.equal(refusalOf({ ...write, key: "ü".repeat(limits.keyBytes / 2) }), undefined);
  assert.equal(refusalOf({ ...write, key: `${"ü".repeat(limits.keyBytes / 2)}x` }), "MALFORMED_REQUEST");
  assert.equal(refusalOf({ ...append, value: "v".repeat(limits.valueBytes) }), undefined);
  assert.equal(refusalOf({ ...append, value: "v".repeat(limits.valueBytes + 1) }), "MALFORMED_REQUEST");
  assert.equal(refusalOf({ ...cas, from: "v".repeat(limits.valueBytes + 1) }), "MALFORMED_REQUEST");
});

test("errors: definite only what etcd says before it proposes", () => {
  const unavailable = 14;
  const rows: readonly (readonly [status: number, message: string, certainty: "definite" | "indefinite"])[] = [
    [8, "etcdserver: too many requests", "definite"],
    [8, "etcdserver: mvcc: database space exceeded", "definite"],
    [3, "etcdserver: request is too large", "definite"],
    [3, "etcdserver: key is not provided", "definite"],
    [8, "grpc: received message larger than max", "indefinite"],
    [unavailable, "etcdserver: request timed out", "indefinite"],
    [unavailable, "etcdserver: request timed out, possibly due to previous leader failure", "indefinite"],
    [unavailable, "etcdserver: request timed out, possibly due to connection lost", "indefinite"],
    [unavailable, "etcdserver: leader changed", "indefinite"],
    [unavailable, "etcdserver: no leader", "indefinite"],
    [unavailable, "etcdserver: server stopped", "indefinite"],
    [unavailable, "transport is closing", "indefinite"],
    [4, "context deadline exceeded", "indefinite"],
    [1, "context canceled", "indefinite"],
    [13, "anything", "indefinite"],
    [2, "anything", "indefinite"],
  ];
  for (const [status, message, certainty] of rows) {
    assert.equal(certaintyOf[errorCodeOf(status, message)], certainty, message);
  }
  assert.equal(errorCodeOf(8, "etcdserver: too many requests"), "OVERLOADED");
});
