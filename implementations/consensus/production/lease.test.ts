/**
 * Goal: under a lease a leader answers reads by itself, exactly as long as nobody else can have been elected, if clocks
 * keep within the bound. Method: one node of the core on a bench; the clock is the test's.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  appendEntries,
  appendReply,
  Bench,
  electionTimeoutMs,
  heartbeatIntervalMs,
  voteRequest,
} from "./bench.fixture.ts";

const maxClockSkew = 1.25;
const lengthMs = electionTimeoutMs / maxClockSkew;

function leader(settings = { leaseReads: true, maxClockSkew }): Bench {
  const bench = new Bench({ settings });
  bench.lead();
  return bench;
}

/** Sends a heartbeat now and has n2 answer it. @returns when it was sent. */
function renew(bench: Bench, answeredAfterMs = 0): number {
  bench.wake();
  const sentAtMs = bench.nowMs;
  const { round } = bench.sent("AppendEntries", "n2");
  bench.nowMs += answeredAfterMs;
  const { term, lastIndex } = bench.raft.view();
  bench.receive("n2", appendReply(term, lastIndex, round));
  bench.takeSent();
  return sentAtMs;
}

function readNow(bench: Bench): number | undefined {
  const [answer] = bench.step({ kind: "read", readId: 1 }).reads;
  return answer?.index;
}

describe("a lease", () => {
  test("answers at once, without a message, until the timeout over the bound has passed since the heartbeat was sent", () => {
    const bench = leader();
    const sentAtMs = renew(bench, 5);
    assert.equal(readNow(bench), bench.raft.view().commitIndex);
    assert.deepEqual(bench.takeSent(), []);
    bench.nowMs = sentAtMs + lengthMs - 0.01;
    assert.notEqual(readNow(bench), undefined);
    bench.nowMs = sentAtMs + lengthMs;
    assert.equal(readNow(bench), undefined, "counted from the sending, not from the answer");
    assert.equal(bench.takeSent("n2").length > 0, true, "it asks the others instead");
  });

  test("is off unless asked for", () => {
    const bench = leader({ leaseReads: false, maxClockSkew });
    renew(bench);
    assert.equal(readNow(bench), undefined);
  });

  test("needs a quorum: the answer of a minority extends nothing", () => {
    const bench = new Bench({ voters: 5, settings: { leaseReads: true, maxClockSkew } });
    bench.lead();
    bench.nowMs = lengthMs;
    renew(bench);
    assert.equal(readNow(bench), undefined);
  });

  test("is given up before a successor is asked to stand, and does not come back in that term", () => {
    const bench = leader();
    renew(bench);
    bench.step({ kind: "transfer", requestId: 1, to: "n2" });
    assert.equal(
      bench.takeSent("n2").some(({ kind }) => kind === "TimeoutNow"),
      true,
    );
    assert.equal(readNow(bench), undefined);
    // The read that was just asked began a round; who answers it may vote for the successor a moment later.
    for (const follower of ["n2", "n3"]) {
      const rounds = bench.takeSent(follower).flatMap((each) => (each.kind === "AppendEntries" ? [each.round] : []));
      const { term, lastIndex } = bench.raft.view();
      bench.receive(follower, appendReply(term, lastIndex, rounds.at(-1)));
    }
    assert.equal(readNow(bench), undefined, "no round renews it");
    bench.takeSent();
    for (let heartbeats = 0; heartbeats < (2 * electionTimeoutMs) / heartbeatIntervalMs; heartbeats++) renew(bench);
    assert.equal(bench.raft.role, "leader");
    assert.equal(readNow(bench), undefined);
  });
});

describe("what a lease counts on", () => {
  test("who heard a leader withholds its vote for an election timeout, whatever it hears of later terms", () => {
    const bench = new Bench({ settings: { leaseReads: true } });
    bench.receive("n2", appendEntries(1, [0, 0], [1]));
    bench.persist();
    bench.receive("n3", {
      kind: "AppendReply",
      term: 2,
      success: false,
      matchIndex: 0,
      conflictIndex: 0,
      conflictTerm: 0,
      round: 0,
    });
    bench.persist();
    bench.takeSent();
    bench.nowMs = electionTimeoutMs - 0.01;
    bench.receive("n3", voteRequest(3, 9, 9));
    bench.persist();
    assert.deepEqual(bench.takeSent("n3"), []);
    bench.nowMs = electionTimeoutMs;
    bench.receive("n3", voteRequest(3, 9, 9));
    bench.persist();
    assert.equal(bench.sent("VoteReply", "n3").granted, true);
  });

  test("a restarted node has forgotten whom it heard, so it withholds its vote as well", () => {
    const bench = new Bench({ term: 1, log: [1], settings: { leaseReads: true } });
    bench.receive("n3", voteRequest(2, 9, 9));
    bench.persist();
    assert.deepEqual(bench.takeSent("n3"), []);
    const without = new Bench({ term: 1, log: [1] });
    without.receive("n3", voteRequest(2, 9, 9));
    without.persist();
    assert.equal(without.sent("VoteReply", "n3").granted, true);
  });
});
