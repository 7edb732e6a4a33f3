// Goal: a value's text stands for its number and for nothing else.
// Method: properties over numbers and sizes; damage to every byte of a text.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { valueNumber, valueText } from "./value-text.ts";

const numbers = fc.integer({ min: 0, max: 2 ** 40 });
const sizes = fc.integer({ min: 1, max: 300 });

test("the number comes back from its text, whatever the size; the text has the size, or the digits and a colon", () => {
  fc.assert(
    fc.property(numbers, sizes, (value, valueBytes) => {
      const text = valueText(value, valueBytes);
      assert.equal(valueNumber(text), value);
      assert.equal(Buffer.byteLength(text), Math.max(valueBytes, `${value}:`.length));
    }),
  );
});

test("two numbers never share a text", () => {
  fc.assert(
    fc.property(numbers, numbers, sizes, (one, other, valueBytes) => {
      assert.equal(valueText(one, valueBytes) === valueText(other, valueBytes), one === other);
    }),
  );
});

test("a text with a changed, missing or added byte is not taken for another number's", () => {
  const text = valueText(1234, 40);
  for (let at = 0; at < text.length; at++) {
    const changed = text.slice(0, at) + String.fromCodePoint((text.codePointAt(at) ?? 0) ^ 1) + text.slice(at + 1);
    assert.equal(valueNumber(changed), undefined, changed);
  }
  assert.equal(valueNumber(`${text}!`), undefined);
  for (const odd of ["", ":", "x:", "1", "1.5:", "-", "1e400:", " 1:"]) assert.equal(valueNumber(odd), undefined, odd);
});
