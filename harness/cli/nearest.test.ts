/**
 * Goal: a typing error gets the word that was meant, a foreign word gets no guess.
 * Method: examples of each kind of slip, and the property that any single slip in a long enough word is healed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nearest } from "./nearest.ts";

const words = ["isolate-one", "majority-minority", "graceful-restart", "torn-write", "kill", "kv"];

for (const [typed, meant] of [
  ["kil", "kill"],
  ["klil", "kill"],
  ["kilt", "kill"],
  ["KILL", "kill"],
  ["gracefull-restart", "graceful-restart"],
  ["majority", undefined],
  ["raft", undefined],
  ["", undefined],
] as const) {
  test(`"${typed}" is nearest to ${meant}`, () => assert.equal(nearest(typed, words), meant));
}

test("one slip in a word is healed", () => {
  const slip = fc.record({ word: fc.constantFrom(...words.slice(0, 4)), at: fc.nat(9), kind: fc.nat(3) });
  fc.assert(
    fc.property(slip, ({ word, at, kind }) => {
      const [head, tail] = [word.slice(0, at), word.slice(at)];
      const slips = [head + tail.slice(1), `${head}q${tail}`, `${head}q${tail.slice(1)}`, swapped(head, tail)];
      assert.equal(nearest(slips[kind]!, words), word);
    }),
    { seed: 7 },
  );
});

function swapped(head: string, tail: string): string {
  return head + (tail[1] ?? "") + (tail[0] ?? "") + tail.slice(2);
}
