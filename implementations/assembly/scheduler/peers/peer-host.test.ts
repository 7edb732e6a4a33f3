/**
 * Goal: a peer's host takes as many tasks as it may, says when there is no room, has room again when one has ended, and
 * hands on what tasks ask for.
 * Method: a library that does nothing but what the test tells of it; clients' messages as bytes.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../../foundation/codec.ts";
import { defaultAttempts } from "../../../scheduler/contract.ts";
import type { ClientReply, ClientRequest, SchedulerReply, TaskSpec } from "../../../scheduler/contract.ts";
import type { PeerLibrary, PeerTask } from "../../../scheduler/peers/peer-library.ts";
import { pQueueRules } from "./abilities.ts";
import { PeerHost } from "./peer-host.ts";

interface Bench {
  readonly host: PeerHost;
  /** What the library was given. */
  readonly given: readonly PeerTask[];
  readonly submit: (...tasks: readonly TaskSpec[]) => SchedulerReply | undefined;
}

function bench(queueLimit: number): Bench {
  const replies = new Map<number, SchedulerReply>();
  const given: PeerTask[] = [];
  const host = new PeerHost({
    ...{ rules: pQueueRules, queueLimit, remembered: 10, life: 1, nowMs: () => 0, trace: () => undefined },
    send: (_client, bytes) => {
      const { id, reply } = decode(bytes) as ClientReply;
      replies.set(id, reply);
    },
    canCall: () => Promise.resolve(true),
  });
  const library: PeerLibrary = {
    submit: (tasks, accepted) => {
      given.push(...tasks);
      accepted();
    },
    close: () => Promise.resolve(),
  };
  host.begin(library, []);
  let requests = 0;
  const submit = (...tasks: readonly TaskSpec[]): SchedulerReply | undefined => {
    const id = ++requests;
    const operation = { kind: "submit", tasks, untilEnded: false } as const;
    host.receive("c1", encode({ id, session: 1, sequence: id, operation } satisfies ClientRequest));
    return replies.get(id);
  };
  return { host, given, submit };
}

const spec = (name: string): TaskSpec => ({ id: `j.${name}`, body: { kind: "spin", ms: 0 } });

test("a full queue is an answer, and there is room again when a task has ended", () => {
  const { host, submit } = bench(2);
  const [a, b, c, d] = ["a", "b", "c", "d"].map(spec) as [TaskSpec, TaskSpec, TaskSpec, TaskSpec];
  const isFull = (reply: SchedulerReply | undefined): void => {
    assert.ok(reply?.kind === "error" && reply.code === "CAPACITY_EXCEEDED", JSON.stringify(reply));
    assert.match(reply.reason ?? "", /of at most 2/);
  };
  isFull(submit(a, b, c));
  assert.deepEqual(host.state().tasks, [], "nothing of it was taken");
  assert.equal(submit(a, b)?.kind, "ok");
  isFull(submit(c));
  assert.equal(submit(b, a)?.kind, "ok", "what is known needs no room");
  host.started("j.a", 1);
  host.ended("j.a", 1, "completed", 0);
  host.done("j.a", 1, { state: "completed", result: null });
  assert.equal(submit(c)?.kind, "ok");
  isFull(submit(d));
});

test("the library is given what a task asks for, and what is usual where it asks for nothing", () => {
  const { given, submit } = bench(10);
  const first = spec("a");
  const second: TaskSpec = { ...spec("b"), priority: 7, maxAttempts: 5 };
  assert.equal(submit(first, second)?.kind, "ok");
  assert.deepEqual(
    given.map(({ id, body, priority, maxAttempts }) => ({ id, body, priority, maxAttempts })),
    [{ ...first, priority: 0, maxAttempts: defaultAttempts }, second],
  );
});
