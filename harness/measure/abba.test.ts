// Goal: the order of a block is random, reversed in the next block, and the same again after a resume.
// Method: counts over many blocks of one seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { blockOrder } from "./abba.ts";

test("every second block reverses the one before it", () => {
  for (let block = 0; block < 40; block += 2) {
    const names = ["minimal", "production", "etcd"];
    assert.deepEqual(blockOrder(5, block + 1, names), blockOrder(5, block, names).toReversed());
    assert.deepEqual(names, ["minimal", "production", "etcd"]);
  }
});

test("either implementation goes first about as often, and exactly as often over both blocks of a pair", () => {
  let first = 0;
  for (let block = 0; block < 400; block += 2) if (blockOrder(5, block, ["a", "b"])[0] === "a") first++;
  assert.ok(first > 70 && first < 130, `a opened ${first} of 200 pairs`);
});

test("the order depends on seed and block alone", () => {
  assert.deepEqual(blockOrder("s", 6, ["a", "b", "c", "d"]), blockOrder("s", 6, ["a", "b", "c", "d"]));
  const orders = new Set(Array.from({ length: 50 }, (_, seed) => blockOrder(seed, 0, ["a", "b", "c"]).join("")));
  assert.equal(orders.size, 6);
});
