/**
 * One node of the core on a bench: a test hands it messages one by one, decides when its writes are durable, and looks
 * at what comes out.
 */

import { assert } from "../../foundation/assert.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { productionDefaults } from "./defaults.ts";
import type {
  Effects,
  Entry,
  MessageOf,
  PersistBatch,
  RaftInput,
  RaftMessage,
  RaftOptions,
  Snapshot,
} from "./messages.ts";
import { Raft } from "./raft.ts";

export const electionTimeoutMs = 100;
export const heartbeatIntervalMs = 20;

export interface BenchOptions {
  readonly voters?: number;
  readonly term?: number;
  readonly votedFor?: NodeId | null;
  readonly snapshot?: Snapshot;
  /** Terms of the recovered entries, after the snapshot. */
  readonly log?: readonly number[];
  readonly settings?: Partial<RaftOptions>;
  readonly seed?: number;
}

/** The node is n1; the others are n2, n3, ... */
export class Bench {
  nowMs: Millis = 0;
  readonly raft: Raft;
  /** What left and was not looked at yet. */
  #sent: { readonly to: NodeId; readonly message: RaftMessage }[] = [];
  readonly #writing: PersistBatch[] = [];

  constructor({ voters = 3, term, votedFor = null, snapshot, log = [], settings, seed = 1 }: BenchOptions = {}) {
    const ids = Array.from({ length: voters }, (_, index) => `n${index + 1}`);
    const recovered = {
      hardState: { term: term ?? Math.max(0, ...log), votedFor },
      snapshot,
      entries: log.map((entryTerm, offset) => entry((snapshot?.index ?? 0) + offset + 1, entryTerm)),
    };
    const options: RaftOptions = {
      id: "n1",
      voters: ids,
      ...productionDefaults,
      electionTimeoutMs,
      heartbeatIntervalMs,
      ...settings,
    };
    this.raft = new Raft(options, recovered, seededRandom(seed), 0);
  }

  step(input: RaftInput): Effects {
    const effects = this.raft.step(input, this.nowMs);
    this.#sent.push(...effects.messages);
    if (effects.persist !== undefined) this.#writing.push(effects.persist);
    return effects;
  }

  receive(from: NodeId, message: RaftMessage): Effects {
    return this.step({ kind: "message", from, message });
  }

  /** Lets time pass to the moment the node asked for. */
  wake(): Effects {
    this.nowMs = Math.max(this.nowMs, this.raft.wakeAtMs);
    return this.step({ kind: "tick" });
  }

  /** Makes the `count` oldest batches durable (all of them by default), and has what waited for them sent. */
  persist(count: number = this.#writing.length): Effects | undefined {
    let effects: Effects | undefined;
    for (const { sequence, messages } of this.#writing.splice(0, count)) {
      this.#sent.push(...messages);
      effects = this.step({ kind: "persisted", sequence });
    }
    return effects;
  }

  /** Batches handed over and not durable yet. */
  get writing(): readonly PersistBatch[] {
    return this.#writing;
  }

  /** What left since the last call, to `to` or to all. */
  takeSent(to?: NodeId): readonly RaftMessage[] {
    const taken = this.#sent.filter((envelope) => to === undefined || envelope.to === to);
    this.#sent = this.#sent.filter((envelope) => !taken.includes(envelope));
    return taken.map(({ message }) => message);
  }

  /** Returns the one message of `kind` that left since the last look, for `to`; forgets the others for `to`. */
  sent<Kind extends RaftMessage["kind"]>(kind: Kind, to: NodeId): MessageOf<Kind> {
    const messages = this.takeSent(to).filter((message): message is MessageOf<Kind> => message.kind === kind);
    const [first] = messages;
    assert(first !== undefined && messages.length === 1, `one ${kind} left for ${to}, not ${messages.length}`);
    return first;
  }

  /** Wins an election with the vote of n2 (and further ones in a larger cluster); the no-op is being written. */
  elect(): void {
    const voters = Array.from({ length: 6 }, (_, index) => `n${index + 2}`);
    this.wake();
    for (const voter of voters) this.receive(voter, voteReply(this.raft.view().term + 1, true));
    this.persist();
    for (const voter of voters) this.receive(voter, voteReply(this.raft.view().term, false));
    assert(this.raft.role === "leader", "n1 leads");
  }

  /** As `elect`, and the no-op is durable here and at n2: the term is open. */
  lead(): void {
    this.elect();
    this.persist();
    const { term, lastIndex } = this.raft.view();
    for (const follower of ["n2", "n3", "n4"]) this.receive(follower, appendReply(term, lastIndex));
    assert(this.raft.view().commitIndex === lastIndex, "the no-op is committed");
    this.takeSent();
  }
}

/** An entry whose payload tells its index and term. */
export function entry(index: number, term: number): Entry {
  return { index, term, payload: new TextEncoder().encode(`${index}:${term}`) };
}

export function voteRequest(term: number, lastLogIndex: number, lastLogTerm: number, preVote = false): RaftMessage {
  return { kind: "VoteRequest", term, preVote, lastLogIndex, lastLogTerm };
}

export function voteReply(term: number, preVote: boolean, granted = true): RaftMessage {
  return { kind: "VoteReply", term, preVote, granted };
}

/** AppendEntries with entries of `terms` after `prevLogIndex`. */
export function appendEntries(
  term: number,
  [prevLogIndex, prevLogTerm]: readonly [index: number, term: number],
  terms: readonly number[],
  leaderCommit = 0,
  round = 0,
): RaftMessage {
  const entries = terms.map((entryTerm, offset) => entry(prevLogIndex + offset + 1, entryTerm));
  return { kind: "AppendEntries", term, prevLogIndex, prevLogTerm, entries, leaderCommit, round };
}

export function appendReply(term: number, matchIndex: number, round = 0): RaftMessage {
  return { kind: "AppendReply", term, success: true, matchIndex, conflictIndex: 0, conflictTerm: 0, round };
}

export function appendRefusal(term: number, refused: number, conflictIndex: number, conflictTerm: number): RaftMessage {
  return { kind: "AppendReply", term, success: false, matchIndex: refused, conflictIndex, conflictTerm, round: 0 };
}
