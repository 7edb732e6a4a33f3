/**
 * Goal: minimal nodes together keep the paper's claims, execute a request once, and agree when the faults are over.
 *
 * Method: the figures of the paper as transcripts (7 and 8), and random schedules of ticks, cuts, lost requests, lost
 * replies, late duplicates and retried proposals over 3 and 5 nodes. In all of them a witness that knows nothing but
 * the trace judges the claims of figure 3 after every event; tests of its own show that it does object. Time is a
 * number and every call is direct, so nothing waits.
 *
 * @see Ongaro & Ousterhout 2014, "In search of an understandable consensus algorithm (extended version)".
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Request } from "../foundation/deployment.ts";
import { seededRandom } from "../foundation/prng.ts";
import type { Millis, NodeId } from "../foundation/units.ts";
import type { ConsensusEvent, ConsensusOperation, ConsensusReply, ConsensusView, EntryTrace } from "./contract.ts";
import { RaftNode } from "./minimal.ts";
import type { Entry, Proposal } from "./minimal.ts";

const electionTimeoutMs = 100;
const heartbeatIntervalMs = 20;

describe("elections (section 5.2)", () => {
  test("a leader is elected with a majority and not without; a lone voter elects itself", () => {
    const alone = new Cluster(1);
    alone.elect("n1");
    assert.deepEqual(alone.propose("n1", write("k", "a")), { kind: "done", reply: writeReply });
    const cluster = new Cluster(5);
    cluster.connectOnly("n1", "n2");
    cluster.node("n1").startElection(0);
    assert.equal(cluster.node("n1").view().role, "candidate");
    cluster.connectOnly("n1", "n2", "n3");
    cluster.elect("n1");
    assert.deepEqual(cluster.roles(), ["leader", "follower", "follower", "follower", "follower"]);
  });
});

describe("replication (section 5.3)", () => {
  test("figure 7: a new leader's log replaces every way in which a follower's can differ", () => {
    const logs = ["111445566", "1114", "11144556666", "111445566677", "1114444", "11122233333"];
    const cluster = new Cluster(7);
    cluster.give("n1", "1114455666", 7);
    for (const [index, log] of logs.entries()) cluster.give(`n${index + 2}`, log, Number(log.at(-1)));
    cluster.node("n1").startElection(0);
    // (a), (b), (e) and (f) vote for it; (c) and (d) have more up-to-date logs and do not.
    assert.deepEqual(cluster.votersOf("n1", 8), ["n1", "n2", "n3", "n6", "n7"]);
    const afterHeartbeat = ["1114455666", "1114455666", "11144556666", "111445566677", "1114455666", "1114455666"];
    assert.deepEqual(cluster.logs(), ["1114455666", ...afterHeartbeat], "extra entries conflict with nothing yet");
    assert.equal(cluster.node("n1").view().commitIndex, 0, "all of them store index 10, and it is of an earlier term");
    assert.equal(cluster.propose("n1", write("k", "a")).kind, "done");
    assert.deepEqual(new Set(cluster.logs()), new Set(["11144556668"]));
    assert.equal(cluster.node("n1").view().commitIndex, 11);
  });

  test("a follower that came back empty is brought up to date in bounded rounds", () => {
    const cluster = new Cluster(3, { witnessed: false }); // The witness compares whole logs at every event.
    cluster.elect("n1");
    for (let count = 0; count < 5000; count++) cluster.propose("n1", write("k", `${count}`));
    cluster.restart("n3");
    const callsOf = (act: () => void): number => {
      const before = cluster.calls;
      act();
      return cluster.calls - before;
    };
    assert.ok(callsOf(() => cluster.node("n1").appendEntries(0)) <= 4096 + 1);
    assert.equal(cluster.node("n3").logLength, 0);
    assert.ok(callsOf(() => cluster.node("n1").appendEntries(0)) <= 4096 + 1);
    assert.equal(cluster.node("n3").view().appliedIndex, 5000);
    assert.deepEqual(cluster.node("n3").canonical(), cluster.node("n1").canonical());
  });
});

describe("commitment (section 5.3, 5.4.2)", () => {
  test("a proposal is done with a majority and pending without; pending may be committed later", () => {
    const cluster = new Cluster(3);
    cluster.elect("n1");
    cluster.connectOnly("n1");
    assert.deepEqual(cluster.propose("n1", write("k", "a"), 1), { kind: "pending", index: 1, term: 1 });
    assert.deepEqual(cluster.node("n1").canonical().registers, []);
    cluster.connectOnly("n1", "n2", "n3");
    cluster.node("n1").appendEntries(0);
    assert.deepEqual(cluster.answers, ["n1 1 of term 1: ok"]);
    assert.deepEqual(cluster.node("n1").canonical().registers, [["k", "a"]]);
  });

  test("figure 8: an entry of an earlier term is not committed by counting, and (d) shows why", () => {
    const cluster = figure8UpToC();
    assert.deepEqual(cluster.logs(), ["12", "12", "12", "1", "13"], "(c): a majority stores the entry of term 2");
    assert.equal(cluster.node("n1").view().commitIndex, 1, "and it is not committed");
    cluster.connectOnly("n2", "n3", "n4", "n5");
    cluster.node("n5").startElection(0); // Term 4 is taken: n2 and n3 voted for n1 in it.
    cluster.elect("n5");
    cluster.propose("n5", write("k", "e"));
    assert.deepEqual(cluster.logs(), ["12", "135", "135", "135", "135"], "(d): the entry of term 2 is gone");
  });

  test("figure 8 (e): committed with an entry of the current term, it stays: S5 cannot win any more", () => {
    const cluster = figure8UpToC();
    assert.equal(cluster.propose("n1", write("k", "d")).kind, "done");
    assert.equal(cluster.node("n1").view().commitIndex, 3, "the entry of term 2 is committed with that of term 4");
    cluster.connectOnly("n2", "n3", "n4", "n5");
    for (let attempt = 0; attempt < 3; attempt++) cluster.node("n5").startElection(0);
    assert.equal(cluster.node("n5").view().role, "candidate");
    assert.deepEqual(cluster.votersOf("n5", cluster.node("n5").view().term), ["n4", "n5"]);
  });

  test("the forbidden side of figure 8: had n1 committed by counting, the witness would object in (d)", () => {
    const cluster = figure8UpToC();
    cluster.witness.observe("n1", { kind: "commit", term: 4, index: 2 });
    cluster.connectOnly("n2", "n3", "n4", "n5");
    cluster.node("n5").startElection(0);
    assert.throws(() => cluster.node("n5").startElection(0), /Leader completeness/);
  });

  test("a leader that was cut off never answers from its own state: a read is a command like any other", () => {
    const cluster = new Cluster(3);
    cluster.elect("n1");
    cluster.propose("n1", write("k", "old"));
    cluster.connectOnly("n2", "n3");
    cluster.elect("n2");
    cluster.propose("n2", write("k", "new"));
    assert.equal(cluster.propose("n1", { kind: "read", key: "k" }).kind, "pending");
    assert.equal(cluster.node("n1").view().role, "leader", "it cannot know");
    cluster.connectOnly("n1", "n2", "n3");
    assert.deepEqual(cluster.propose("n2", { kind: "read", key: "k" }), { kind: "done", reply: readReply("new") });
    assert.deepEqual(cluster.propose("n1", { kind: "read", key: "k" }), {
      kind: "refused",
      code: "NOT_LEADER",
      leader: "n2",
    });
  });
});

describe("the documented tradeoff", () => {
  test("T-CON-1: a cluster that crashed has forgotten what it acknowledged", () => {
    const cluster = new Cluster(3);
    cluster.elect("n1");
    assert.equal(cluster.propose("n1", write("k", "a")).kind, "done");
    for (const id of cluster.ids) cluster.restart(id);
    cluster.elect("n2");
    assert.deepEqual(cluster.propose("n2", { kind: "read", key: "k" }), { kind: "done", reply: readReply(null) });
    assert.equal(cluster.node("n2").view().life, 2);
  });
});

describe("the witness objects, without which the tests here prove nothing", () => {
  const appended = (...entries: readonly EntryTrace[]): ConsensusEvent => ({ kind: "append", after: 0, entries });
  const [a, b, c] = [10, 20, 30].map((digest) => ({ term: 1, digest })) as [EntryTrace, EntryTrace, EntryTrace];
  const later = { term: 3, digest: 40 };
  const leader = (term: number): ConsensusEvent => ({ kind: "role", term, role: "leader" });
  const commit: ConsensusEvent = { kind: "commit", term: 1, index: 1 };
  const applied = (digest: number): ConsensusEvent => ({ kind: "apply", index: 1, digests: [digest] });
  const vote = (candidate: NodeId): ConsensusEvent => ({ kind: "vote", term: 1, candidate });

  /** Events of n1 that are in order, and the one of `node` that must not follow. */
  const violations: readonly (readonly [RegExp, readonly ConsensusEvent[], node: NodeId, ConsensusEvent])[] = [
    [/votes twice/, [vote("n2")], "n1", vote("n3")],
    [/Election safety: term 1/, [leader(1)], "n2", leader(1)],
    [/Leader append-only/, [appended(a), leader(1)], "n1", appended(b)],
    [/Log matching: .* up to index 1/, [appended(a)], "n2", appended(b)],
    [/Log matching: .* up to index 2/, [appended(a, later)], "n2", appended({ term: 2, digest: 10 }, later)],
    [/Leader completeness/, [appended(c), commit], "n2", leader(2)],
    [/State machine safety/, [applied(10)], "n2", applied(20)],
  ];
  for (const [claim, events, node, violation] of violations) {
    test(claim.source, () => {
      const witness = new Witness();
      for (const event of events) witness.observe("n1", event);
      assert.throws(() => witness.observe(node, violation), claim);
    });
  }
});

