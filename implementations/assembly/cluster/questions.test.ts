// Goal: every question ends: with its answer, or without one when the process is not there or ends.
// Method: a process that only notes what it is sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DriverMessage } from "./control.ts";
import { Questions } from "./questions.ts";

test("an answer reaches who asked, and a process that ends answers none of the others", async () => {
  const sent: DriverMessage[] = [];
  const process = { running: true, send: (message: DriverMessage) => void sent.push(message) };
  const questions = new Questions(process);
  const [first, second, third] = (["states", "resources", "states"] as const).map((what) => questions.ask(what));
  assert.deepEqual(
    sent.map((message) => message.kind === "ask" && [message.what, message.question]),
    [
      ["states", 1],
      ["resources", 2],
      ["states", 3],
    ],
  );
  questions.answered(2, "resources");
  questions.answered(9, "to a question that nobody waits for");
  assert.equal(await second, "resources");
  questions.ended();
  assert.deepEqual(await Promise.all([first, third]), [undefined, undefined]);
  process.running = false;
  assert.equal(await questions.ask("states"), undefined);
  assert.equal(sent.length, 3, "nothing is sent to nobody");
});
