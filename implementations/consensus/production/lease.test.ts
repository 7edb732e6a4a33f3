/**
 * Goal: a lease never outlives the time in which nobody else can be elected: it counts from when messages left, ends
 * early by as much as clocks may differ, ends for good when the office is handed over, and is respected by a node that
 * forgot whom it heard.
 *
 * Method: one node on a bench; the test plays the others and the time.
 *
 * @see Ongaro 2014, section 6.4.1.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { appendReply, Bench, electionTimeoutMs, voteReply, voteRequest } from "./bench.fixture.ts";

const maxClockSkew = 1.25;
const lengthMs = electionTimeoutMs / maxClockSkew;
const settings = { leaseReads: true, maxClockSkew };
let readId = 0;

/** Whether a read is answered at once, without asking anyone. */
function isLeased(bench: Bench): boolean {
  return bench.step({ kind: "read", readId: ++readId }).reads.length === 1;
}

/** A heartbeat leaves, and `n2` answers it `laterMs` later. @returns when it left. */
function heartbeat(bench: Bench, laterMs: number): number {
  bench.takeSent("n2");
  bench.wake();
  const leftAtMs = bench.nowMs;
  const round = newestRound(bench, "n2");
  bench.nowMs += laterMs;
  bench.receive("n2", appendReply(1, 1, round));
  return leftAtMs;
}

/** The round of the last message that left for `to`. */
function newestRound(bench: Bench, to: string): number {
  const rounds = bench.takeSent(to).flatMap((message) => (message.kind === "AppendEntries" ? [message.round] : []));
  return rounds.at(-1) ?? assert.fail(`nothing left for ${to}`);
}

function leader(): Bench {
  const bench = new Bench({ settings });
  bench.lead();
  return bench;
}

test("a lease lasts from when the heartbeat left, shortened by the clocks' bound (M-CON-53, M-CON-54)", () => {
  const bench = leader();
  assert.equal(isLeased(bench), false, "nobody has answered a round yet");
  const leftAtMs = heartbeat(bench, 7);
  assert.equal(isLeased(bench), true);
  bench.nowMs = leftAtMs + lengthMs - 0.01;
  assert.equal(isLeased(bench), true);
  bench.nowMs = leftAtMs + lengthMs;
  assert.equal(isLeased(bench), false);
});

test("a leader that asked another to stand has no lease, and nothing renews it (M-CON-55, M-CON-56)", () => {
  const bench = leader();
  heartbeat(bench, 1);
  assert.equal(isLeased(bench), true);
  bench.receive("n2", appendReply(1, 1));
  bench.step({ kind: "transfer", requestId: 1, to: "n2" });
  assert.ok(
    bench.takeSent("n2").some(({ kind }) => kind === "TimeoutNow"),
    "n2 is asked to stand",
  );
  assert.equal(isLeased(bench), false);
  // The read just asked began a round; n3, which knows of no election, answers it.
  bench.receive("n3", appendReply(1, 1, newestRound(bench, "n3")));
  assert.equal(isLeased(bench), false, "n2 may have been elected with the vote of n3 a moment later");
  heartbeat(bench, 1);
  assert.equal(isLeased(bench), false);
});

test("a restarted node withholds its vote for an election timeout: it has forgotten whom it heard", () => {
  const bench = new Bench({ settings, term: 1 });
  bench.nowMs = electionTimeoutMs - 1;
  bench.receive("n2", voteRequest(2, 0, 0));
  bench.persist();
  assert.deepEqual(bench.takeSent("n2"), []);
  assert.equal(bench.raft.view().term, 1);
  bench.nowMs = electionTimeoutMs;
  bench.receive("n2", voteRequest(2, 0, 0));
  bench.persist();
  assert.deepEqual(bench.takeSent("n2"), [voteReply(2, false)]);
});
