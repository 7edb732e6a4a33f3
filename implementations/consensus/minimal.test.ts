/**
 * Goal: the minimal implementation follows every rule of figure 2 of the Raft paper, and no rule of its own.
 *
 * Method: one node, its peers scripted by the test, and a log given as the terms of its entries. Each rule is shown
 * together with its forbidden side. What several nodes make of the rules is judged in `minimal-claims.test.ts`.
 *
 * @see Ongaro & Ousterhout 2014, "In search of an understandable consensus algorithm (extended version)".
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32c } from "../foundation/crc32c.ts";
import type { Request } from "../foundation/deployment.ts";
import { seededRandom } from "../foundation/prng.ts";
import type { Millis, NodeId } from "../foundation/units.ts";
import { limits } from "./contract.ts";
import type { ConsensusEvent, ConsensusOperation, ConsensusReply, ConsensusView } from "./contract.ts";
import { RaftNode, StateMachine, applyToRegister } from "./minimal.ts";
import type { AppendRequest, Entry, Peers, Proposal, VoteRequest } from "./minimal.ts";

const electionTimeoutMs = 100;
const heartbeatIntervalMs = 20;

describe("the state machine", () => {
  test("a register reads null until written, and a compare-and-swap needs the value it names", () => {
    const conflict = { kind: "error", code: "PRECONDITION_FAILED" };
    assert.deepEqual(applyToRegister(null, { kind: "read", key: "k" }).reply, readReply(null));
    assert.equal(applyToRegister(null, { kind: "write", key: "k", value: "a" }).value, "a");
    assert.equal(applyToRegister(null, { kind: "cas", key: "k", from: null, to: "a" }).value, "a");
    assert.deepEqual(applyToRegister("a", { kind: "cas", key: "k", from: null, to: "b" }), {
      value: "a",
      reply: conflict,
    });
    assert.deepEqual(applyToRegister("a", { kind: "cas", key: "k", from: "b", to: "c" }), {
      value: "a",
      reply: conflict,
    });
    assert.equal(applyToRegister("a", { kind: "cas", key: "k", from: "a", to: "b" }).value, "b");
  });

  test("section 8: a repeated request is executed once and answered alike; an older one is not executed", () => {
    const machine = new StateMachine();
    const second = request(7, 2, append("b"));
    assert.deepEqual(machine.apply(request(7, 1, append("a"))), appendReply(1));
    assert.deepEqual(machine.apply(second), appendReply(2));
    assert.deepEqual(machine.apply(second), appendReply(2));
    assert.deepEqual(machine.apply(request(7, 1, append("a"))), { kind: "error", code: "SESSION_EXPIRED" });
    assert.deepEqual(machine.apply(request(8, 5, append("c"))), appendReply(3));
    assert.deepEqual(machine.canonical().list, ["a", "b", "c"]);
  });

  test("a failed compare-and-swap is remembered too: its retry fails although it could succeed now", () => {
    const machine = new StateMachine();
    const swap = request(1, 1, { kind: "cas", key: "k", from: "a", to: "b" });
    assert.deepEqual(machine.apply(swap), { kind: "error", code: "PRECONDITION_FAILED" });
    machine.apply(request(2, 1, write("k", "a")));
    assert.deepEqual(machine.apply(swap), { kind: "error", code: "PRECONDITION_FAILED" });
    assert.deepEqual(machine.canonical(), { registers: [["k", "a"]], list: [] });
  });

  test("the canonical state lists written registers by key, whatever the order of the writes", () => {
    const machine = new StateMachine();
    for (const [index, key] of ["b", "c", "a"].entries()) machine.apply(request(1, index + 1, write(key, key)));
    machine.apply(request(1, 4, { kind: "read", key: "never written" }));
    const registers = ["a", "b", "c"].map((key) => [key, key]);
    assert.deepEqual(machine.canonical(), { registers, list: [] });
  });
});

describe("elections (section 5.2, 5.4.1)", () => {
  test("a node starts as follower and calls an election after [T, 2T) of silence", () => {
    const waits = Array.from({ length: 200 }, (_, seed) => bench({ seed }).node.wakeAtMs);
    assert.ok(waits.every((waitMs) => waitMs >= electionTimeoutMs && waitMs < 2 * electionTimeoutMs));
    assert.ok(new Set(waits).size > 190, "timeouts differ: equal ones would split the vote again and again");
    const { node } = bench();
    node.tick(node.wakeAtMs - 1);
    assert.equal(node.view().role, "follower");
    node.tick(node.wakeAtMs);
    assert.deepEqual(summary(node), { term: 1, votedFor: "n1", role: "candidate", leader: null });
  });

  test("a leader says so at once and then in every interval; it calls no election", () => {
    const { node, peers } = benchLeader();
    let heartbeats = 0;
    peers.appendEntries = (_, { term, entries }) => {
      assert.deepEqual(entries, []);
      heartbeats++;
      return { term, success: true };
    };
    assert.equal(node.wakeAtMs, heartbeatIntervalMs, "the first round was part of the election");
    for (let nowMs = 0; nowMs <= 10 * heartbeatIntervalMs; nowMs++) node.tick(nowMs);
    assert.equal(heartbeats, 2 * 10, "to two followers, ten times");
    assert.equal(node.view().term, 1);
  });

  test("a vote is given once per term, to the same candidate again, and anew in the next term", () => {
    const { node } = bench();
    const ask = (term: number, candidate: NodeId): boolean =>
      node.handleVoteRequest(voteRequest(term, candidate), 0).granted;
    assert.deepEqual(
      [ask(1, "n2"), ask(1, "n3"), ask(1, "n2"), ask(2, "n3"), ask(1, "n2")],
      [true, false, true, true, false],
    );
    assert.deepEqual(node.handleVoteRequest(voteRequest(1, "n2"), 0), { term: 2, granted: false });
  });

  test("neither a candidate nor a leader votes for another in its own term", () => {
    for (const { node } of [benchCandidate(), benchLeader()]) {
      assert.deepEqual(node.handleVoteRequest(voteRequest(1, "n2", 9, 1), 0), { term: 1, granted: false });
    }
  });

  test("section 5.4.1: the vote goes only to a log whose last term is later, or equal and not shorter", () => {
    const cases = [
      { lastLogIndex: 3, lastLogTerm: 2, granted: true },
      { lastLogIndex: 4, lastLogTerm: 2, granted: true },
      { lastLogIndex: 2, lastLogTerm: 2, granted: false },
      { lastLogIndex: 1, lastLogTerm: 3, granted: true }, // A later term wins with a shorter log.
      { lastLogIndex: 9, lastLogTerm: 1, granted: false }, // A longer log does not make up for an earlier term.
    ];
    for (const { lastLogIndex, lastLogTerm, granted } of cases) {
      const { node } = bench({ terms: [1, 1, 2] });
      const reply = node.handleVoteRequest({ term: 9, candidate: "n2", lastLogIndex, lastLogTerm }, 0);
      assert.deepEqual(reply, { term: 9, granted }, `last entry ${lastLogIndex} of term ${lastLogTerm}`);
    }
  });

  test("the election timer restarts when a vote is granted or a leader of the term is heard, and at nothing else", () => {
    const { node } = bench({ terms: [1, 1, 2] });
    const restarts = (act: (nowMs: Millis) => void): boolean => {
      const beforeMs = node.wakeAtMs;
      act(beforeMs);
      return node.wakeAtMs >= beforeMs + electionTimeoutMs;
    };
    assert.ok(!restarts((nowMs) => node.handleVoteRequest(voteRequest(5, "n2"), nowMs)), "vote refused");
    assert.ok(
      restarts((nowMs) => node.handleVoteRequest(voteRequest(5, "n3", 3, 2), nowMs)),
      "vote granted",
    );
    assert.ok(!restarts((nowMs) => node.handleAppendEntries(appendRequest(4, 0, [], 0), nowMs)), "leader of the past");
    assert.ok(
      restarts((nowMs) => node.handleAppendEntries(appendRequest(5, 9, [], 0), nowMs)),
      "leader, other log",
    );
  });

  test("a higher term in an answer ends a candidacy and a leadership in the middle of the round", () => {
    const candidate = bench();
    candidate.peers.requestVote = () => ({ term: 8, granted: false });
    candidate.node.startElection(0);
    assert.deepEqual(summary(candidate.node), { term: 8, votedFor: null, role: "follower", leader: null });
    const leader = benchLeader();
    let calls = 0;
    leader.peers.appendEntries = () => (calls++ === 0 ? { term: 8, success: false } : { term: 1, success: true });
    const nowMs = 10 * electionTimeoutMs;
    assert.equal(leader.node.propose(request(1, 1, write("k", "a")), nowMs).kind, "pending");
    assert.deepEqual(summary(leader.node), { term: 8, votedFor: null, role: "follower", leader: null });
    assert.equal(calls, 1, "nothing more is sent in a term that is over");
    assert.ok(leader.node.wakeAtMs >= nowMs + electionTimeoutMs, "it waits for a leader again");
    assert.equal(leader.node.view().commitIndex, 0);
  });

  test("a node that is called back during its own call ends as the newer term says", () => {
    const candidate = bench();
    candidate.peers.requestVote = () => {
      candidate.node.handleAppendEntries(appendRequest(2, 0, [], 0), 0);
      return { term: 1, granted: true };
    };
    candidate.node.startElection(0);
    assert.deepEqual(summary(candidate.node), { term: 2, votedFor: null, role: "follower", leader: "n2" });
    const leader = benchLeader();
    leader.peers.appendEntries = () => {
      leader.node.handleVoteRequest(voteRequest(2, "n3", 1, 1), 0);
      return { term: 1, success: true };
    };
    assert.equal(leader.node.propose(request(1, 1, write("k", "a")), 0).kind, "pending");
    assert.deepEqual(summary(leader.node), { term: 2, votedFor: "n3", role: "follower", leader: null });
  });

  test("a candidate that hears the leader of its own term follows it", () => {
    const { node } = benchCandidate();
    node.handleAppendEntries(appendRequest(1, 0, [], 0), 0);
    assert.deepEqual(summary(node), { term: 1, votedFor: "n1", role: "follower", leader: "n2" });
  });
});

describe("replication (section 5.3)", () => {
  test("a request is refused when its term is over or the entry before its own is missing, and changes nothing", () => {
    const { node, log } = bench({ terms: [1, 1, 2] });
    const accepts = (message: AppendRequest): boolean => node.handleAppendEntries(message, 0).success;
    assert.ok(!accepts(appendRequest(1, 3, [2], 3)), "stale term");
    assert.ok(!accepts(appendRequest(2, 4, [2], 4, 2)), "nothing at index 4");
    assert.ok(!accepts(appendRequest(2, 3, [2], 3, 1)), "another term at index 3");
    assert.deepEqual(log(), [1, 1, 2]);
    assert.equal(node.view().commitIndex, 0, "a refused request commits nothing");
  });

  test("only a conflict truncates; a late duplicate of an old request leaves what came after it", () => {
    const { node, log } = bench({ terms: [1, 1, 2, 2] });
    node.handleAppendEntries(appendRequest(2, 0, [1, 1], 0), 0);
    assert.deepEqual(log(), [1, 1, 2, 2]);
    node.handleAppendEntries(appendRequest(2, 2, [], 0, 1), 0);
    assert.deepEqual(log(), [1, 1, 2, 2]);
    node.handleAppendEntries(appendRequest(3, 2, [3], 0, 1), 0);
    assert.deepEqual(log(), [1, 1, 3]);
  });

  test("commit is the smaller of leaderCommit and the last entry covered, and never goes back", () => {
    const { node } = bench({ terms: [1, 1, 1, 2] }); // Index 4 is the leftover of a leader of term 2; the leader of term 3 has not got there.
    const commitAfter = (message: AppendRequest): number => {
      node.handleAppendEntries(message, 0);
      return node.view().commitIndex;
    };
    assert.equal(commitAfter(appendRequest(3, 2, [], 4, 1)), 2, "not the follower's last index");
    assert.equal(commitAfter(appendRequest(3, 0, [1, 1, 1], 1)), 2, "an older message");
    assert.equal(commitAfter(appendRequest(3, 3, [3], 3, 1)), 3, "not more than the leader says");
    assert.equal(node.view().appliedIndex, 3);
  });
});

describe("a leader", () => {
  test("figure 2: what it knows of its followers starts anew with its term", () => {
    const { node, peers } = benchLeader();
    for (const sequence of [1, 2, 3]) node.propose(request(1, sequence, append("a")), 0);
    const sent: AppendRequest[] = [];
    peers.requestVote = () => ({ term: 2, granted: true });
    peers.appendEntries = (_, message) => {
      sent.push(message);
      return undefined;
    };
    node.appendEntries(0);
    node.startElection(0);
    const [before, , after] = sent.map(({ term, prevLogIndex, entries }) => [term, prevLogIndex, entries.length]);
    assert.deepEqual(
      [before, after],
      [
        [1, 0, 3],
        [2, 3, 0],
      ],
      "nextIndex is the index after its last entry",
    );
  });

  test("it never takes an older entry's reply for that of a new one, even where a crash elsewhere undid its log", () => {
    const { node, peers } = bench();
    node.handleAppendEntries(appendRequest(1, 0, [1], 1), 0);
    // In Raft nobody replaces a committed entry; nodes that lost their memory do.
    node.handleAppendEntries(appendRequest(2, 0, [2], 0), 0);
    node.handleAppendEntries(appendRequest(3, 0, [3, 3], 2), 0);
    node.handleAppendEntries(appendRequest(4, 0, [4], 0), 0);
    peers.requestVote = () => ({ term: 5, granted: true });
    node.startElection(0);
    assert.deepEqual(node.propose(request(1, 9, append("a")), 0), { kind: "pending", index: 2, term: 5 });
    const { commitIndex, lastIndex } = node.view();
    assert.deepEqual({ commitIndex, lastIndex }, { commitIndex: 2, lastIndex: 2 });
  });
});

describe("the door for clients", () => {
  test("what is refused was not proposed: no leader, too long, log full", () => {
    const { node, peers } = bench({ maxLogEntries: 2 });
    const propose = (operation: ConsensusOperation): Proposal => node.propose(request(1, 1, operation), 0);
    const refused = (code: string, leader: NodeId | null): unknown => ({ kind: "refused", code, leader });
    assert.deepEqual(propose(append("a")), refused("NOT_LEADER", null));
    node.handleAppendEntries(appendRequest(1, 0, [], 0), 0);
    assert.deepEqual(propose(append("a")), refused("NOT_LEADER", "n2"));
    peers.requestVote = () => ({ term: 2, granted: true });
    node.startElection(0);
    const longest = "é".repeat(limits.keyBytes / 2);
    assert.deepEqual(propose(write(`${longest}a`, "a")), refused("MALFORMED_REQUEST", "n1"));
    assert.deepEqual(propose(append("a".repeat(limits.valueBytes + 1))), refused("MALFORMED_REQUEST", "n1"));
    assert.deepEqual(propose(write(longest, "a")), { kind: "pending", index: 1, term: 2 });
    assert.equal(propose(append("a")).kind, "pending");
    assert.deepEqual(propose(append("b")), refused("OVERLOADED", "n1"));
    assert.equal(node.logLength, 2);
  });

  test("the log keeps of a request its own fields only, and names it by the checksum of these", () => {
    const { node, peers, events } = benchLeader();
    const sent: AppendRequest[] = [];
    peers.appendEntries = (_, message) => {
      sent.push(message);
      return { term: 1, success: true };
    };
    const carried = { id: 99, ...request(1, 1, append("a")) };
    assert.deepEqual(node.propose(carried, 0), { kind: "done", reply: appendReply(1) });
    const own = request(1, 1, append("a"));
    const digest = crc32c(new TextEncoder().encode(JSON.stringify(own)));
    assert.deepEqual(sent[0]?.entries, [{ term: 1, request: own, digest }]);
    assert.deepEqual(events.slice(-3), [
      { kind: "append", after: 0, entries: [{ term: 1, digest }] },
      { kind: "commit", term: 1, index: 1 },
      { kind: "apply", index: 1, digests: [digest] },
    ]);
  });
});

interface Bench {
  readonly node: RaftNode;
  readonly peers: Peers;
  readonly events: readonly ConsensusEvent[];
  /** The terms of the node's entries, as its trace told them. */
  readonly log: () => readonly number[];
}

