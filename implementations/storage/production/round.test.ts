/**
 * Goal: a round answers with what was chosen, leaves nothing behind that can be chosen later against its answer, and
 * never calls a write failed that may happen (Rystsov 2018, section 3). Method: rounds of three replicas, their answers
 * handed in one by one.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { QuorumLevel } from "../contract.ts";
import type { State } from "./record.ts";
import { execute } from "./register.ts";
import type { Command } from "./register.ts";
import { Round } from "./round.ts";

const members = [1, 2, 3].map((number) => ({ id: `n${number}`, number }));
const placement = { replicas: members, groups: [members] };
const nothing = stateOf(0, 0, null);

function stateOf(ballot: number, version: number, value: string | null, session = 9): State {
  return { ballot, version, timestampMs: version, session, sequence: 1, value };
}

function commandOf(kind: Command["kind"], value: string | null = null, from: string | null = null): Command {
  return { kind, key: "k", level: "majority", session: 1, sequence: 1, value, from };
}

function roundOf(commands: readonly Command[], level: QuorumLevel = "majority"): Round {
  return new Round({ key: "k", placement, level, commands });
}

function read(round: Round, from: string, state: State): string {
  return round.receive(from, { kind: "reading", id: 1, promised: state.ballot, state });
}

function promise(round: Round, from: string, state: State, isFull = false): string {
  return round.receive(from, { kind: "promise", id: 1, isFull, state });
}

function accepted(round: Round, from: string, promised: number): string {
  return round.receive(from, { kind: "accepted", id: 1, promised });
}

test("a read that finds one ballot at a quorum answers without writing", () => {
  const round = roundOf([commandOf("get")]);
  assert.equal(round.read(), "send");
  assert.equal(read(round, "n1", stateOf(2049, 1, "a")), "wait");
  assert.equal(read(round, "n3", stateOf(2049, 1, "a")), "done");
  assert.deepEqual(round.replies, [{ kind: "ok", result: { kind: "get", value: "a", version: 1 } }]);
});

test("a read that finds a partial write writes it back before it answers", () => {
  const round = roundOf([commandOf("get")]);
  round.read();
  read(round, "n1", stateOf(2049, 1, "a"));
  assert.equal(read(round, "n2", nothing), "wait", "n3 may still agree with either");
  assert.equal(round.expire(), "retry");
  round.prepare(4097, 5121, 1);
  promise(round, "n1", stateOf(2049, 1, "a"));
  assert.equal(promise(round, "n2", nothing), "send");
  assert.equal(round.proposal?.value, "a");
  assert.equal(round.proposal?.ballot, 4097);
  assert.equal(accepted(round, "n1", 5121), "wait");
  assert.equal(accepted(round, "n2", 5121), "done");
  assert.ok(round.isNextPromised);
});

test("one answer is no quorum, whoever repeats it", () => {
  const round = roundOf([commandOf("get")]);
  round.read();
  assert.equal(read(round, "n1", nothing), "wait");
  assert.equal(read(round, "n1", nothing), "wait");
  assert.equal(read(round, "n4", nothing), "wait");
});

test("operations that share a round see each other, in order, and are accepted as one", () => {
  const round = roundOf([commandOf("put", "a"), { ...commandOf("cas", "b", "a"), session: 2 }, commandOf("get")]);
  round.prepare(1025, 2049, 1);
  promise(round, "n1", nothing);
  promise(round, "n2", nothing);
  assert.equal(round.proposal?.value, "b");
  assert.equal(round.proposal?.version, 2);
  accepted(round, "n1", 2049);
  accepted(round, "n2", 2049);
  assert.deepEqual(
    round.replies.map((reply) => reply.kind === "ok" && reply.result.version),
    [1, 2, 2],
  );
});

test("a failed swap is answered only when nothing it proposed before can come back", () => {
  const round = roundOf([commandOf("cas", "b", "a")]);
  round.proceed({ state: stateOf(1025, 1, "a"), next: 2049 }, 3073, 1);
  assert.equal(round.phase, "accept");
  round.receive("n2", { kind: "refused", id: 1, promised: 4098 });
  assert.equal(round.receive("n3", { kind: "refused", id: 1, promised: 4098 }), "retry");
  round.prepare(5121, 6145, 2);
  promise(round, "n2", stateOf(4098, 2, "c"));
  // n1 may have accepted "b" under 2049; only what is accepted under 5121 buries it.
  assert.equal(promise(round, "n3", stateOf(4098, 2, "c")), "send");
  assert.equal(round.proposal?.value, "c");
  accepted(round, "n2", 6145);
  assert.equal(accepted(round, "n3", 6145), "done");
  assert.deepEqual(round.replies, [{ kind: "error", code: "PRECONDITION_FAILED" }]);
});

test("a proposal that is found again is completed; one that may have been overwritten or collected is uncertain", () => {
  const cases: readonly (readonly [State, string])[] = [
    [{ ...stateOf(4098, 2, "b", 1), timestampMs: 1 }, "b"],
    [stateOf(4098, 3, "d"), "WRITE_UNCERTAIN"],
    [stateOf(0, 3, null), "WRITE_UNCERTAIN"],
    [stateOf(0, 2, null), "b"],
    [stateOf(1025, 1, "a"), "b"],
  ];
  for (const [found, expected] of cases) {
    const round = roundOf([commandOf("put", "b")]);
    round.proceed({ state: stateOf(1025, 1, "a"), next: 2049 }, 3073, 1);
    round.prepare(5121, 6145, 2);
    promise(round, "n2", found);
    promise(round, "n3", found);
    if (round.phase === "accept") assert.equal(round.proposal?.value, expected);
    else assert.deepEqual(round.replies, [{ kind: "error", code: expected }]);
  }
});

test("without a quorum a write fails for good before its proposal was sent, and is uncertain after", () => {
  const before = roundOf([commandOf("put", "a"), commandOf("get")]);
  before.prepare(1025, 2049, 1);
  assert.deepEqual(before.withdraw(0), { kind: "error", code: "QUORUM_NOT_MET" });
  promise(before, "n1", nothing);
  promise(before, "n2", nothing);
  assert.equal(before.proposal?.value, null, "what was called failed is left out of what follows");

  const after = roundOf([commandOf("put", "a"), commandOf("get")]);
  after.prepare(1025, 2049, 1);
  promise(after, "n1", nothing);
  promise(after, "n2", nothing);
  after.giveUp();
  assert.deepEqual(
    after.replies.map((reply) => reply.kind === "error" && reply.code),
    ["WRITE_UNCERTAIN", "QUORUM_NOT_MET"],
  );
});

test("at level all every replica has to promise and accept; a full one takes no new key", () => {
  const round = roundOf([commandOf("put", "a")], "all");
  round.prepare(1025, 2049, 1);
  promise(round, "n1", nothing);
  assert.equal(promise(round, "n2", nothing), "wait");
  assert.equal(promise(round, "n3", nothing, true), "send");
  for (const id of ["n1", "n2"]) assert.equal(accepted(round, id, 1025), "wait");
  assert.equal(accepted(round, "n3", 1025), "done");
  assert.deepEqual(round.replies, [{ kind: "error", code: "CAPACITY_EXCEEDED" }]);
});

test("behind a tombstone no ballot is promised ahead", () => {
  const round = roundOf([commandOf("delete")]);
  round.proceed({ state: stateOf(1025, 1, "a"), next: 2049 }, 3073, 1);
  assert.equal(round.next, 2049);
});

test("a register does a request once, and refuses what is not there", () => {
  const { state } = execute(nothing, commandOf("put", "a"), 5);
  const again = execute(state, commandOf("put", "a"), 6);
  assert.equal(again.state, state);
  assert.deepEqual(again.reply, { kind: "ok", result: { kind: "put", version: 1 } });
  assert.deepEqual(execute(nothing, commandOf("delete"), 5).reply, { kind: "error", code: "NOT_FOUND" });
  const swap = { ...commandOf("cas", "b", "x"), sequence: 2 };
  assert.deepEqual(execute(state, swap, 5), { state, reply: { kind: "error", code: "PRECONDITION_FAILED" } });
});
