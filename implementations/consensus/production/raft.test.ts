/**
 * Goal: a node votes, stands, wins and gives way as the papers say, and tells nothing that a crash could take back.
 *
 * Method: one node on a bench. It gets messages one by one, its writes become durable when the test says so, and each
 * rule is tried on its forbidden side too. The clusters under faults are in `raft-cluster.test.ts`.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.2, 5.4.1, 6; Ongaro 2014, sections 6.2, 9.6.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  appendEntries,
  appendReply,
  Bench,
  electionTimeoutMs,
  heartbeatIntervalMs,
  voteReply,
  voteRequest,
} from "./bench.fixture.ts";
import { noEffects } from "./outbox.ts";

describe("standing for election (section 5.2; pre-vote: dissertation 9.6)", () => {
  test("timeouts lie in [T, 2T), differ from node to node, and are drawn anew each time", () => {
    const waits = Array.from({ length: 200 }, (_, seed) => new Bench({ seed }).raft.wakeAtMs);
    assert.ok(waits.every((waitMs) => waitMs >= electionTimeoutMs && waitMs < 2 * electionTimeoutMs));
    assert.ok(new Set(waits).size > 190, "equal timeouts would split votes for ever");
    assert.ok(Math.max(...waits) - Math.min(...waits) > electionTimeoutMs / 2);
    const bench = new Bench();
    const drawn = new Set<number>();
    for (let heartbeat = 0; heartbeat < 20; heartbeat++) {
      bench.receive("n2", appendEntries(1, [0, 0], []));
      drawn.add(bench.raft.wakeAtMs - bench.nowMs);
    }
    assert.equal(drawn.size, 20);
  });

  test("a node that could not win raises no term, however long it is alone (M-CON-21)", () => {
    const bench = new Bench({ term: 3 });
    for (let timeout = 0; timeout < 10; timeout++) bench.wake();
    assert.deepEqual([bench.raft.view().term, bench.raft.role], [3, "pre-candidate"]);
    assert.ok(bench.takeSent().every((message) => message.kind === "VoteRequest" && message.preVote));
    assert.equal(bench.writing.length, 0, "a pre-vote promises nothing, so nothing is written");
  });

  test("with a majority of pre-votes it stands: term and vote are one record, and the requests wait for it", () => {
    const bench = new Bench({ voters: 5, term: 3, log: [3] });
    bench.wake();
    bench.takeSent();
    bench.receive("n2", voteReply(4, true));
    assert.equal(bench.raft.role, "pre-candidate", "two of five are no majority");
    const { persist, messages } = bench.receive("n3", voteReply(4, true));
    assert.deepEqual(persist?.hardState, { term: 4, votedFor: "n1" });
    assert.deepEqual(messages, []);
    assert.equal(persist.messages.length, 4);
    bench.persist();
    assert.deepEqual(bench.sent("VoteRequest", "n5"), voteRequest(4, 1, 3));
  });

  test("the own vote counts when it is durable, not before", () => {
    const bench = new Bench({ voters: 3 });
    bench.wake();
    bench.receive("n2", voteReply(1, true));
    bench.receive("n2", voteReply(1, false));
    assert.equal(bench.raft.role, "candidate");
    bench.persist();
    assert.equal(bench.raft.role, "leader");
  });

  test("a second vote of the same voter is not counted, nor one of another term or of a stranger (M-CON-05)", () => {
    const bench = new Bench({ voters: 5 });
    bench.wake();
    for (const voter of ["n2", "n3"]) bench.receive(voter, voteReply(1, true));
    bench.persist();
    for (let copy = 0; copy < 5; copy++) bench.receive("n2", voteReply(1, false));
    bench.receive("n3", voteReply(0, false));
    bench.receive("n4", voteReply(1, true));
    bench.receive("n4", voteReply(1, false, false));
    bench.receive("n9", voteReply(1, false));
    assert.equal(bench.raft.role, "candidate");
    bench.receive("n3", voteReply(1, false));
    assert.equal(bench.raft.role, "leader");
  });

  test("pre-votes are counted once per voter too", () => {
    const bench = new Bench({ voters: 5 });
    bench.wake();
    for (let copy = 0; copy < 5; copy++) bench.receive("n2", voteReply(1, true));
    assert.equal(bench.raft.role, "pre-candidate");
  });

  test("a candidate that is not elected asks for pre-votes again before it raises its term once more", () => {
    const bench = new Bench();
    bench.wake();
    bench.receive("n2", voteReply(1, true));
    bench.persist();
    bench.wake();
    assert.deepEqual([bench.raft.role, bench.raft.view().term], ["pre-candidate", 1]);
  });

  test("a lone voter elects itself and commits by itself", () => {
    const bench = new Bench({ voters: 1 });
    bench.wake();
    assert.equal(bench.raft.role, "candidate");
    bench.persist(1);
    assert.equal(bench.raft.role, "leader");
    assert.equal(bench.raft.view().commitIndex, 0, "its no-op is not durable yet");
    const effects = bench.persist();
    assert.deepEqual(effects?.trace, [{ kind: "commit", term: 1, index: 1 }]);
  });
});

describe("voting (sections 5.2, 5.4.1)", () => {
  test("the vote is durable, in one record with its term, before it is told (M-CON-02, M-CON-03)", () => {
    const bench = new Bench({ term: 1 });
    const { messages, persist } = bench.receive("n2", voteRequest(2, 0, 0));
    assert.deepEqual(messages, []);
    assert.deepEqual(persist?.hardState, { term: 2, votedFor: "n2" });
    bench.receive("n2", voteRequest(2, 0, 0));
    assert.deepEqual(bench.takeSent(), [], "the repeated request waits as well");
    bench.persist();
    assert.deepEqual(bench.takeSent("n2"), [voteReply(2, false), voteReply(2, false)]);
    bench.receive("n2", voteRequest(2, 0, 0));
    assert.deepEqual(bench.sent("VoteReply", "n2"), voteReply(2, false));
  });

  test("one vote per term, also after a restart (M-CON-02)", () => {
    const bench = new Bench({ term: 2, votedFor: "n2" });
    bench.receive("n3", voteRequest(2, 5, 2));
    assert.deepEqual(bench.sent("VoteReply", "n3"), voteReply(2, false, false));
    bench.receive("n2", voteRequest(2, 5, 2));
    assert.deepEqual(bench.sent("VoteReply", "n2"), voteReply(2, false, true));
    bench.receive("n3", voteRequest(3, 5, 2));
    bench.persist();
    assert.deepEqual(bench.sent("VoteReply", "n3"), voteReply(3, false, true));
  });

  test("the log decides: a later last term wins whatever the length; equal terms, the longer one (M-CON-04)", () => {
    const granted = (lastLogIndex: number, lastLogTerm: number, preVote: boolean): boolean => {
      const bench = new Bench({ log: [1, 2, 2] });
      bench.receive("n2", voteRequest(5, lastLogIndex, lastLogTerm, preVote));
      bench.persist();
      return bench.sent("VoteReply", "n2").granted;
    };
    for (const preVote of [true, false]) {
      assert.deepEqual(
        [granted(1, 3, preVote), granted(3, 2, preVote), granted(4, 2, preVote)],
        [true, true, true],
        "later term with a shorter log; the same log; a longer one",
      );
      assert.deepEqual([granted(2, 2, preVote), granted(9, 1, preVote), granted(0, 0, preVote)], [false, false, false]);
    }
  });

  test("candidate and leader vote for no one else in their term (M-CON-06)", () => {
    const leader = new Bench();
    leader.lead();
    leader.receive("n2", voteRequest(1, 9, 9));
    assert.deepEqual(leader.sent("VoteReply", "n2"), voteReply(1, false, false));
    const candidate = new Bench();
    candidate.wake();
    candidate.receive("n2", voteReply(1, true));
    candidate.persist();
    candidate.takeSent();
    candidate.receive("n3", voteRequest(1, 9, 9));
    assert.deepEqual(candidate.sent("VoteReply", "n3"), voteReply(1, false, false));
  });

  test("whoever hears a leader neither votes nor takes over a later term (section 6; M-CON-21)", () => {
    const bench = new Bench();
    bench.receive("n2", appendEntries(1, [0, 0], []));
    bench.persist();
    bench.takeSent();
    bench.nowMs += electionTimeoutMs - 1;
    assert.equal(bench.receive("n3", voteRequest(7, 9, 9)), noEffects);
    bench.receive("n3", voteRequest(7, 9, 9, true));
    assert.deepEqual(bench.sent("VoteReply", "n3"), voteReply(1, true, false));
    bench.nowMs += 1;
    bench.receive("n3", voteRequest(7, 9, 9, true));
    assert.deepEqual(bench.sent("VoteReply", "n3"), voteReply(7, true, true));
    assert.equal(bench.raft.view().term, 1, "a pre-vote changes nothing at the voter");
    bench.receive("n3", voteRequest(7, 9, 9));
    assert.equal(bench.raft.view().term, 7);
  });

  test("a pre-vote for a term that is not ahead is refused with the present one, which the asker takes over", () => {
    const bench = new Bench({ term: 5 });
    bench.receive("n2", voteRequest(5, 9, 9, true));
    assert.deepEqual(bench.sent("VoteReply", "n2"), voteReply(5, true, false));
    const behind = new Bench({ term: 4 });
    behind.wake();
    const { persist } = behind.receive("n3", voteReply(5, true, false));
    assert.deepEqual(persist?.hardState, { term: 5, votedFor: null });
    assert.equal(behind.raft.role, "follower");
  });

  test("the votes of nodes that have none do not count, and a node does not hear itself", () => {
    const bench = new Bench();
    bench.wake();
    assert.equal(bench.receive("n9", voteReply(1, true)), noEffects);
    assert.equal(bench.raft.role, "pre-candidate");
    assert.equal(bench.receive("n1", appendEntries(7, [0, 0], [7])), noEffects);
    assert.equal(bench.raft.view().term, 0);
  });
});

describe("giving way", () => {
  test("a leader of a later term is followed, and its term is durable before it is acknowledged", () => {
    const bench = new Bench();
    bench.lead();
    const { trace } = bench.receive("n2", appendEntries(4, [0, 0], []));
    assert.deepEqual(trace, [{ kind: "role", term: 4, role: "follower" }]);
    assert.deepEqual([bench.raft.leader, bench.takeSent()], ["n2", []]);
    bench.persist();
    assert.equal(bench.sent("AppendReply", "n2").term, 4);
  });

  test("a reply of a later term ends the office; one of an earlier term says nothing", () => {
    const bench = new Bench({ term: 3 });
    bench.lead();
    bench.receive("n2", appendReply(2, 99));
    assert.equal(bench.raft.role, "leader");
    bench.receive("n2", appendReply(5, 0));
    assert.deepEqual([bench.raft.role, bench.raft.view().term, bench.raft.leader], ["follower", 5, null]);
  });

  test("a candidate that hears the leader of its term follows it", () => {
    const bench = new Bench();
    bench.wake();
    bench.receive("n2", voteReply(1, true));
    bench.receive("n3", appendEntries(1, [0, 0], []));
    assert.deepEqual([bench.raft.role, bench.raft.leader], ["follower", "n3"]);
  });

  test("a leader of the past is told the present term and moves nothing", () => {
    const bench = new Bench({ term: 5, log: [1, 1] });
    const before = bench.raft.wakeAtMs;
    bench.receive("n2", appendEntries(4, [2, 1], [4], 3));
    assert.deepEqual(bench.sent("AppendReply", "n2").success, false);
    assert.deepEqual([bench.raft.view().lastIndex, bench.raft.view().commitIndex], [2, 0]);
    assert.equal(bench.raft.wakeAtMs, before, "it does not keep this node from standing");
  });

  test("a leader that hears no majority for an election timeout steps down; one that does stays (6.2)", () => {
    const alone = new Bench({ voters: 5 });
    alone.lead();
    for (let beat = 0; beat * heartbeatIntervalMs < electionTimeoutMs; beat++) {
      alone.receive("n2", appendReply(1, 1));
      alone.wake();
    }
    assert.deepEqual([alone.raft.role, alone.raft.leader, alone.raft.view().term], ["follower", null, 1]);
    const heard = new Bench({ voters: 5 });
    heard.lead();
    for (let beat = 0; beat < 20; beat++) {
      for (const follower of ["n2", "n3"]) heard.receive(follower, appendReply(1, 1));
      heard.wake();
    }
    assert.equal(heard.raft.role, "leader");
  });

  test("a second leader of one's own term is a broken invariant, not an input", () => {
    const bench = new Bench();
    bench.lead();
    assert.throws(() => bench.receive("n2", appendEntries(1, [0, 0], [])), /Invariant broken: n2 does not lead term 1/);
  });
});

describe("time", () => {
  test("a clock that is set back delays nothing", () => {
    const bench = new Bench();
    const dueMs = bench.raft.wakeAtMs;
    bench.nowMs = 50;
    bench.step({ kind: "tick" });
    bench.nowMs = -10_000;
    bench.step({ kind: "tick" });
    assert.equal(bench.raft.wakeAtMs, dueMs - 10_050);
    bench.wake();
    assert.equal(bench.raft.role, "pre-candidate");
  });

  test("a tick before its time does nothing, and costs no memory", () => {
    const bench = new Bench();
    assert.equal(bench.step({ kind: "tick" }), noEffects);
  });
});