describe("random schedules", () => {
  for (const nodes of [3, 5]) {
    test(`${nodes} nodes keep the claims, execute once, and agree after healing`, () => {
      const property = fc.property(
        fc.nat(),
        fc.array(anyStep(nodes), { minLength: 20, maxLength: 120 }),
        (seed, steps) => {
          const cluster = new Cluster(nodes, { seed });
          const clients = new Clients(cluster);
          for (const step of steps) perform(step, cluster, clients);
          cluster.heal();
          settle(cluster, clients);
          assertAgreement(cluster, clients);
        },
      );
      // A failure prints seed and path: give both to fc.assert to replay it.
      fc.assert(property, { seed: 20140619 + nodes, numRuns: 500 });
    });
  }
});

type Step =
  | { readonly kind: "advance"; readonly ms: Millis }
  | { readonly kind: "cut" | "join" | "loseRequest" | "loseReply"; readonly from: NodeId; readonly to: NodeId }
  | { readonly kind: "heal" }
  | { readonly kind: "connectOnly"; readonly ids: readonly NodeId[] }
  | { readonly kind: "campaign"; readonly at: NodeId }
  | { readonly kind: "duplicate"; readonly pick: number }
  | { readonly kind: "propose"; readonly client: number; readonly at: NodeId };

function anyStep(nodes: number): fc.Arbitrary<Step> {
  const id = fc.integer({ min: 1, max: nodes }).map((number) => `n${number}`);
  const onLink = fc.constantFrom("cut", "join", "loseRequest", "loseReply");
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("advance"), ms: fc.integer({ min: 1, max: 150 }) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("propose"), client: fc.nat({ max: 2 }), at: id }) },
    { weight: 6, arbitrary: fc.record({ kind: onLink, from: id, to: id }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("duplicate"), pick: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("campaign"), at: id }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("heal") }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("connectOnly"), ids: fc.uniqueArray(id) }) },
  ) as fc.Arbitrary<Step>;
}

