/**
 * Goal: what clients could see is one state, whichever nodes hold what. Method: the states of nodes that agree, that
 * lag behind, and that are partly missing, merged in every order.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mergeStates } from "./contract.ts";
import type { StorageState } from "./contract.ts";

describe("merging the states of nodes", () => {
  test("no node, or nodes without a key, hold nothing", () => {
    assert.deepEqual(mergeStates([]), { entries: [] });
    assert.deepEqual(mergeStates([holding(), holding()]), { entries: [] });
  });

  test("of each key the newest version counts, wherever it is, in whatever order the nodes are asked", () => {
    const states = [
      holding(["a", "old", 1], ["b", "1", 1]),
      holding(["a", "new", 3], ["c", "1", 2]),
      holding(["a", "older", 2]),
    ];
    const merged = { entries: [["a", "new", 3] as const, ["b", "1", 1] as const, ["c", "1", 2] as const] };
    for (const order of ordersOf(states)) assert.deepEqual(mergeStates(order), merged);
  });

  test("a delete hides what was before it and not what came after; a tombstone itself is never shown", () => {
    const [value, tombstone, again] = [holding(["k", "v", 1]), holding(["k", null, 2]), holding(["k", "w", 3])];
    for (const order of ordersOf([value, tombstone])) assert.deepEqual(mergeStates(order), { entries: [] });
    for (const order of ordersOf([value, tombstone, again])) {
      assert.deepEqual(mergeStates(order), { entries: [["k", "w", 3]] });
    }
  });

  test("an empty value is a value", () => {
    assert.deepEqual(mergeStates([holding(["k", "", 1])]), { entries: [["k", "", 1]] });
  });

  test("keys are sorted by their code units, also where the nodes' shares of them interleave", () => {
    const states = [holding(["B", "1", 1], ["é", "1", 1]), holding(["a", "1", 1], ["｡", "1", 1], ["😀", "1", 1])];
    const keys = mergeStates(states).entries.map(([key]) => key);
    assert.deepEqual(keys, ["B", "a", "é", "😀", "｡"]);
  });

  test("how many copies there should be, and were found, does not matter to what clients could see", () => {
    const entries: StorageState["entries"] = [["k", "v", 1]];
    const implicit = mergeStates([{ entries, copies: undefined }]);
    const explicit = mergeStates([
      { entries, copies: 3 },
      { entries, copies: 3 },
    ]);
    assert.deepEqual(implicit, explicit);
  });
});

function holding(...entries: StorageState["entries"]): StorageState {
  return { entries, copies: 3 };
}

function ordersOf(states: readonly StorageState[]): (readonly StorageState[])[] {
  if (states.length <= 1) return [states];
  return states.flatMap((state, index) => ordersOf(states.toSpliced(index, 1)).map((rest) => [state, ...rest]));
}
