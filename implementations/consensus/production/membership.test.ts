/**
 * Goal: a change of members never leaves two majorities that do not know of each other, and never counts who has no
 * vote. Method: one node of the core on a bench, hand-fed; the forbidden side of each rule beside the rule.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { appendEntries, appendReply, Bench, electionTimeoutMs, voteReply, voteRequest } from "./bench.fixture.ts";
import type { Configuration } from "./configuration.ts";
import { decodeConfiguration, encodeConfiguration, isConfigurationPayload, quorumOf } from "./configuration.ts";
import { encodeCommand } from "./command.ts";
import type { Entry } from "./messages.ts";

const founders: Configuration = { voters: ["n1", "n2", "n3"], outgoing: [], learners: [] };

function change(bench: Bench, requestId: number, add: readonly string[], remove: readonly string[]) {
  return bench.step({ kind: "change", requestId, add, remove });
}

/** The configuration that entered the leader's log last, if any entry that left did. */
function proposed(bench: Bench): Configuration | undefined {
  const entries = bench.writing.flatMap((batch) => batch.entries);
  const newest = entries.findLast(({ payload }) => isConfigurationPayload(payload));
  return newest === undefined ? undefined : decodeConfiguration(newest.payload);
}

/** Makes what was written durable here, and has `followers` acknowledge all of it. */
function acknowledge(bench: Bench, ...followers: readonly string[]): void {
  const { term, lastIndex } = bench.raft.view();
  bench.persist();
  for (const follower of followers) bench.receive(follower, appendReply(term, lastIndex));
}

function configurationEntry(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, payload: encodeConfiguration(configuration) };
}

describe("configurations in the log", () => {
  test("they come back as they went in, and no command or no-op is taken for one", () => {
    const joint = { voters: ["n1", "n4"], outgoing: ["n1", "n2"], learners: ["n9"] };
    assert.deepEqual(decodeConfiguration(encodeConfiguration(joint)), joint);
    const command = encodeCommand({ session: 1, sequence: 1, operation: { kind: "write", key: "a", value: "b" } });
    assert.equal(isConfigurationPayload(command), false);
    assert.equal(isConfigurationPayload(new Uint8Array(0)), false);
  });

  test("a joint configuration needs a majority of both sets of voters", () => {
    const joint = { voters: ["n3", "n4", "n5"], outgoing: ["n1", "n2", "n3"], learners: [] };
    const reached = (...nodes: readonly string[]) => quorumOf(joint, (id) => (nodes.includes(id) ? 7 : 0));
    assert.equal(reached("n3", "n4", "n5"), 0);
    assert.equal(reached("n1", "n2"), 0);
    assert.equal(reached("n1", "n2", "n4", "n5"), 7);
    assert.equal(reached("n1", "n3", "n4"), 7, "a node in both sets counts in both");
  });
});

describe("replacing a voter", () => {
  test("the newcomer learns first, then both sets of voters decide, then the new ones alone", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, ["n4"], ["n3"]);
    assert.deepEqual(proposed(bench), { ...founders, learners: ["n4"] });
    acknowledge(bench, "n2");
    assert.equal(proposed(bench), undefined, "n4 holds nothing yet");
    acknowledge(bench, "n4");
    assert.deepEqual(proposed(bench), { voters: ["n1", "n2", "n4"], outgoing: founders.voters, learners: [] });
    acknowledge(bench, "n2");
    assert.deepEqual(proposed(bench), { voters: ["n1", "n2", "n4"], outgoing: [], learners: [] });
    bench.persist();
    const { term, lastIndex } = bench.raft.view();
    const done = bench.receive("n4", appendReply(term, lastIndex));
    assert.deepEqual(done.administered, [{ requestId: 1, error: undefined }]);
  });

  test("a joint configuration is not committed by the old voters alone, nor by the new ones alone", () => {
    for (const acknowledging of [
      ["n2", "n3"],
      ["n4", "n5"],
    ]) {
      const bench = new Bench();
      bench.lead();
      change(bench, 1, ["n4", "n5"], ["n2", "n3"]);
      acknowledge(bench, "n2", "n3", "n4", "n5");
      const joint = bench.raft.view().lastIndex;
      bench.persist();
      for (const each of acknowledging) bench.receive(each, appendReply(bench.raft.view().term, joint));
      assert.equal(bench.raft.view().commitIndex < joint, true, acknowledging.join(" "));
    }
  });

  test("the member that goes hears that it is gone", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, [], ["n3"]);
    acknowledge(bench, "n2", "n3");
    bench.takeSent();
    acknowledge(bench, "n2");
    const { commitIndex, lastIndex } = bench.raft.view();
    assert.equal(commitIndex, lastIndex);
    assert.equal(
      bench.takeSent("n3").some((message) => message.kind === "AppendEntries" && message.leaderCommit === commitIndex),
      true,
    );
  });
});

