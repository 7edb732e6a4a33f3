/**
 * Goal: a token is never given out twice, in no life, and only while the journal covers it.
 * Method: lives that end before or after a block became durable.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokens } from "./tokens.ts";

const block = 2 ** 22;

test("the first life begins at its block, a later one behind all that may have been given out", () => {
  assert.equal(new Tokens(1, 0, () => undefined).take(), block);
  assert.equal(new Tokens(2, 2 * block, () => undefined).take(), 2 * block);
  assert.equal(
    new Tokens(3, 7 * block, () => undefined).take(),
    7 * block,
    "an earlier life needed more than its block",
  );
});

test("when a block is used up, no token is given out before the next one is durable", () => {
  const reserved: { readonly below: number; readonly durable: () => void }[] = [];
  const tokens = new Tokens(1, 0, (below, durable) => void reserved.push({ below, durable }));
  let last = 0;
  for (let count = 0; count < block; count++) {
    const token = tokens.take() ?? 0;
    assert.ok(token > last);
    last = token;
  }
  assert.equal(tokens.take(), undefined);
  assert.equal(tokens.reservedBelow, 3 * block);
  reserved[0]?.durable();
  assert.equal(tokens.take(), 2 * block);
  assert.equal(reserved.length, 1);
});
