/**
 * Goal: a follower stores what the leader sends, loses nothing that may be committed, commits no more than it was told
 * about, and acknowledges nothing that a crash could take back.
 *
 * Method: one node on a bench, message by message; its writes become durable when the test says so. Figure 7 of the
 * paper is a table of cases.
 *
 * @see Ongaro & Ousterhout 2014, section 5.3, figures 2, 7 and 13 (receiver implementations).
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { appendEntries, appendRefusal, appendReply, Bench, entry } from "./bench.fixture.ts";
import type { RaftMessage } from "./messages.ts";
import { noEffects } from "./outbox.ts";

describe("AppendEntries (figure 2)", () => {
  test("entries are persisted, and acknowledged with the batch that holds them (M-CON-11)", () => {
    const bench = new Bench({ term: 2, log: [1, 2] });
    const { persist, messages, trace } = bench.receive("n2", appendEntries(2, [2, 2], [2, 2]));
    assert.deepEqual(messages, []);
    assert.deepEqual(persist?.entries, [entry(3, 2), entry(4, 2)]);
    assert.equal(persist.hardState, undefined);
    assert.equal(trace.length, 1);
    bench.persist();
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(2, 4));
  });

  test("a heartbeat or a duplicate acknowledges only what is durable by then (M-CON-11, M-CON-12)", () => {
    const bench = new Bench({ log: [1] });
    bench.receive("n2", appendEntries(1, [1, 1], [1]));
    bench.receive("n2", appendEntries(1, [2, 1], [1]));
    bench.receive("n2", appendEntries(1, [1, 1], [1]));
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(1, 1), "the duplicate");
    const { apply } = bench.receive("n2", appendEntries(1, [3, 1], [], 3, 7));
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(1, 1, 7), "the heartbeat that commits");
    assert.equal(apply.length, 3, "what a majority stored may be applied meanwhile");
    bench.persist(1);
    bench.takeSent();
    bench.receive("n2", appendEntries(1, [3, 1], [], 3));
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(1, 2));
    bench.persist();
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(1, 3));
  });

  test("a batch that was cut before it became durable confirms nothing that was cut", () => {
    const bench = new Bench({ log: [1] });
    bench.receive("n2", appendEntries(2, [1, 1], [2, 2])); // 1 2 2, being written
    bench.receive("n3", appendEntries(3, [1, 1], [3])); // 1 3, being written behind it
    bench.receive("n2", appendEntries(4, [1, 1], [2, 2])); // 1 2 2 again: the very entries of the first batch
    bench.persist(1);
    bench.takeSent();
    // The disk holds 1 2 2, but the second batch is about to cut it: a crash in between would lose them.
    bench.receive("n2", appendEntries(4, [3, 2], []));
    assert.deepEqual(bench.takeSent(), [], "the term is not durable");
    bench.persist(2);
    assert.deepEqual(
      bench.takeSent("n2").map((message) => "matchIndex" in message && message.matchIndex),
      [3],
      "the third batch acknowledges what it holds",
    );
    bench.persist();
    assert.equal(bench.sent("AppendReply", "n2").matchIndex, 3);
  });

  test("only a conflict cuts the log; a late duplicate never does (M-CON-07)", () => {
    const bench = new Bench({ log: [1, 1, 1, 1] });
    for (const late of [
      appendEntries(1, [0, 0], [1]),
      appendEntries(1, [1, 1], [1, 1]),
      appendEntries(1, [2, 1], []),
    ]) {
      const { trace, persist } = bench.receive("n2", late);
      assert.deepEqual([trace, persist], [[], undefined]);
    }
    assert.equal(bench.raft.view().lastIndex, 4);
    const { trace, persist } = bench.receive("n3", appendEntries(2, [1, 1], [1, 2]));
    assert.deepEqual(persist?.entries, [entry(3, 2)], "what agrees stays where it is");
    assert.deepEqual(
      trace.map((event) => (event.kind === "append" ? [event.after, event.entries.length] : event.kind)),
      ["role", [2, 1]],
    );
    assert.equal(bench.raft.view().lastIndex, 3);
  });

  test("it commits what the message covered, not what happens to follow in its own log (M-CON-08)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    const { apply } = bench.receive("n2", appendEntries(2, [1, 1], [], 3));
    assert.deepEqual(apply, [entry(1, 1)]);
    const covered = bench.receive("n2", appendEntries(2, [1, 1], [1, 2, 2], 3));
    assert.deepEqual(covered.apply, [entry(2, 1), entry(3, 2)]);
    assert.equal(bench.raft.view().commitIndex, 3, "leaderCommit, though the message went to 4");
  });

  test("a stale message moves the commit index not back, a refused one not at all (M-CON-09, M-CON-10)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    bench.receive("n2", appendEntries(1, [3, 1], [], 3));
    for (const stale of [appendEntries(1, [3, 1], [], 1), appendEntries(1, [1, 1], [], 3)]) {
      bench.receive("n2", stale);
      assert.equal(bench.raft.view().commitIndex, 3);
    }
    const fresh = new Bench({ log: [1, 1, 1] });
    const { apply } = fresh.receive("n2", appendEntries(2, [3, 2], [], 3));
    assert.deepEqual([apply, fresh.raft.view().commitIndex], [[], 0]);
    fresh.receive("n2", appendEntries(2, [9, 1], [2], 9));
    assert.equal(fresh.raft.view().commitIndex, 0);
  });

  test("a refusal tells where to continue: past the end, or at the beginning of the conflicting term (5.3)", () => {
    const bench = new Bench({ term: 4, log: [1, 1, 2, 2, 2, 3] });
    const refusals: readonly (readonly [RaftMessage, RaftMessage])[] = [
      [appendEntries(4, [9, 4], []), appendRefusal(4, 9, 7, 0)],
      [appendEntries(4, [6, 4], []), appendRefusal(4, 6, 6, 3)],
      [appendEntries(4, [5, 4], []), appendRefusal(4, 5, 3, 2)],
      [appendEntries(4, [1, 4], []), appendRefusal(4, 1, 1, 1)],
    ];
    for (const [message, refusal] of refusals) {
      bench.receive("n2", message);
      assert.deepEqual(bench.sent("AppendReply", "n2"), refusal);
    }
  });

  test("a committed entry is never replaced: that is a broken invariant", () => {
    const bench = new Bench({ log: [1, 1] });
    bench.receive("n2", appendEntries(1, [2, 1], [], 2));
    assert.throws(() => bench.receive("n3", appendEntries(2, [1, 1], [2])), /committed entry 2 is not replaced/);
  });

  test("figure 7: from each of the six logs, one exchange at a time leads to the leader's", () => {
    const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followers = {
      a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      b: [1, 1, 1, 4],
      c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      e: [1, 1, 1, 4, 4, 4, 4],
      f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    for (const [name, log] of Object.entries(followers)) {
      const refusals = converge(leader, log);
      assert.ok(refusals <= 3, `${name} takes ${refusals} refusals: at most one per term it has and the leader lacks`);
    }
  });
});

describe("InstallSnapshot (figure 13)", () => {
  const chunk = (offsetBytes: number, text: string, done: boolean, index = 5, term = 2): RaftMessage => ({
    kind: "InstallSnapshot",
    term: 2,
    lastIncludedIndex: index,
    lastIncludedTerm: term,
    offsetBytes,
    data: new TextEncoder().encode(text),
    done,
    round: 4,
  });
  const answer = (lastIncludedIndex: number, nextOffsetBytes: number, installed: boolean): RaftMessage => ({
    kind: "SnapshotReply",
    term: 2,
    lastIncludedIndex,
    nextOffsetBytes,
    installed,
    round: 4,
  });

  test("chunks are put together; whatever comes out of order is asked for again", () => {
    const bench = new Bench({ term: 2, log: [1] });
    const nextOffsets: number[] = [];
    for (const message of [
      chunk(3, "def", false),
      chunk(0, "abc", false),
      chunk(0, "abc", false),
      chunk(6, "g", true),
    ]) {
      bench.receive("n2", message);
      nextOffsets.push(bench.sent("SnapshotReply", "n2").nextOffsetBytes);
    }
    assert.deepEqual(nextOffsets, [0, 3, 3, 3]);
    bench.receive("n2", chunk(3, "def", false));
    const { persist, restore, trace } = bench.receive("n2", chunk(6, "g", true));
    const snapshot = { index: 5, term: 2, data: new TextEncoder().encode("abcdefg"), configuration: undefined };
    assert.deepEqual(persist?.snapshot, { snapshot, keepLog: false });
    assert.deepEqual(restore, snapshot);
    assert.deepEqual(trace, [{ kind: "snapshot", index: 5, term: 2, installed: true }]);
    assert.deepEqual([bench.raft.view().commitIndex, bench.raft.view().lastIndex, bench.raft.firstIndex], [5, 5, 6]);
    bench.takeSent();
    bench.receive("n2", chunk(6, "g", true));
    assert.deepEqual(bench.takeSent(), [], "also a duplicate is answered when the snapshot is durable");
    bench.persist();
    assert.deepEqual(bench.takeSent("n2"), [answer(5, 0, true), answer(5, 0, true)]);
  });

  test("after it the log goes on, and what was in it before is gone", () => {
    const bench = new Bench({ term: 2, log: [1, 1, 1, 1, 1, 1, 1] });
    bench.receive("n2", chunk(0, "abc", true));
    bench.persist();
    bench.takeSent();
    const { persist } = bench.receive("n2", appendEntries(2, [5, 2], [2], 6));
    assert.deepEqual(persist?.entries, [entry(6, 2)]);
    bench.persist();
    assert.deepEqual(bench.sent("AppendReply", "n2"), appendReply(2, 6));
  });

  test("an older snapshot than what is committed here changes nothing (M-CON-19)", () => {
    const snapshot = { index: 7, term: 2, data: new Uint8Array([1]) };
    const bench = new Bench({ term: 2, snapshot, log: [2] });
    const { restore, persist } = bench.receive("n2", chunk(0, "abc", true));
    assert.deepEqual([restore, persist], [undefined, undefined]);
    assert.deepEqual(bench.sent("SnapshotReply", "n2"), answer(7, 0, true));
    assert.deepEqual([bench.raft.view().commitIndex, bench.raft.view().lastIndex], [7, 8]);
  });

  test("step 6: a log that holds the snapshot's last entry is kept, and commits up to it", () => {
    const bench = new Bench({ term: 2, log: [1, 1, 2, 2, 2, 2] });
    const { restore, persist, apply } = bench.receive("n2", chunk(0, "abc", false));
    assert.deepEqual([restore, persist, apply.length], [undefined, undefined, 5]);
    assert.deepEqual(bench.sent("SnapshotReply", "n2"), answer(5, 0, true));
    assert.equal(bench.raft.view().lastIndex, 6);
  });

  test("another leader's transfer begins anew", () => {
    const bench = new Bench({ term: 2 });
    bench.receive("n2", chunk(0, "abc", false));
    bench.takeSent();
    bench.receive("n3", { ...chunk(3, "xyz", true), term: 3 });
    bench.persist();
    assert.equal(bench.sent("SnapshotReply", "n3").nextOffsetBytes, 0);
  });

  test("a snapshot larger than allowed is not gathered", () => {
    const bench = new Bench({ term: 2, settings: { maxSnapshotBytes: 5 } });
    bench.receive("n2", chunk(0, "abc", false));
    bench.takeSent();
    assert.equal(bench.receive("n2", chunk(3, "def", false)), noEffects);
    assert.equal(bench.raft.counters["snapshots too large"], 1);
  });

  test("nothing is acknowledged beyond the snapshot that is being written over a log in writing", () => {
    const bench = new Bench({ term: 2, log: [1] });
    bench.receive("n2", appendEntries(2, [1, 1], [1, 1, 1, 1, 1, 1]));
    bench.receive("n2", chunk(0, "abc", true));
    bench.persist(1);
    bench.takeSent();
    bench.receive("n2", appendEntries(2, [5, 2], []));
    assert.equal(bench.sent("AppendReply", "n2").matchIndex, 0, "what the first batch wrote is not the snapshot");
    bench.persist();
    bench.takeSent();
    bench.receive("n2", appendEntries(2, [5, 2], []));
    assert.equal(bench.sent("AppendReply", "n2").matchIndex, 5);
  });
});

/** Lets a leader of term 8 and a follower talk until their logs agree. @returns the refusals it took. */
function converge(leaderLog: readonly number[], followerLog: readonly number[]): number {
  const leader = new Bench({ term: 7, log: leaderLog, settings: { maxEntriesPerMessage: 2 } });
  const follower = new Bench({ term: 7, log: followerLog });
  leader.elect();
  leader.persist();
  let refusals = 0;
  for (let exchange = 0; exchange < 40; exchange++) {
    for (const message of leader.takeSent("n2")) if (message.kind === "AppendEntries") follower.receive("n2", message);
    follower.persist();
    const replies = follower.takeSent();
    for (const reply of replies) {
      if (reply.kind === "AppendReply" && !reply.success) refusals++;
      leader.receive("n2", reply);
    }
    if (replies.length === 0) break;
  }
  assert.deepEqual(follower.raft.view().lastIndex, leaderLog.length + 1);
  assert.equal(leader.raft.view().commitIndex, leaderLog.length + 1);
  return refusals;
}
