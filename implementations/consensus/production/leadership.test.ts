/**
 * Goal: a leader commits what is durable on a majority and of its term, keeps every follower's pipeline moving whatever
 * is lost, confirms reads before they are served, and brings late followers up by snapshot.
 *
 * Method: one leader on a bench; the test plays the followers. Figure 8 of the paper is played through.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.3, 5.4.2, 7, 8; Ongaro 2014, sections 6.4, 10.2.1.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  appendEntries,
  appendRefusal,
  appendReply,
  Bench,
  electionTimeoutMs,
  entry,
  heartbeatIntervalMs,
  voteRequest,
} from "./bench.fixture.ts";
import type { MessageOf, RaftMessage } from "./messages.ts";

const payload = new Uint8Array([1, 2, 3]);

describe("taking office and committing", () => {
  test("a term opens with a no-op, which leaves while it is being written (10.2.1)", () => {
    const bench = new Bench({ log: [1] });
    bench.elect();
    const message = bench.sent("AppendEntries", "n3");
    assert.deepEqual([message.prevLogIndex, message.prevLogTerm, message.entries.length], [1, 1, 1]);
    assert.equal(message.entries[0]?.payload.length, 0);
    assert.deepEqual(bench.writing[0]?.entries, message.entries);
  });

  test("an entry counts here when it is durable here; alone it counts nowhere (M-CON-13, M-CON-14)", () => {
    const bench = new Bench({ voters: 5 });
    bench.lead();
    const { proposed } = propose(bench);
    assert.deepEqual(proposed, { firstIndex: 2, term: 1 });
    bench.receive("n2", appendReply(1, 2));
    bench.receive("n3", appendReply(1, 2));
    assert.equal(bench.raft.view().commitIndex, 1, "two followers and a write that may yet fail");
    bench.persist();
    assert.equal(bench.raft.view().commitIndex, 2);
    propose(bench);
    bench.persist();
    bench.receive("n2", appendReply(1, 3));
    bench.receive("n2", appendReply(1, 3));
    assert.equal(bench.raft.view().commitIndex, 2, "one follower, twice");
    bench.receive("n9", appendReply(1, 3));
    assert.equal(bench.raft.view().commitIndex, 2, "a stranger");
    const { apply, trace } = bench.receive("n3", appendReply(1, 3));
    assert.deepEqual([apply.length, trace], [1, [{ kind: "commit", term: 1, index: 3 }]]);
  });

  test("followers alone can commit what is not durable here yet", () => {
    const bench = new Bench();
    bench.lead();
    propose(bench);
    bench.receive("n2", appendReply(1, 2));
    bench.receive("n3", appendReply(1, 2));
    assert.equal(bench.raft.view().commitIndex, 2);
  });

  test("figure 8: an entry of an earlier term on a majority is not committed by counting (M-CON-01)", () => {
    // (c): S1 leads term 4, with the entry of term 2 at index 2, and has just brought it to a majority.
    const bench = new Bench({ voters: 5, term: 3, log: [1, 2] });
    bench.elect();
    bench.receive("n2", appendReply(4, 2));
    bench.receive("n3", appendReply(4, 2));
    assert.equal(bench.raft.view().commitIndex, 0);
    // (e): an entry of term 4 on a majority commits everything before it.
    bench.persist();
    bench.receive("n2", appendReply(4, 3));
    assert.equal(bench.raft.view().commitIndex, 0);
    bench.receive("n3", appendReply(4, 3));
    assert.equal(bench.raft.view().commitIndex, 3);
  });

  test("proposals elsewhere than at the leader are refused", () => {
    const bench = new Bench();
    assert.equal(propose(bench).proposed, undefined);
    assert.equal(bench.raft.view().lastIndex, 0);
  });
});

describe("replication: batched and pipelined", () => {
  test("several payloads are one batch and one message, the same object for followers in step", () => {
    const bench = new Bench();
    bench.lead();
    bench.receive("n3", appendReply(1, 1));
    const { messages, persist } = bench.step({ kind: "propose", payloads: [payload, payload, payload] });
    assert.equal(persist?.entries.length, 3);
    assert.deepEqual(
      messages.map(({ to }) => to),
      ["n2", "n3"],
    );
    assert.equal(messages[0]?.message, messages[1]?.message);
  });

  test("messages are bounded in entries and bytes; an entry of any size travels alone", () => {
    const bench = new Bench({ settings: { maxEntriesPerMessage: 3, maxBytesPerMessage: 10, maxInFlight: 100 } });
    bench.lead();
    const sizes = [1, 1, 1, 1, 5, 5, 1, 50, 1];
    bench.step({ kind: "propose", payloads: sizes.map((bytes) => new Uint8Array(bytes)) });
    const batches = entriesSent(bench, "n2").map((entries) => entries.map(({ payload: { length } }) => length));
    assert.deepEqual(batches, [[1, 1, 1], [1, 5], [5, 1], [50], [1]]);
  });

  test("the window bounds what is under way; one acknowledgement frees every message before it", () => {
    const bench = new Bench({ settings: { maxInFlight: 3 } });
    bench.lead();
    for (let proposal = 0; proposal < 10; proposal++) propose(bench);
    assert.equal(entriesSent(bench, "n2").length, 3);
    bench.receive("n2", appendReply(1, 4)); // The replies for 2 and 3 were lost.
    const [rest] = entriesSent(bench, "n2");
    assert.deepEqual([rest?.[0]?.index, rest?.length], [5, 7], "what gathered meanwhile goes together");
  });

  test("a lost message is found by the next one, and everything from there on is sent again", () => {
    const bench = new Bench();
    bench.lead();
    for (let proposal = 0; proposal < 4; proposal++) propose(bench); // 2 to 5; 3 is lost on the way
    bench.takeSent();
    bench.receive("n2", appendReply(1, 2));
    bench.receive("n2", appendRefusal(1, 3, 3, 0)); // what follows on 3
    assert.deepEqual(indexesSent(bench, "n2"), [[3, 4, 5]]);
    bench.receive("n2", appendRefusal(1, 4, 3, 0)); // what follows on 4: late
    assert.deepEqual(indexesSent(bench, "n2"), []);
    bench.receive("n2", appendReply(1, 5));
    propose(bench);
    assert.deepEqual(indexesSent(bench, "n2"), [[6]]);
  });

  test("a lost tail, and a full window of lost replies, are found by the heartbeat", () => {
    const bench = new Bench({ settings: { maxInFlight: 2 } });
    bench.lead();
    for (let proposal = 0; proposal < 5; proposal++) propose(bench);
    bench.takeSent();
    bench.wake();
    const heartbeat = bench.sent("AppendEntries", "n2");
    assert.deepEqual([heartbeat.prevLogIndex, heartbeat.entries.length], [3, 0], "it follows on the last entry sent");
    bench.receive("n2", appendReply(1, 3)); // Only the replies were lost.
    assert.deepEqual(indexesSent(bench, "n2"), [[4, 5, 6]]);
    bench.wake();
    bench.receive("n2", appendRefusal(1, 6, 4, 0)); // The message itself was lost.
    assert.deepEqual(indexesSent(bench, "n2"), [[], [4, 5, 6]], "the heartbeat, then the lost entries");
  });

  test("a refusal below what is already acknowledged is late and changes nothing", () => {
    const bench = new Bench();
    bench.lead();
    for (let proposal = 0; proposal < 3; proposal++) propose(bench);
    bench.receive("n2", appendReply(1, 4));
    bench.takeSent();
    bench.receive("n2", appendRefusal(1, 2, 1, 1));
    propose(bench);
    assert.deepEqual(indexesSent(bench, "n2"), [[5]]);
  });

  test("one probe at a time until it is known where the logs agree", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    bench.elect();
    assert.deepEqual(indexesSent(bench, "n2"), [[4]]);
    propose(bench);
    assert.deepEqual(indexesSent(bench, "n2"), []);
    bench.receive("n2", appendRefusal(2, 3, 1, 0));
    assert.deepEqual(indexesSent(bench, "n2"), [[1, 2, 3, 4, 5]]);
  });

  test("a conflict hint leads past the whole term, ours if we have it (5.3)", () => {
    const bench = new Bench({ term: 5, log: [1, 1, 2, 2, 4, 4] });
    bench.elect();
    bench.takeSent();
    bench.receive("n2", appendRefusal(6, 6, 3, 2)); // The follower has term 2 from 3 on, up to 6.
    assert.equal(bench.sent("AppendEntries", "n2").prevLogIndex, 4, "our last entry of term 2");
    bench.receive("n3", appendRefusal(6, 6, 2, 3)); // Term 3 is unknown here.
    assert.equal(bench.sent("AppendEntries", "n3").prevLogIndex, 1);
  });

  test("an acknowledgement beyond the log is nonsense and ignored", () => {
    const bench = new Bench();
    bench.lead();
    bench.receive("n3", appendReply(1, 1000));
    assert.equal(bench.raft.view().commitIndex, 1);
  });
});

describe("linearizable reads (dissertation 6.4)", () => {
  test("none is served before an entry of the own term is committed (M-CON-15)", () => {
    const bench = new Bench({ log: [1, 1] });
    bench.elect();
    bench.takeSent();
    assert.deepEqual(bench.step({ kind: "read", readId: 1 }).reads, []);
    bench.receive("n2", appendReply(2, 2, 99));
    bench.receive("n3", appendReply(2, 2, 99));
    bench.persist();
    assert.deepEqual(bench.raft.view().commitIndex, 0);
    bench.takeSent();
    bench.receive("n2", appendReply(2, 3));
    assert.equal(bench.raft.view().commitIndex, 3);
    const round = bench.sent("AppendEntries", "n3");
    const { reads } = bench.receive("n3", appendReply(2, 3, round.round));
    assert.deepEqual(reads, [{ readId: 1, index: 3 }]);
  });

  test("a majority must answer after the read came; refusals count, answers to earlier rounds do not", () => {
    const bench = new Bench({ voters: 5 });
    bench.lead();
    bench.step({ kind: "read", readId: 1 });
    const { round } = bench.sent("AppendEntries", "n2");
    assert.deepEqual(bench.receive("n2", appendReply(1, 1, round - 1)).reads, []);
    assert.deepEqual(bench.receive("n2", appendReply(1, 1, round)).reads, []);
    assert.deepEqual(bench.receive("n2", appendReply(1, 1, round)).reads, [], "the same voter again");
    const refusal = { ...appendRefusal(1, 1, 1, 0), round } as RaftMessage;
    assert.deepEqual(bench.receive("n3", refusal).reads, [{ readId: 1, index: 1 }]);
  });

  test("reads that come during a round share the next one", () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: "read", readId: 1 });
    const first = bench.sent("AppendEntries", "n2").round;
    assert.equal(bench.step({ kind: "read", readId: 2 }).messages.length, 0);
    assert.equal(bench.step({ kind: "read", readId: 3 }).messages.length, 0);
    propose(bench);
    bench.persist();
    bench.receive("n3", appendReply(1, 2));
    assert.equal(bench.raft.view().commitIndex, 2);
    bench.takeSent();
    const { reads } = bench.receive("n2", appendReply(1, 1, first));
    assert.deepEqual(reads, [{ readId: 1, index: 1 }]);
    const second = bench.takeSent("n2").at(-1) as MessageOf<"AppendEntries">;
    assert.equal(second.round, first + 1);
    const shared = bench.receive("n3", appendReply(1, 2, second.round)).reads;
    assert.deepEqual(shared, [
      { readId: 2, index: 2 },
      { readId: 3, index: 2 },
    ]);
  });

  test("whoever is not, or no longer, the leader refuses; also a full queue does", () => {
    const bench = new Bench({ settings: { maxPendingReads: 2 } });
    assert.deepEqual(bench.step({ kind: "read", readId: 1 }).reads, [{ readId: 1, index: undefined }]);
    bench.lead();
    for (const readId of [2, 3]) bench.step({ kind: "read", readId });
    assert.deepEqual(bench.step({ kind: "read", readId: 4 }).reads, [{ readId: 4, index: undefined }]);
    const { reads } = bench.receive("n2", appendEntries(9, [0, 0], []));
    assert.deepEqual(reads, [
      { readId: 2, index: undefined },
      { readId: 3, index: undefined },
    ]);
  });

  test("a lost round is asked again by the heartbeat", () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: "read", readId: 1 });
    bench.takeSent();
    bench.wake();
    const { round } = bench.sent("AppendEntries", "n3");
    assert.deepEqual(bench.receive("n3", appendReply(1, 1, round)).reads, [{ readId: 1, index: 1 }]);
  });

  test("a lone voter answers at once", () => {
    const bench = new Bench({ voters: 1 });
    bench.elect();
    bench.persist();
    assert.deepEqual(bench.step({ kind: "read", readId: 1 }).reads, [{ readId: 1, index: 1 }]);
  });
});

describe("snapshots (section 7)", () => {
  const snapshot = { index: 6, term: 1, data: new TextEncoder().encode("0123456789") };
  const settings = { trailingEntries: 2, snapshotChunkBytes: 4 };
  const reply = (lastIncludedIndex: number, nextOffsetBytes: number, installed = false): RaftMessage => {
    return { kind: "SnapshotReply", term: 2, lastIncludedIndex, nextOffsetBytes, installed, round: 0 };
  };

  /** A leader of term 2 whose log begins at 5, and n2 as a follower whose log ends at 1. */
  const compacted = (): Bench => {
    const bench = new Bench({ log: [1, 1, 1, 1, 1, 1, 1], settings });
    bench.elect();
    bench.persist();
    bench.receive("n3", appendReply(2, 8));
    bench.takeSent();
    bench.step({ kind: "snapshot-saved", snapshot });
    bench.receive("n2", appendRefusal(2, 7, 2, 0));
    return bench;
  };

  test("a saved snapshot drops the log before it but for the trailing entries; an older one changes nothing", () => {
    const bench = new Bench({ log: [1, 1, 1, 1, 1, 1, 1, 1], settings });
    bench.receive("n2", appendEntries(1, [8, 1], [], 8));
    const { trace } = bench.step({ kind: "snapshot-saved", snapshot });
    assert.deepEqual(trace, [{ kind: "snapshot", index: 6, term: 1, installed: false }]);
    assert.deepEqual([bench.raft.firstIndex, bench.raft.logEntryCount], [5, 4]);
    assert.deepEqual(bench.step({ kind: "snapshot-saved", snapshot: { ...snapshot, index: 3 } }).trace, []);
    assert.equal(bench.raft.firstIndex, 5);
    bench.receive("n2", voteRequest(9, 8, 1));
    assert.equal(bench.raft.view().lastIndex, 8);
  });

  test("trailing entries are bounded in bytes as well", () => {
    const bytes = 2 * entry(5, 1).payload.length + 1;
    const bench = new Bench({ log: [1, 1, 1, 1, 1, 1], settings: { trailingEntries: 100, trailingBytes: bytes } });
    bench.receive("n2", appendEntries(1, [6, 1], [], 6));
    bench.step({ kind: "snapshot-saved", snapshot });
    assert.equal(bench.raft.firstIndex, 5);
  });

  test("a follower behind the log's beginning gets chunk after chunk, then the entries that follow", () => {
    const bench = compacted();
    const chunks: (readonly [number, string, boolean])[] = [];
    for (let sent = 0; sent < 3; sent++) {
      const chunk = bench.sent("InstallSnapshot", "n2");
      chunks.push([chunk.offsetBytes, new TextDecoder().decode(chunk.data), chunk.done]);
      bench.receive("n2", chunk.done ? reply(6, 0, true) : reply(6, chunk.offsetBytes + chunk.data.length));
    }
    assert.deepEqual(chunks, [
      [0, "0123", false],
      [4, "4567", false],
      [8, "89", true],
    ]);
    assert.deepEqual(indexesSent(bench, "n2"), [[7, 8]]);
  });

  test("a duplicated answer does not double the stream; a follower that restarted begins again", () => {
    const bench = compacted();
    bench.takeSent();
    bench.receive("n2", reply(6, 4));
    assert.equal(bench.sent("InstallSnapshot", "n2").offsetBytes, 4);
    bench.receive("n2", reply(6, 4));
    assert.deepEqual(bench.takeSent("n2"), []);
    bench.receive("n2", reply(6, 0));
    assert.equal(bench.sent("InstallSnapshot", "n2").offsetBytes, 0);
    bench.receive("n2", reply(3, 8));
    assert.deepEqual(bench.takeSent("n2"), [], "an answer about another snapshot");
  });

  test("during a transfer heartbeats go on, and a chunk without an answer is sent again", () => {
    const bench = compacted();
    bench.takeSent();
    const resentAtMs: number[] = [];
    for (const startedMs = bench.nowMs; bench.nowMs - startedMs < electionTimeoutMs;) {
      bench.receive("n3", appendReply(2, 8));
      bench.wake();
      const [heartbeat, chunk] = bench.takeSent("n2");
      assert.deepEqual([heartbeat?.kind, (heartbeat as MessageOf<"AppendEntries">).prevLogIndex], ["AppendEntries", 0]);
      if (chunk?.kind === "InstallSnapshot") resentAtMs.push(bench.nowMs - startedMs);
    }
    assert.deepEqual(resentAtMs, [2 * heartbeatIntervalMs, 4 * heartbeatIntervalMs]);
  });

  test("a follower that turns out to have the entries ends the transfer", () => {
    const bench = compacted();
    bench.takeSent();
    bench.receive("n2", appendReply(2, 7));
    assert.deepEqual(indexesSent(bench, "n2"), [[8]]);
  });

  test("if the snapshot is outdated by the time it is installed, the newer one follows", () => {
    const bench = compacted();
    for (let proposal = 0; proposal < 10; proposal++) propose(bench);
    bench.persist();
    bench.receive("n3", appendReply(2, 18));
    bench.step({ kind: "snapshot-saved", snapshot: { ...snapshot, index: 18, term: 2 } });
    bench.takeSent();
    bench.receive("n2", reply(6, 0, true));
    const { lastIncludedIndex, offsetBytes } = bench.sent("InstallSnapshot", "n2");
    assert.deepEqual([lastIncludedIndex, offsetBytes], [18, 0]);
    bench.receive("n2", reply(6, 0, true));
    assert.deepEqual(bench.takeSent("n2"), [], "the same answer again");
  });

  test("a read during a transfer, or of a follower that fell behind the log, is confirmed all the same", () => {
    const bench = new Bench({ log: [1, 1, 1, 1, 1, 1, 1], settings });
    bench.elect();
    bench.receive("n2", appendRefusal(2, 7, 2, 0));
    bench.persist();
    bench.receive("n3", appendReply(2, 8));
    bench.step({ kind: "snapshot-saved", snapshot });
    bench.takeSent();
    bench.step({ kind: "read", readId: 1 });
    const { prevLogIndex, round } = bench.sent("AppendEntries", "n2");
    assert.equal(prevLogIndex, 0);
    assert.deepEqual(bench.receive("n2", appendReply(2, 0, round)).reads, [{ readId: 1, index: 8 }]);
  });
});

function propose(bench: Bench): ReturnType<Bench["step"]> {
  return bench.step({ kind: "propose", payloads: [payload] });
}

function entriesSent(bench: Bench, to: string): readonly MessageOf<"AppendEntries">["entries"][] {
  return bench.takeSent(to).flatMap((message) => (message.kind === "AppendEntries" ? [message.entries] : []));
}

function indexesSent(bench: Bench, to: string): readonly (readonly number[])[] {
  return entriesSent(bench, to).map((entries) => entries.map(({ index }) => index));
}