/** One node of three, whose peers do not answer unless the test says how, with a log given as its entries' terms. */
function bench(options: { terms?: readonly number[]; seed?: number; maxLogEntries?: number } = {}): Bench {
  const { terms = [], seed = 1, maxLogEntries = 100 } = options;
  const events: ConsensusEvent[] = [];
  const peers: Peers = { requestVote: () => undefined, appendEntries: () => undefined };
  const node = new RaftNode({
    id: "n1",
    voters: ["n1", "n2", "n3"],
    electionTimeoutMs,
    heartbeatIntervalMs,
    maxLogEntries,
    life: 1,
    nowMs: 0,
    random: seededRandom(seed),
    peers,
    trace: (event) => events.push(event),
    onApplied: () => undefined,
  });
  if (terms.length > 0) node.handleAppendEntries(appendRequest(terms.at(-1) ?? 0, 0, terms, 0), 0);
  const log = (): readonly number[] => {
    const rebuilt: number[] = [];
    for (const event of events) {
      if (event.kind === "append") rebuilt.splice(event.after, Infinity, ...event.entries.map(({ term }) => term));
    }
    assert.equal(rebuilt.length, node.logLength, "the trace tells all of the log");
    return rebuilt;
  };
  return { node, peers, events, log };
}

/** The same, candidate of term 1: nobody answered. */
function benchCandidate(): Bench {
  const made = bench();
  made.node.startElection(0);
  return made;
}

