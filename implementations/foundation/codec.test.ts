/**
 * Goal: a value comes back equal, its bytes are its own, and bytes that are not one value are refused.
 * Method: random values there and back; kept encodings compared after others were made; damaged encodings.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decode, encode } from "./codec.ts";

test("any plain value comes back equal", () => {
  const leaf = [
    fc.string(),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
  ];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, ...leaf, fc.array(tie("value")), fc.dictionary(fc.string(), tie("value"))),
  }));
  const property = fc.property(value, (sent) => {
    assert.deepEqual(plain(decode(encode(sent))), plain(sent));
  });
  // A failure prints the path that replays it with this seed.
  fc.assert(property, { seed: 3, numRuns: 500, examples: [[{ __proto__: null, a: undefined }], [2 ** 53], [-0.5]] });
});

test("encodings are independent of each other and of the packer's buffer", () => {
  const first = encode({ text: "first", bytes: Uint8Array.of(1, 2, 3) });
  const kept = first.slice();
  for (let index = 0; index < 100; index++) encode({ text: "x".repeat(index * 100) });
  assert.deepEqual(first, kept);
  assert.equal(first.buffer.byteLength, first.length, "a kept message pins no more than itself");
});

test("bytes that are not exactly one value are refused", () => {
  const encoded = encode({ kind: "VoteRequest", term: 7, entries: [Uint8Array.of(1, 2, 3)] });
  assert.throws(() => decode(encoded.subarray(0, encoded.length - 1)));
  assert.throws(() => decode(Uint8Array.of(...encoded, 0)));
  assert.throws(() => decode(new Uint8Array(0)));
});

/** Without prototypes, and with -0 as 0: MessagePack has neither. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([key, entry]) => [key, plain(entry)]);
  }
  return Object.is(value, -0) ? 0 : value;
}