describe("rules of a change", () => {
  test("a learner counts for nothing: neither its acknowledgement nor its vote", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, ["n4"], []);
    const { term, lastIndex, commitIndex } = bench.raft.view();
    bench.persist();
    bench.receive("n4", appendReply(term, lastIndex));
    assert.equal(bench.raft.view().commitIndex, commitIndex, "n1 and the learner are no majority");
    const candidate = new Bench();
    candidate.receive("n2", {
      ...appendEntries(1, [0, 0], []),
      entries: [configurationEntry(1, 1, { ...founders, learners: ["n4"] })],
    } as never);
    candidate.persist();
    candidate.wake();
    candidate.receive("n4", voteReply(2, true));
    assert.equal(candidate.raft.role, "pre-candidate");
    candidate.receive("n3", voteReply(2, true));
    assert.equal(candidate.raft.role, "candidate");
  });

  test("nothing changes before an entry of the leader's own term is committed", () => {
    const bench = new Bench();
    bench.elect();
    change(bench, 1, ["n4"], []);
    assert.equal(proposed(bench), undefined);
    const { term, lastIndex } = bench.raft.view();
    bench.persist();
    bench.receive("n2", appendReply(term, lastIndex));
    assert.deepEqual(proposed(bench)?.learners, ["n4"]);
  });

  test("one change at a time: another is refused, the same one is joined, and what is so already is done", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, ["n4"], []);
    assert.deepEqual(change(bench, 2, ["n5"], []).administered, [{ requestId: 2, error: "CHANGE_UNDER_WAY" }]);
    assert.deepEqual(change(bench, 3, ["n4"], []).administered, [{ requestId: 1, error: "CHANGE_UNDER_WAY" }]);
    assert.deepEqual(new Bench().step({ kind: "change", requestId: 4, add: [], remove: [] }).administered, [
      { requestId: 4, error: "NOT_LEADER" },
    ]);
    const idle = new Bench();
    idle.lead();
    assert.deepEqual(change(idle, 5, ["n2"], ["n9"]).administered, [{ requestId: 5, error: undefined }]);
    assert.deepEqual(change(idle, 6, [], founders.voters).administered, [{ requestId: 6, error: "MALFORMED_REQUEST" }]);
  });

  test("a newcomer that never catches up does not become a voter, and does not stay", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, ["n4"], []);
    acknowledge(bench, "n2", "n3");
    let answered = bench.wake();
    for (let ticks = 0; ticks < 1000 && answered.administered.length === 0; ticks++) {
      const { term, lastIndex } = bench.raft.view();
      bench.receive("n2", appendReply(term, lastIndex));
      answered = bench.wake();
    }
    assert.deepEqual(answered.administered, [{ requestId: 1, error: "LEARNER_BEHIND" }]);
    assert.deepEqual(proposed(bench), founders);
  });

  test("a configuration goes with its entry: cut from the log, the one before holds again", () => {
    const bench = new Bench({ term: 1 });
    const alone = { voters: ["n1"], outgoing: [], learners: [] };
    const { trace } = bench.receive("n2", {
      ...appendEntries(1, [0, 0], []),
      entries: [configurationEntry(1, 1, alone)],
    } as never);
    assert.deepEqual(
      trace.find(({ kind }) => kind === "configuration"),
      { kind: "configuration", index: 1, ...alone },
    );
    bench.receive("n3", appendEntries(2, [0, 0], [2]));
    bench.persist();
    bench.wake();
    assert.equal(bench.raft.role, "pre-candidate", "n1 alone is no majority any more");
  });

  test("a leader that inherits a joint configuration completes it", () => {
    const joint = { voters: ["n1", "n2", "n4"], outgoing: founders.voters, learners: [] };
    const bench = new Bench({ term: 1 });
    bench.receive("n2", { ...appendEntries(1, [0, 0], []), entries: [configurationEntry(1, 1, joint)] } as never);
    bench.persist();
    bench.elect();
    acknowledge(bench, "n2");
    assert.deepEqual(proposed(bench), { voters: joint.voters, outgoing: [], learners: [] });
  });

  test("a snapshot carries the configuration", () => {
    const configuration = { voters: ["n2", "n3", "n4"], outgoing: [], learners: [] };
    const snapshot = { index: 5, term: 1, data: new Uint8Array([1]), configuration };
    const bench = new Bench({ term: 1, snapshot });
    bench.wake();
    assert.equal(bench.raft.role, "follower", "n1 has no vote in it");
    assert.deepEqual(bench.raft.snapshotConfiguration(5), configuration);
  });
});

