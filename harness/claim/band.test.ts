// Goal: a band holds its own ends and no others, for values and for intervals.
// Method: each kind at its end and on either side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { around, bandText, edges, holds, holdsAll, holdsNone } from "./band.ts";
import type { Band } from "./band.ts";

for (const [band, text, inside, outside] of [
  [{ kind: "below", limit: 500 }, "< 500 ms", [499.999, -1], [500, 501]],
  [{ kind: "at-most", limit: 5 }, "<= 5 ms", [5, 0], [5.001]],
  [{ kind: "above", limit: 0.5 }, "> 0.5 ms", [0.51, 9], [0.5, 0]],
  [{ kind: "at-least", limit: 2000 }, ">= 2000 ms", [2000, 1e9], [1999.9]],
  [{ kind: "equals", value: 0 }, "= 0 ms", [0], [1, -1]],
  [{ kind: "within", low: 1.2, high: 1.8 }, "1.2 to 1.8 ms", [1.2, 1.5, 1.8], [1.19, 1.81]],
] as const satisfies readonly (readonly [Band, string, readonly number[], readonly number[]])[]) {
  test(`${text}: its ends belong to it exactly when they should`, () => {
    assert.equal(bandText(band, "ms"), text);
    for (const value of inside) assert.ok(holds(band, value), `${value} inside`);
    for (const value of outside) assert.ok(!holds(band, value), `${value} outside`);
    for (const value of outside)
      assert.ok(holdsNone(band, { low: value, high: value }), `[${value}, ${value}] misses it`);
    for (const value of inside)
      assert.ok(!holdsNone(band, { low: value, high: value }), `[${value}, ${value}] does not`);
    const everything = { low: -Infinity, high: Infinity };
    assert.ok(!holdsAll(band, everything) && !holdsNone(band, everything));
  });
}

test("an interval that touches the band's end shares a value only when the band owns the end", () => {
  assert.ok(holdsNone({ kind: "below", limit: 500 }, { low: 500, high: 600 }));
  assert.ok(!holdsNone({ kind: "at-most", limit: 500 }, { low: 500, high: 600 }));
  assert.ok(!holdsAll({ kind: "below", limit: 500 }, { low: 400, high: 500 }));
});

test("give or take 15 % of 0.65", () => {
  assert.deepEqual(edges(around(0.65, 0.15)), { low: 0.65 - 0.0975, high: 0.65 + 0.0975 });
});
