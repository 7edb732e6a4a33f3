/**
 * Goal: messages are the bytes that every other reader of protocol buffers expects, and nothing that is cut short is
 * taken for whole.
 * Method: the examples of the format's own documentation, then properties over random messages.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeMessage, Message } from "./protobuf.ts";

const seed = 20_261_124;

test("the documentation's examples", () => {
  assert.deepEqual([...encodeMessage([[1, 150]])], [0x08, 0x96, 0x01]);
  assert.deepEqual(Buffer.from(encodeMessage([[2, "testing"]])).toString("hex"), "120774657374696e67");
  assert.deepEqual(Buffer.from(encodeMessage([[3, [[1, 150]]]])).toString("hex"), "1a03089601");
});

test("what is missing reads as the default, and of what is repeated the last counts", () => {
  const message = new Message(
    encodeMessage([
      [1, 7],
      [1, 8],
      [2, true],
    ]),
  );
  assert.deepEqual([message.number(1), message.number(2), message.number(3)], [8, 1, 0]);
  assert.deepEqual([message.text(4), message.messages(5), message.has(4), message.has(2)], ["", [], false, true]);
});

test("identifiers keep all 64 bits, and a number that cannot be held exactly is refused", () => {
  const message = new Message(Uint8Array.of(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
  assert.equal(message.integer(1), 2n ** 64n - 1n);
  assert.throws(() => message.number(1), RangeError);
});

test("texts, numbers and messages inside messages read back", () => {
  const property = fc.property(
    fc.string({ unit: "binary" }),
    fc.maxSafeNat(),
    fc.uint8Array(),
    (text, number, bytes) => {
      const message = new Message(
        encodeMessage([
          [1, text],
          [500, number],
          [3, [[1, bytes]]],
        ]),
      );
      assert.equal(message.text(1), text);
      assert.equal(message.number(500), number);
      assert.deepEqual([...message.message(3).bytes(1)], [...bytes]);
    },
  );
  fc.assert(property, { seed });
});

test("a message cut short is refused, or is whole fields only", () => {
  const property = fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, cut) => {
    const whole = encodeMessage([[2, bytes]]);
    const length = 1 + (cut % (whole.length - 1));
    assert.throws(() => new Message(whole.subarray(0, length)), RangeError);
  });
  fc.assert(property, { seed });
});