describe("a leader without a vote", () => {
  test("it does not count itself, steps down once it is out for certain, and has a successor stand", () => {
    const bench = new Bench();
    bench.lead();
    change(bench, 1, [], ["n1"]);
    acknowledge(bench, "n2", "n3");
    assert.deepEqual(proposed(bench), { voters: ["n2", "n3"], outgoing: [], learners: [] });
    bench.persist();
    const { term, lastIndex } = bench.raft.view();
    bench.receive("n2", appendReply(term, lastIndex));
    assert.equal(bench.raft.role, "leader", "n1 and n2 are no majority of n2 and n3");
    bench.takeSent();
    const { administered } = bench.receive("n3", appendReply(term, lastIndex));
    assert.deepEqual(administered, [{ requestId: 1, error: undefined }]);
    assert.equal(bench.raft.role, "follower");
    const asked = ["n2", "n3"].flatMap((node) => bench.takeSent(node).filter(({ kind }) => kind === "TimeoutNow"));
    assert.deepEqual(asked, [{ kind: "TimeoutNow", term }]);
    bench.nowMs += 10 * electionTimeoutMs;
    bench.wake();
    assert.equal(bench.raft.role, "follower", "who has no vote does not stand");
  });
});

describe("handing the office over (dissertation, section 3.10)", () => {
  test("no proposals meanwhile; the successor is asked once it holds everything", () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: "propose", payloads: [new Uint8Array([1])] });
    bench.takeSent();
    bench.step({ kind: "transfer", requestId: 7, to: "n3" });
    assert.equal(bench.step({ kind: "propose", payloads: [new Uint8Array([2])] }).proposed, undefined);
    assert.equal(bench.takeSent("n3").length, 0);
    const { term, lastIndex } = bench.raft.view();
    bench.receive("n2", appendReply(term, lastIndex));
    assert.equal(
      bench.takeSent("n3").some(({ kind }) => kind === "TimeoutNow"),
      false,
    );
    bench.receive("n3", appendReply(term, lastIndex));
    assert.equal(bench.sent("TimeoutNow", "n3").term, term);
    const { administered } = bench.receive("n3", {
      ...voteRequest(term + 1, lastIndex, term),
      isHandover: true,
    } as never);
    assert.equal(bench.raft.role, "follower", "it gives way");
    assert.deepEqual(administered, [{ requestId: 7, error: undefined }]);
  });

  test("without an election it goes on after an election timeout, and says so", () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: "transfer", requestId: 7, to: undefined });
    let answered = bench.wake();
    for (let ticks = 0; ticks < 20 && answered.administered.length === 0; ticks++) {
      const { term, lastIndex } = bench.raft.view();
      bench.receive("n2", appendReply(term, lastIndex));
      answered = bench.wake();
    }
    assert.deepEqual(answered.administered, [{ requestId: 7, error: "UNAVAILABLE" }]);
    assert.notEqual(bench.step({ kind: "propose", payloads: [new Uint8Array([2])] }).proposed, undefined);
  });

  test("who is asked stands at once, and who hears the leader votes for it all the same; without the word it does not", () => {
    const bench = new Bench();
    bench.receive("n2", appendEntries(1, [0, 0], [1]));
    bench.persist();
    bench.takeSent();
    bench.receive("n2", { kind: "TimeoutNow", term: 1 });
    assert.equal(bench.raft.role, "candidate");
    bench.persist();
    assert.equal(bench.sent("VoteRequest", "n3").isHandover, true);
    const voter = new Bench();
    voter.receive("n2", appendEntries(1, [0, 0], [1]));
    voter.persist();
    voter.takeSent();
    voter.receive("n3", voteRequest(2, 1, 1));
    voter.persist();
    assert.deepEqual(voter.takeSent("n3"), []);
    voter.receive("n3", { ...voteRequest(2, 1, 1), isHandover: true } as never);
    voter.persist();
    assert.equal(voter.sent("VoteReply", "n3").granted, true);
  });

  test("a word of an earlier term, or to a node without a vote, is passed over", () => {
    const bench = new Bench({ term: 3 });
    bench.receive("n2", { kind: "TimeoutNow", term: 2 });
    assert.equal(bench.raft.role, "follower");
    const stranger = new Bench({ term: 1, log: [1] });
    const without = { voters: ["n2", "n3"], outgoing: [], learners: ["n1"] };
    stranger.receive("n2", { ...appendEntries(1, [1, 1], []), entries: [configurationEntry(2, 1, without)] } as never);
    stranger.receive("n2", { kind: "TimeoutNow", term: 1 });
    assert.equal(stranger.raft.role, "follower");
  });
});
