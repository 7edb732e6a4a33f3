/**
 * Goal: the skip list is lock-free and the heap under a lock is not.
 * Method: stop one view of each before every atomic access of an operation, and let another view go on.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stoppedMidway } from "./stopped-midway.ts";

test("whoever stops in the middle of an operation on the skip list is in nobody's way", () => {
  const { places, blocking } = stoppedMidway("skip-list");
  assert.ok(places > 10, `${places} places`);
  assert.equal(blocking, 0);
});

test("whoever stops with the lock of the heap in hand blocks everybody", () => {
  const { places, blocking } = stoppedMidway("locked-heap");
  assert.ok(blocking > 0 && blocking < places, `${blocking} of ${places} places`);
});