function perform(step: Step, cluster: Cluster, clients: Clients): void {
  switch (step.kind) {
    case "advance":
      return cluster.advance(step.ms);
    case "propose":
      return clients.send(step.client, step.at);
    case "duplicate":
      return cluster.duplicate(step.pick);
    case "campaign":
      return cluster.node(step.at).startElection(cluster.nowMs);
    case "heal":
      return cluster.heal();
    case "connectOnly":
      return cluster.connectOnly(...step.ids);
    default:
      cluster.disturb(step.kind, step.from, step.to);
  }
}

/** Lets every client finish what it began and do one thing more, within ten virtual seconds. */
function settle(cluster: Cluster, clients: Clients): void {
  clients.finishAfter(1);
  for (let round = 0; round < 200 && !clients.finished; round++) {
    cluster.advance(50);
    for (const id of cluster.ids) if (cluster.node(id).view().role === "leader") clients.sendAll(id);
  }
  assert.ok(clients.finished, "a healed cluster serves again");
  cluster.advance(2 * heartbeatIntervalMs); // The next heartbeat tells the followers what was committed.
}

function assertAgreement(cluster: Cluster, clients: Clients): void {
  const [first, ...rest] = cluster.ids.map((id) => cluster.node(id).canonical());
  assert.ok(first !== undefined);
  for (const state of rest) assert.deepEqual(state, first);
  assert.equal(cluster.roles().filter((role) => role === "leader").length, 1);
  assert.equal(new Set(cluster.logs()).size, 1);
  assert.equal(new Set(first.list).size, first.list.length, "nothing is executed twice");
  assert.equal(clients.acknowledged.size, first.list.length, "everything sent was retried until it was acknowledged");
  for (const [value, position] of clients.acknowledged) assert.equal(first.list[position - 1], value);
}