/** The same, leader of term 1 with an empty log. */
function benchLeader(): Bench {
  const made = bench();
  made.peers.requestVote = () => ({ term: 1, granted: true });
  made.node.startElection(0);
  assert.equal(made.node.view().role, "leader");
  return made;
}

function request(session: number, sequence: number, operation: ConsensusOperation): Request<ConsensusOperation> {
  return { session, sequence, operation };
}

function write(key: string, value: string): ConsensusOperation {
  return { kind: "write", key, value };
}

function append(value: string): ConsensusOperation {
  return { kind: "append", value };
}

function appendReply(position: number): ConsensusReply {
  return { kind: "ok", result: { kind: "append", position } };
}

function readReply(value: string | null): ConsensusReply {
  return { kind: "ok", result: { kind: "read", value } };
}

/** One command per term and index, as Raft has it: equal entries are equal everywhere. */
function entryOf(term: number, index: number): Entry {
  return { term, request: request(1, index, append(`${term}.${index}`)), digest: term * 1000 + index };
}

function voteRequest(term: number, candidate: NodeId, lastLogIndex = 0, lastLogTerm = 0): VoteRequest {
  return { term, candidate, lastLogIndex, lastLogTerm };
}

/** From leader n2, with entries given as their terms. */
function appendRequest(
  term: number,
  prevLogIndex: number,
  terms: readonly number[],
  leaderCommit: number,
  prevLogTerm = prevLogIndex === 0 ? 0 : term,
): AppendRequest {
  const entries = terms.map((entryTerm, offset) => entryOf(entryTerm, prevLogIndex + 1 + offset));
  return { term, leader: "n2", prevLogIndex, prevLogTerm, entries, leaderCommit };
}

function summary(node: RaftNode): Pick<ConsensusView, "term" | "votedFor" | "role" | "leader"> {
  const { term, votedFor, role, leader } = node.view();
  return { term, votedFor, role, leader };
}
