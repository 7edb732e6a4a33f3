/**
 * Judges a test cluster after every step, from what left the core, what is on the disks, and what was applied; it
 * never asks the core what it believes.
 *
 * - Election safety, leader append-only, log matching, leader completeness, state machine safety (paper, figure 3).
 * - A leader commits only what is durable on a majority of disks.
 * - No message speaks of a term, a vote or an entry that its sender could forget in a crash.
 * - Terms and commit indexes never fall; a vote is given once per term, over all lives.
 */

import { assert } from "../../foundation/assert.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusEvent, EntryTrace } from "../contract.ts";
import type { Effects, Entry, RaftMessage } from "./messages.ts";
import type { Raft } from "./raft.ts";
import type { TestNode } from "./test-cluster.fixture.ts";

/** A node's log as its trace tells it. */
interface TracedLog {
  base: number;
  entries: EntryTrace[];
}

type View = ReturnType<Raft["view"]>;

export class Witness {
  readonly #nodes: readonly TestNode[];
  readonly #logs = new Map<NodeId, TracedLog>();
  readonly #leaders = new Map<number, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  /** By index and term: the entry, and the term of the one before it. */
  readonly #entries = new Map<string, string>();
  /** By index: what was committed there, and so is there for good. */
  readonly #committed = new Map<number, EntryTrace>();
  committedIndex = 0;
  elections = 0;

  constructor(nodes: readonly TestNode[]) {
    this.#nodes = nodes;
  }

  /** The term of the committed entry at `index`; undefined when none is known to be committed there. */
  committedTermAt(index: number): number | undefined {
    return this.#committed.get(index)?.term;
  }

  started(node: TestNode): void {
    const { snapshot, entries } = node.disk;
    this.#logs.set(node.id, { base: snapshot?.index ?? 0, entries: entries.map(traceOf) });
  }

  stepped(node: TestNode, before: View, effects: Effects): void {
    const view = node.raft?.view();
    assert(view !== undefined, `${node.id} is up`);
    for (const event of effects.trace) this.#judge(node, view, event);
    assert(view.term >= before.term, `the term of ${node.id} never falls`);
    assert(view.commitIndex >= before.commitIndex, `the commit index of ${node.id} never falls`);
    assert(view.commitIndex <= view.lastIndex, `${node.id} commits what it holds`);
    const sameTerm = view.term === before.term && before.votedFor !== null;
    assert(!sameTerm || view.votedFor === before.votedFor, `${node.id} does not change its vote in term ${view.term}`);
    const log = this.#log(node);
    assert(log.base + log.entries.length === view.lastIndex, `the trace of ${node.id} tells of its whole log`);
  }

  applied(node: TestNode, entry: Entry): void {
    const { term, digest } = traceOf(entry);
    const committed = this.#committed.get(entry.index);
    const isSame = committed?.term === term && committed.digest === digest;
    assert(isSame, `state machine safety: ${node.id} applies at ${entry.index} what was committed there`);
  }

  sent(from: TestNode, to: NodeId, message: RaftMessage): void {
    const { hardState } = from.disk;
    const isPreVote = "preVote" in message && message.preVote;
    assert(
      isPreVote || message.term <= hardState.term,
      `term ${message.term} of ${from.id} is durable before it is told`,
    );
    if (message.kind === "VoteRequest" && !isPreVote) {
      this.#vote(from, from.id, message.term);
      assert(message.lastLogIndex <= from.durableIndex, `${from.id} stands for election with a durable log`);
    }
    if (message.kind === "VoteReply" && message.granted && !isPreVote) this.#vote(from, to, message.term);
    if (message.kind === "AppendReply" && message.success) {
      assert(
        message.matchIndex <= from.durableIndex,
        `${from.id} acknowledges ${message.matchIndex} once it is durable`,
      );
    }
    if (message.kind === "SnapshotReply" && message.installed) {
      assert(message.lastIncludedIndex <= from.durableIndex, `${from.id} has the snapshot it acknowledges`);
    }
  }

