/**
 * Goal: one key press asks once, however often the machine delivers it; a second one ends the process.
 * Method: requests at chosen times.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Interruption } from "./interruption.ts";

test("the first request asks, its echo does nothing, the next one forces", () => {
  let nowMs = 1000;
  const forced: string[] = [];
  const interruption = new Interruption({ nowMs: () => nowMs, force: (reason) => forced.push(reason) });
  assert.equal(interruption.signal.aborted, false);

  interruption.request("SIGINT");
  assert.equal(interruption.signal.aborted, true);

  nowMs += 20;
  interruption.request("SIGINT"); // npm passes on what the terminal already sent to the whole group.
  assert.deepEqual(forced, []);

  nowMs += 1000;
  interruption.request("SIGTERM");
  assert.deepEqual(forced, ["SIGTERM"]);
});
