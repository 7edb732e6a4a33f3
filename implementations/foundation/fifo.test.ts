/**
 * Goal: what comes out is what went in, in order, also when the dead front is cut off in between.
 * Method: random programs against an array; long enough that the queue moves its elements.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fifo } from "./fifo.ts";

test("behaves as an array does", () => {
  const bursts = fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 3000 }), fc.nat({ max: 20 })), {
    maxLength: 12,
  });
  const property = fc.property(bursts, (program) => {
    const queue = new Fifo<number>();
    let model: number[] = [];
    let next = 0;
    for (const [pushes, shifts, clear] of program) {
      for (let count = 0; count < pushes; count++) {
        queue.push(next);
        model.push(next++);
      }
      for (let count = 0; count < shifts; count++) {
        assert.equal(queue.peek(), model[count]);
        assert.equal(queue.shift(), model[count]);
      }
      model = model.slice(shifts);
      if (clear === 0) {
        queue.clear();
        model = [];
      }
      assert.equal(queue.length, model.length);
      assert.deepEqual([...queue], model);
    }
  });
  fc.assert(property, { seed: 6, numRuns: 100 }); // A failure prints the path that replays it with this seed.
});