/** Three clients with one request in flight each, sent again, wherever the schedule says, until it is answered. */
class Clients {
  readonly acknowledged = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #sequences = [1, 1, 1];
  #last = Infinity;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get finished(): boolean {
    return this.#sequences.every((sequence) => sequence > this.#last);
  }

  finishAfter(more: number): void {
    this.#last = Math.max(...this.#sequences) + more;
  }

  sendAll(at: NodeId): void {
    for (const client of this.#sequences.keys()) this.send(client, at);
  }

  send(client: number, at: NodeId): void {
    const sequence = this.#sequences[client];
    if (sequence === undefined || sequence > this.#last) return;
    const value = `${client}-${sequence}`;
    const proposal = this.#cluster.node(at).propose(request(client, sequence, append(value)), this.#cluster.nowMs);
    if (proposal.kind !== "done") return;
    assert.ok(proposal.reply.kind === "ok" && proposal.reply.result.kind === "append");
    this.acknowledged.set(value, proposal.reply.result.position);
    this.#sequences[client] = sequence + 1;
  }
}

/** Nodes that call each other directly, with links that can be cut and calls that can be lost or repeated. */
class Cluster {
  readonly ids: readonly NodeId[];
  witness = new Witness();
  nowMs = 0;
  calls = 0;
  readonly #seed: number;
  readonly #witnessed: boolean;
  readonly #nodes = new Map<NodeId, RaftNode>();
  readonly #cut = new Set<string>();
  readonly #lost = new Set<string>();
  readonly #sent: (() => unknown)[] = [];
  readonly #answers: string[] = [];
  #sequence = 0;

  constructor(nodes: number, { seed = 1, witnessed = true } = {}) {
    this.ids = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
    this.#seed = seed;
    this.#witnessed = witnessed;
    for (const id of this.ids) this.#start(id, 1);
  }

  node(id: NodeId): RaftNode {
    const node = this.#nodes.get(id);
    assert.ok(node !== undefined, `${id} is a node`);
    return node;
  }

  /** A crash: memory is lost, and with it what the claims rest on, so the witness starts afresh. */
  restart(id: NodeId): void {
    this.witness = new Witness();
    this.#start(id, this.node(id).view().life + 1);
  }

  /** Makes `id` the leader of the next term; those it reaches must be a majority that accepts it. */
  elect(id: NodeId): void {
    this.node(id).startElection(this.nowMs);
    assert.equal(this.node(id).view().role, "leader", `${id} is elected`);
  }

  propose(id: NodeId, operation: ConsensusOperation, session = 1): Proposal {
    return this.node(id).propose(request(session, ++this.#sequence, operation), this.nowMs);
  }

  /** Gives `id` a log, written as the terms of its entries, and a current term: a leader from outside sends them. */
  give(id: NodeId, terms: string, currentTerm: number): void {
    const entries = Array.from(terms, (term, index) => entryOf(Number(term), index + 1));
    const from = { leader: "outside", prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0 };
    this.node(id).handleAppendEntries({ ...from, term: currentTerm, entries }, 0);
  }

  logs(): string[] {
    return this.ids.map((id) =>
      this.witness
        .logOf(id)
        .map(({ term }) => term)
        .join(""),
    );
  }

  roles(): string[] {
    return this.ids.map((id) => this.node(id).view().role);
  }

  votersOf(candidate: NodeId, term: number): NodeId[] {
    return this.ids.filter((id) => this.witness.voteOf(id, term) === candidate);
  }

  /** What `onApplied` told, on all nodes. */
  get answers(): readonly string[] {
    return this.#answers;
  }

  /** Links join `ids` only; every other link is cut. */
  connectOnly(...ids: readonly NodeId[]): void {
    for (const from of this.ids) {
      for (const to of this.ids) {
        this.disturb(ids.includes(from) && ids.includes(to) ? "join" : "cut", from, to);
      }
    }
  }

  disturb(how: "cut" | "join" | "loseRequest" | "loseReply", from: NodeId, to: NodeId): void {
    const link = `${from}>${to}`;
    if (how === "cut") this.#cut.add(link);
    else if (how === "join") this.#cut.delete(link);
    else this.#lost.add(`${how} ${link}`);
  }

  heal(): void {
    this.#cut.clear();
    this.#lost.clear();
  }

  /** Delivers some request of the past again, lost ones included; nobody waits for the answer. */
  duplicate(pick: number): void {
    this.#sent[pick % this.#sent.length]?.();
    this.#examine();
  }

  /** Lets time pass; whatever falls due is done in order of time. */
  advance(ms: Millis): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.ids.toSorted((a, b) => this.node(a).wakeAtMs - this.node(b).wakeAtMs)[0];
      if (due === undefined || this.node(due).wakeAtMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, this.node(due).wakeAtMs);
      this.node(due).tick(this.nowMs);
      this.#examine();
    }
    this.nowMs = endMs;
  }

  #start(id: NodeId, life: number): void {
    const node = new RaftNode({
      id,
      voters: this.ids,
      electionTimeoutMs,
      heartbeatIntervalMs,
      maxLogEntries: 10_000,
      life,
      nowMs: this.nowMs,
      random: seededRandom(`${this.#seed} ${id} ${life}`),
      peers: {
        requestVote: (to, message) => this.#call(id, to, (peer) => peer.handleVoteRequest(message, this.nowMs)),
        appendEntries: (to, message) => this.#call(id, to, (peer) => peer.handleAppendEntries(message, this.nowMs)),
      },
      trace: (event) => (this.#witnessed ? this.witness.observe(id, event) : undefined),
      onApplied: (index, term, reply) => this.#answers.push(`${id} ${index} of term ${term}: ${reply.kind}`),
    });
    this.#nodes.set(id, node);
  }

  #call<Reply>(from: NodeId, to: NodeId, handle: (peer: RaftNode) => Reply): Reply | undefined {
    this.calls++;
    const deliver = (): Reply => handle(this.node(to));
    this.#sent.push(deliver);
    if (this.#sent.length > 500) this.#sent.shift();
    if (this.#cut.has(`${from}>${to}`) || this.#lost.delete(`loseRequest ${from}>${to}`)) return undefined;
    const reply = deliver();
    return this.#cut.has(`${to}>${from}`) || this.#lost.delete(`loseReply ${from}>${to}`) ? undefined : reply;
  }

  #examine(): void {
    for (const id of this.ids) this.witness.examine(id, this.node(id).view());
  }
}

interface Leadership {
  readonly node: NodeId;
  readonly log: readonly EntryTrace[];
}

/**
 * Judges the claims of figure 3 from the trace alone, in the plainest way: by keeping everything and comparing it.
 * It stops at the first violation.
 */
class Witness {
  readonly #logs = new Map<NodeId, EntryTrace[]>();
  readonly #votes = new Map<string, NodeId>();
  readonly #roles = new Map<NodeId, string>();
  readonly #leaders = new Map<number, Leadership>();
  /** By index: the entry, and the earliest term in which it was seen to be committed. */
  readonly #committed = new Map<number, { readonly entry: EntryTrace; readonly inTerm: number }>();
  readonly #applied = new Map<number, number>();
  readonly #appliedIndexes = new Map<NodeId, number>();
  readonly #views = new Map<NodeId, ConsensusView>();

  logOf(node: NodeId): readonly EntryTrace[] {
    return this.#logs.get(node) ?? [];
  }

  voteOf(node: NodeId, term: number): NodeId | undefined {
    return this.#votes.get(`${node} ${term}`);
  }

  observe(node: NodeId, event: ConsensusEvent): void {
    switch (event.kind) {
      case "vote": {
        const earlier = this.voteOf(node, event.term);
        assert.ok(earlier === undefined || earlier === event.candidate, `${node} votes twice in term ${event.term}`);
        this.#votes.set(`${node} ${event.term}`, event.candidate);
        break;
      }
      case "role":
        this.#roles.set(node, event.role);
        if (event.role === "leader") this.#onLeader(node, event.term);
        break;
      case "append":
        this.#onAppend(node, event.after, event.entries);
        break;
      case "commit":
        this.#onCommit(node, event.term, event.index);
        break;
      case "apply":
        for (const digest of event.digests) this.#onApply(node, digest);
        assert.equal(this.#appliedIndexes.get(node), event.index, "entries are applied one after the other");
        break;
      default:
        assert.equal(event.kind, "start");
    }
  }

  /** State against the previous state, and against itself. */
  examine(node: NodeId, view: ConsensusView): void {
    const before = this.#views.get(node);
    this.#views.set(node, view);
    const { appliedIndex, commitIndex, lastIndex } = view;
    assert.ok(appliedIndex <= commitIndex && commitIndex <= lastIndex, `${node}: applied <= commit <= last`);
    assert.equal(lastIndex, this.logOf(node).length, "the trace told all of the log");
    if (before === undefined) return;
    assert.ok(view.term >= before.term && commitIndex >= before.commitIndex, `${node}: term and commit never fall`);
  }

  #onLeader(node: NodeId, term: number): void {
    const other = this.#leaders.get(term);
    assert.ok(other === undefined, `Election safety: term ${term} has leaders ${other?.node} and ${node}`);
    this.#leaders.set(term, { node, log: [...this.logOf(node)] });
    for (const index of this.#committed.keys()) this.#assertComplete(term, index);
  }

  #onAppend(node: NodeId, after: number, entries: readonly EntryTrace[]): void {
    const log = [...this.logOf(node)];
    assert.ok(after <= log.length, "a log has no gaps");
    assert.ok(this.#roles.get(node) !== "leader" || after === log.length, `Leader append-only: ${node}`);
    log.splice(after, Infinity, ...entries);
    this.#logs.set(node, log);
    for (const [other, otherLog] of this.#logs) {
      const agreeAt = log.findLastIndex((entry, position) => entry.term === otherLog[position]?.term);
      const prefixes = [log, otherLog].map((side) => side.slice(0, agreeAt + 1));
      assert.deepEqual(prefixes[0], prefixes[1], `Log matching: ${node} and ${other} up to index ${agreeAt + 1}`);
    }
  }

  #onCommit(node: NodeId, term: number, upTo: number): void {
    for (const [position, entry] of this.logOf(node).slice(0, upTo).entries()) {
      const known = this.#committed.get(position + 1);
      assert.deepEqual(known?.entry ?? entry, entry, `State machine safety: ${node} commits another entry`);
      if (known !== undefined && known.inTerm <= term) continue;
      this.#committed.set(position + 1, { entry, inTerm: term });
      for (const leaderTerm of this.#leaders.keys()) this.#assertComplete(leaderTerm, position + 1);
    }
  }

  #assertComplete(leaderTerm: number, index: number): void {
    const committed = this.#committed.get(index);
    const leader = this.#leaders.get(leaderTerm);
    if (committed === undefined || leader === undefined || leaderTerm <= committed.inTerm) return;
    const message = `Leader completeness: ${leader.node} of term ${leaderTerm} lacks committed entry ${index}`;
    assert.deepEqual(leader.log[index - 1], committed.entry, message);
  }

  #onApply(node: NodeId, digest: number): void {
    const index = (this.#appliedIndexes.get(node) ?? 0) + 1;
    this.#appliedIndexes.set(node, index);
    assert.equal(this.#applied.get(index) ?? digest, digest, `State machine safety: ${node} applies another ${index}`);
    this.#applied.set(index, digest);
  }
}

/** Figure 8 up to (c), S1 to S5 being n1 to n5; a crash is a cut here, for a node that crashes forgets everything. */
function figure8UpToC(): Cluster {
  const cluster = new Cluster(5);
  cluster.elect("n1");
  cluster.propose("n1", write("k", "a"));
  cluster.elect("n1");
  cluster.connectOnly("n1", "n2");
  cluster.propose("n1", write("k", "b")); // (a)
  cluster.connectOnly("n3", "n4", "n5");
  cluster.elect("n5");
  cluster.connectOnly("n5");
  cluster.propose("n5", write("k", "c")); // (b)
  assert.deepEqual(cluster.logs(), ["12", "12", "1", "1", "13"]);
  cluster.connectOnly("n1", "n2", "n3");
  cluster.node("n1").startElection(0); // Term 3 is taken: n3 voted for n5 in it.
  cluster.elect("n1"); // (c): the first round of a leader replicates what it has.
  return cluster;
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

const writeReply: ConsensusReply = { kind: "ok", result: { kind: "write" } };

function readReply(value: string | null): ConsensusReply {
  return { kind: "ok", result: { kind: "read", value } };
}

/** One command per term and index, as Raft has it: equal entries are equal everywhere. */
function entryOf(term: number, index: number): Entry {
  return { term, request: request(1, index, append(`${term}.${index}`)), digest: term * 1000 + index };
}
