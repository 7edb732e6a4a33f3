/** Goal: no label covers another or leaves the plot. Method: property over arbitrary windows, and one example. */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { textWidthPx } from "../../harness/chart/fonts.ts";
import { placeInLanes } from "./label-lanes.ts";

test("a label moves up when its lane is taken, and left when the plot ends", () => {
  const placed = placeInLanes(
    [
      { text: "delay", startPx: 10 },
      { text: "majority-minority", startPx: 20 },
      { text: "pause", startPx: 310 },
    ],
    320,
    10,
  );
  assert.deepEqual(
    placed.map(({ text, lane }) => [text, lane]),
    [
      ["delay", 0],
      ["majority-minority", 1],
      ["pause", 0],
    ],
  );
  assert.ok((placed[2]?.leftPx ?? 0) < 310);
});

test("labels of one lane are apart, all lie inside the plot, and lanes are four at most", () => {
  const label = fc.record({
    text: fc.constantFrom("kill", "isolate-one", "majority-minority"),
    startPx: fc.nat({ max: 320 }),
  });
  fc.assert(
    fc.property(fc.array(label, { maxLength: 40 }), (labels) => {
      const placed = placeInLanes(
        [...labels].sort((a, b) => a.startPx - b.startPx),
        320,
        10,
      );
      for (const [index, { text, leftPx, lane }] of placed.entries()) {
        const rightPx = leftPx + textWidthPx(text, 10);
        assert.ok(leftPx >= 0 && rightPx <= 320 + 1e-9 && lane < 4);
        for (const other of placed.slice(index + 1)) {
          if (other.lane !== lane) continue;
          assert.ok(other.leftPx >= rightPx || other.leftPx + textWidthPx(other.text, 10) <= leftPx);
        }
      }
    }),
    { seed: 6, numRuns: 300 },
  );
});
