/**
 * Goal: a peer's host takes as many tasks as it may, says when there is no room, and has room again when one has ended.
 * Method: a library that does nothing but what the test tells of it; clients' messages as bytes.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../../foundation/codec.ts";
import type { ClientReply, ClientRequest, SchedulerReply } from "../../../scheduler/contract.ts";
import { pQueueRules } from "./abilities.ts";
import { PeerHost } from "./peer-host.ts";

test("a full queue is an answer, and there is room again when a task has ended", () => {
  const replies = new Map<number, SchedulerReply>();
  const host = new PeerHost({
    ...{ rules: pQueueRules, queueLimit: 2, remembered: 10, life: 1, nowMs: () => 0, trace: () => undefined },
    send: (_client, bytes) => {
      const { id, reply } = decode(bytes) as ClientReply;
      replies.set(id, reply);
    },
    canCall: () => Promise.resolve(true),
  });
  host.begin({ submit: (_tasks, accepted) => accepted(), close: () => Promise.resolve() }, []);
  let requests = 0;
  const submit = (...names: readonly string[]): SchedulerReply | undefined => {
    const id = ++requests;
    const tasks = names.map((name) => ({ id: `j.${name}`, body: { kind: "spin", ms: 0 } as const }));
    const operation = { kind: "submit", tasks, untilEnded: false } as const;
    host.receive("c1", encode({ id, session: 1, sequence: id, operation } satisfies ClientRequest));
    return replies.get(id);
  };
  const isFull = (reply: SchedulerReply | undefined): void => {
    assert.ok(reply?.kind === "error" && reply.code === "CAPACITY_EXCEEDED", JSON.stringify(reply));
    assert.match(reply.reason ?? "", /of at most 2/);
  };

  isFull(submit("a", "b", "c"));
  assert.deepEqual(host.state().tasks, [], "nothing of it was taken");
  assert.equal(submit("a", "b")?.kind, "ok");
  isFull(submit("c"));
  assert.equal(submit("b", "a")?.kind, "ok", "what is known needs no room");
  host.started("j.a", 1);
  host.ended("j.a", 1, "completed", 0);
  host.done("j.a", 1, { state: "completed", result: null });
  assert.equal(submit("c")?.kind, "ok");
  isFull(submit("d"));
});