  #vote(voter: TestNode, candidate: NodeId, term: number): void {
    const { hardState } = voter.disk;
    const key = `${voter.id} ${term}`;
    const earlier = this.#votes.get(key) ?? candidate;
    assert(earlier === candidate, `${voter.id} votes once in term ${term}: for ${earlier} and ${candidate}`);
    assert(
      hardState.term > term || hardState.votedFor === candidate,
      `the vote of ${voter.id} in term ${term} is durable before it is told`,
    );
    this.#votes.set(key, candidate);
  }

  #judge(node: TestNode, view: View, event: ConsensusEvent): void {
    switch (event.kind) {
      case "role":
        if (event.role === "leader") this.#elected(node, event.term);
        return;
      case "append":
        return this.#appended(node, view, event.after, event.entries);
      case "commit":
        return this.#commit(node, view, event.index);
      case "snapshot": {
        if (!event.installed) return;
        const known = this.#committed.get(event.index);
        assert(known?.term === event.term, `the snapshot at ${event.index} holds what was committed`);
        this.#logs.set(node.id, { base: event.index, entries: [] });
        return;
      }
      default:
        assert(false, `"${event.kind}" is the host's to tell`);
    }
  }

  #elected(node: TestNode, term: number): void {
    this.elections++;
    const other = this.#leaders.get(term) ?? node.id;
    assert(other === node.id, `election safety: ${other} and ${node.id} lead term ${term}`);
    this.#leaders.set(term, node.id);
    const { base, entries } = this.#log(node);
    for (const [index, { term: committedTerm, digest }] of this.#committed) {
      if (index <= base) continue;
      const own = entries[index - base - 1];
      const isThere = own?.term === committedTerm && own.digest === digest;
      assert(isThere, `leader completeness: ${node.id} leads term ${term} with the committed entry ${index}`);
    }
  }

  #appended(node: TestNode, view: View, after: number, added: readonly EntryTrace[]): void {
    const log = this.#log(node);
    const kept = after - log.base;
    assert(kept >= 0 && kept <= log.entries.length, `${node.id} appends after an index it holds`);
    assert(view.role !== "leader" || kept === log.entries.length, `leader append-only: ${node.id} cuts nothing`);
    log.entries.length = kept;
    let index = after;
    for (const entry of added) {
      const previousTerm = index === log.base ? undefined : log.entries[index - log.base - 1]?.term;
      log.entries.push(entry);
      index++;
      if (previousTerm === undefined) continue;
      const key = `${index}:${entry.term}`;
      const value = `${entry.digest}:${previousTerm}`;
      const earlier = this.#entries.get(key) ?? value;
      assert(earlier === value, `log matching: index ${index} of term ${entry.term} is the same everywhere`);
      this.#entries.set(key, value);
    }
  }

  #commit(node: TestNode, view: View, index: number): void {
    const { base, entries } = this.#log(node);
    const isLeader = view.role === "leader";
    if (isLeader) {
      assert(entries[index - base - 1]?.term === view.term, `${node.id} commits by an entry of its own term`);
    }
    for (let at = this.#firstUnchecked(node, index); at <= index; at++) {
      const own = entries[at - base - 1];
      if (own === undefined) continue;
      const known = this.#committed.get(at) ?? own;
      const isSame = known.term === own.term && known.digest === own.digest;
      assert(isSame, `state machine safety: ${node.id} commits at ${at} what was committed there`);
      if (isLeader) this.#assertOnMajority(at, own.term);
      assert(isLeader || this.#committed.has(at), `follower ${node.id} commits ${at} after a leader did`);
      this.#committed.set(at, own);
    }
    this.committedIndex = Math.max(this.committedIndex, index);
  }

  /** What lies before the node's own commit index was judged when it got there. */
  #firstUnchecked(node: TestNode, index: number): number {
    return Math.min(index, node.appliedIndex + 1);
  }

  #assertOnMajority(index: number, term: number): void {
    const holders = this.#nodes.filter(({ disk }) => {
      const base = disk.snapshot?.index ?? 0;
      return index <= base || disk.entries[index - base - 1]?.term === term;
    });
    assert(holders.length * 2 > this.#nodes.length, `the committed entry ${index} is durable on a majority`);
  }

  #log(node: TestNode): TracedLog {
    const log = this.#logs.get(node.id);
    assert(log !== undefined, `${node.id} was started`);
    return log;
  }
}

function traceOf({ term, payload }: Entry): EntryTrace {
  return { term, digest: payload.length === 0 ? 0 : crc32c(payload) };
}
