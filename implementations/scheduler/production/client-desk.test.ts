/**
 * Goal: the desk answers the newest copy of a client's newest request, and what it remembers is bounded.
 * Method: clients that ask once, several times, or wait for ever, by hand.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest, SchedulerReply } from "../contract.ts";
import { ClientDesk } from "./client-desk.ts";

const ended: SchedulerReply = { kind: "ok", result: { kind: "submit", ended: [] } };

function request(session: number, id = 1, sequence = id): ClientRequest {
  return { id, session, sequence, operation: { kind: "status", task: "j.a" } };
}

test("a repeated request is answered once, to its newest copy; an older message is void", () => {
  const desk = new ClientDesk(10);
  const answers: string[] = [];
  const ticket = desk.admit(request(1, 1, 7), () => answers.push("first"));
  assert.equal(
    desk.admit(request(1, 2, 7), () => answers.push("second")),
    undefined,
  );
  assert.equal(
    desk.admit(request(1, 1, 6), () => answers.push("late")),
    undefined,
  );
  ticket?.answer(ended);
  ticket?.answer(ended);
  assert.deepEqual(answers, ["second"]);
});

test("a request beyond the bound is told so", () => {
  const desk = new ClientDesk(1);
  desk.admit(request(1), () => assert.fail("nobody answers the first"));
  let reply: SchedulerReply | undefined;
  assert.equal(
    desk.admit(request(2), (given) => (reply = given)),
    undefined,
  );
  assert.ok(reply?.kind === "error" && reply.code === "OVERLOADED");
});

test("clients are forgotten though one that came before them waits for ever, and that one is not", () => {
  const most = 4;
  const desk = new ClientDesk(most);
  const answers: SchedulerReply[] = [];
  const waiting = desk.admit(request(0), (reply) => answers.push(reply));
  for (let client = 1; client <= 100; client++) desk.admit(request(client), () => undefined)?.answer(ended);
  assert.ok(desk.sessionCount <= 2 * most + 1, `${desk.sessionCount} clients are remembered`);
  assert.equal(waiting?.isVoid(), false);
  waiting?.answer(ended);
  assert.deepEqual(answers, [ended]);
});
