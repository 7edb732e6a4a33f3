/**
 * The correctness claims of consensus, judged online at every traced step of every node.
 *
 * - election-safety: at most one leader per term; a node gives one vote per term, also across restarts.
 * - log-matching: equal (index, term) means an equal entry on an equal prefix, over all nodes and times.
 * - leader-completeness: a leader's log holds every entry committed in an earlier term.
 * - state-machine-safety: no two nodes, and no two lives of one, apply different entries at an index; a snapshot
 *   covers a committed prefix and never takes applied state back.
 * - monotonic-indexes: terms never fall, commit and applied indexes not within a life; applied <= commit <= last;
 *   committed entries are not removed; a leader only appends; nothing is committed that a majority does not hold.
 *
 * Prefixes are compared as chained hashes (chain-log.ts), so every check takes constant time per entry.
 *
 * Order matters: each node's events come in their order, but a cluster's nodes can be a millisecond apart. What needs
 * the exact order between nodes (majorities) is judged in simulation only, which shows by its views. An implementation
 * that is not durable legitimately forgets its vote in a crash; what follows from that, two leaders in a term or two
 * entries at an index, is a violation like any other.
 *
 * @see Ongaro & Ousterhout 2014, figure 3 and section 5.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";
import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent, ConsensusView, EntryTrace } from "../../implementations/consensus/contract.ts";
import { NumbersByIndex, emptyChain } from "./chain-log.ts";
import { CommitRecord, KnownEntries } from "./commit-record.ts";
import { NodeRecord } from "./node-record.ts";
import type { Leadership } from "./node-record.ts";
import type { CheckResult } from "./verdict.ts";
import { Violations, hex, invariantIds } from "./violations.ts";
import type { InvariantId, Violation } from "./violations.ts";

export interface ConsensusInvariantsOptions {
  /** Whether a restarted node must remember its term, vote and acknowledged entries. */
  readonly durable: boolean;
}

/** Events kept for a node whose snapshot's prefix is not known yet; beyond, the node is not followed further. */
const maxWaiting = 100_000;
/** Terms for which votes are counted. */
const keptVoteTerms = 64;

type Of<Kind extends ConsensusEvent["kind"]> = Extract<ConsensusEvent, { readonly kind: Kind }>;

export class ConsensusInvariants {
  readonly #durable: boolean;
  /** Events of different nodes come in the order in which they happened. */
  #isOrderExact = false;
  readonly #nodes = new Map<NodeId, NodeRecord>();
  readonly #known = new KnownEntries();
  readonly #committed = new CommitRecord();
  readonly #applied = new NumbersByIndex();
  /** By term: who won it; and the newest term won. */
  readonly #leaders = new Map<number, Leadership>();
  #newestLeaderTerm = 0;
  /** By term and candidate: who voted for it. */
  readonly #voters = new Map<number, Map<NodeId, Set<NodeId>>>();
  readonly #violations = new Violations();
  #waiting = 0;
  #steps = 0;
  #unjudged = 0;
  #nowMs: Millis = 0;

  constructor(options: ConsensusInvariantsOptions) {
    this.#durable = options.durable;
  }

  /** Events and views judged so far. */
  get steps(): number {
    return this.#steps;
  }

  get firstViolation(): Violation | undefined {
    return this.#violations.earliest;
  }

  /** Judges one event; events of one node in their order. */
  observe(traced: Traced<ConsensusEvent>): void {
    this.#steps++;
    this.#nowMs = traced.timeMs;
    const node = this.#nodeOf(traced.node);
    node.recent.add(traced);
    this.#judge(node, traced);
  }

  /** Judges a node's state after a step. Calling it at all says that events come in exact order over all nodes. */
  view(id: NodeId, view: ConsensusView): void {
    this.#steps++;
    this.#isOrderExact = true;
    const node = this.#nodeOf(id);
    const { term, votedFor, commitIndex, appliedIndex, lastIndex } = view;
    const before = node.view;
    if (before.life === view.life) {
      if (term < before.term) this.#fall(node, "term", before.term, term);
      if (commitIndex < before.commitIndex) this.#fall(node, "commit index", before.commitIndex, commitIndex);
      if (appliedIndex < before.appliedIndex) this.#fall(node, "applied index", before.appliedIndex, appliedIndex);
      if (term === before.term && before.votedFor !== null && votedFor !== before.votedFor) {
        const message = `${id} changes its vote in term ${term} from ${before.votedFor} to ${votedFor ?? "nobody"}`;
        this.#violate("election-safety", node, message);
      }
    }
    if (appliedIndex > commitIndex || commitIndex > lastIndex) {
      const indexes = `applied ${appliedIndex}, commit ${commitIndex}, last ${lastIndex}`;
      this.#violate("monotonic-indexes", node, `${id} breaks applied <= commit <= last: ${indexes}`);
    }
    const isLeader = view.role === "leader";
    if (isLeader && (!before.isLeader || before.term !== term || before.life !== view.life))
      this.#soleLeader(node, term);
    if (node.isTailDoubtful) this.#settleTail(node, lastIndex);
    before.life = view.life;
    before.term = term;
    before.votedFor = votedFor;
    before.isLeader = isLeader;
    before.commitIndex = commitIndex;
    before.appliedIndex = appliedIndex;
  }

  /** The node lost its disk: it need not remember what it promised. Call it before its next start. */
  wiped(id: NodeId): void {
    const node = this.#nodeOf(id);
    node.newestVote = undefined;
    node.votes.clear();
  }

  /** One verdict per invariant, over everything observed so far. */
  results(): readonly CheckResult[] {
    const unjudged = [...this.#nodes.values()].reduce(
      (sum, { sight }) => sum + (sight.kind === "waiting" ? sight.events.length : 0),
      this.#unjudged,
    );
    return invariantIds.map((id) => this.#resultOf(id, unjudged));
  }

  #resultOf(id: InvariantId, unjudged: number): CheckResult {
    const common = { id, count: this.#steps, unit: "steps" } as const;
    const violation = this.#violations.firstOf(id);
    if (violation !== undefined) {
      const { message, counterexample } = violation;
      const more = this.#violations.countOf(id) - 1;
      const summary = more === 0 ? message : `${message} (and ${more} more)`;
      return { ...common, validity: "invalid", summary, counterexample };
    }
    if (unjudged > 0) {
      const summary = `${unjudged} events stand on log entries that were never traced and could not be judged`;
      return { ...common, validity: "unknown", summary };
    }
    const scope = `${this.#nodes.size} nodes, ${this.#leaders.size} terms with a leader`;
    const summary = `holds at every step: ${scope}, ${this.#committed.log.last} committed entries`;
    return { ...common, validity: "valid", summary };
  }

  #judge(node: NodeRecord, traced: Traced<ConsensusEvent>): void {
    const { event } = traced;
    if (node.sight.kind === "waiting" && event.kind !== "start") {
      if (node.sight.events.length < maxWaiting) node.sight.events.push(traced);
      else this.#unjudged++;
      return;
    }
    switch (event.kind) {
      case "start":
        return this.#start(node, event, traced);
      case "role":
        return this.#role(node, event);
      case "vote":
        return this.#vote(node, event);
      case "append":
        return this.#append(node, event);
      case "commit":
        return this.#commit(node, event);
      case "apply":
        return this.#apply(node, event);
      case "snapshot":
        return event.installed ? this.#install(node, event, traced) : this.#compact(node, event);
      case "stop":
        node.role = "follower";
        return undefined;
      default:
        return unreachable(event);
    }
  }

  #start(node: NodeRecord, event: Of<"start">, traced: Traced<ConsensusEvent>): void {
    if (this.#durable) this.#remembers(node, event);
    node.hasStarted = true;
    node.life = event.life;
    node.term = event.term;
    node.role = "follower";
    node.commit = event.snapshotIndex;
    node.applied = event.snapshotIndex;
    node.isTailDoubtful = false;
    if (node.leadership !== undefined) node.leadership.intactUpTo = 0;
    node.leadership = undefined;
    if (!this.#stand(node, event.snapshotIndex, event.snapshotTerm, traced)) return;
    this.#push(node, event.entries);
    const { last } = this.#committed.log;
    if (this.#isOrderExact && this.#durable) {
      this.#majorityHolds(node, last, `${node.id} restarts, and what was committed`);
    }
  }

  /** A durable node comes back with the term and vote it had shown. */
  #remembers(node: NodeRecord, { term, votedFor }: Of<"start">): void {
    const vote = node.newestVote;
    if (vote === undefined || term > vote.term) return;
    if (term === vote.term && votedFor === vote.candidate) return;
    const was = `it had voted for ${vote.candidate} in term ${vote.term}`;
    const message = `${node.id} restarts in term ${term} with a vote for ${votedFor ?? "nobody"}, but ${was}`;
    this.#violate("election-safety", node, message);
  }

  /** Lets the node's log stand on a snapshot; false: its events must wait until the prefix is known. */
  #stand(node: NodeRecord, index: number, term: number, traced: Traced<ConsensusEvent>): boolean {
    if (node.sight.kind === "waiting") this.#waiting--;
    node.sight = { kind: "clear" };
    const committed = this.#committed.log;
    if (index > committed.last) {
      if (this.#isOrderExact) {
        const message = `${node.id} has a snapshot up to ${index}, but only ${committed.last} entries are committed`;
        this.#violate("state-machine-safety", node, message);
      }
      node.sight = { kind: "waiting", index, events: [traced] };
      this.#waiting++;
      return false;
    }
    if (index > 0 && committed.termAt(index) !== term) {
      const message = `${node.id} has a snapshot up to ${index} of term ${term}; committed there is term ${committed.termAt(index)}`;
      this.#violate("state-machine-safety", node, message);
    }
    node.log.reset(index, term, index === 0 ? emptyChain : committed.chainAt(index));
    return true;
  }

  #role(node: NodeRecord, { term, role }: Of<"role">): void {
    this.#reachTerm(node, term);
    node.role = role;
    if (role !== "leader") return;
    this.#soleLeader(node, term);
    if (node.sight.kind !== "clear") return;
    const missing = this.#committed.reachedBefore(term);
    if (missing > 0 && !node.holds(missing, this.#committed.log.chainAt(missing)))
      this.#incomplete(node, term, missing);
  }

  /** Notes that `node` leads `term`, which nobody else may. */
  #soleLeader(node: NodeRecord, term: number): void {
    const other = this.#leaders.get(term);
    if (other === undefined) {
      const { life, id } = node;
      const lastIndex = node.log.last;
      const leadership = { node: id, life, term, lastIndex, intactUpTo: lastIndex, hasCommitted: false };
      this.#leaders.set(term, leadership);
      node.leadership = leadership;
      if (term > this.#newestLeaderTerm) this.#newestLeaderTerm = term;
    } else if (other.node !== node.id) {
      this.#violate(
        "election-safety",
        node,
        `${node.id} leads term ${term}, which ${other.node} leads too`,
        other.node,
      );
    }
  }

  #vote(node: NodeRecord, { term, candidate }: Of<"vote">): void {
    const { id, life } = node;
    const earlier = node.votes.get(term);
    const isBinding = earlier !== undefined && (this.#durable || earlier.life === life);
    if (isBinding && earlier.candidate !== candidate) {
      const message = `${id} votes for ${candidate} in term ${term}, in which it voted for ${earlier.candidate}`;
      this.#violate("election-safety", node, message, earlier.candidate, candidate);
    }
    const newest = node.newestVote;
    // Within a life a vote may leave late, behind a newer one; a new life knows the newest vote.
    if (this.#durable && newest !== undefined && newest.life !== life && term < newest.term) {
      const message = `${id} votes in term ${term}, though it had voted in term ${newest.term} before its restart`;
      this.#violate("election-safety", node, message, candidate);
    }
    const vote = { term, candidate, life };
    node.votes.set(term, vote);
    if (newest === undefined || term >= newest.term) node.newestVote = vote;
    this.#countVote(term, candidate, id);
  }

  #countVote(term: number, candidate: NodeId, voter: NodeId): void {
    let candidates = this.#voters.get(term);
    if (candidates === undefined) {
      candidates = new Map();
      this.#voters.set(term, candidates);
      const oldest = this.#voters.keys().next().value;
      if (this.#voters.size > keptVoteTerms && oldest !== undefined) this.#voters.delete(oldest);
    }
    const voters = candidates.get(candidate);
    if (voters === undefined) candidates.set(candidate, new Set([voter]));
    else voters.add(voter);
  }

  #append(node: NodeRecord, { after, entries }: Of<"append">): void {
    if (node.sight.kind !== "clear") return void this.#unjudged++;
    const { log, commit, id } = node;
    if (after > log.last || after < log.base) {
      if (node.hasStarted || after < log.base) {
        const message = `${id} appends after ${after}, but its log spans ${log.base} to ${log.last}`;
        this.#violate("log-matching", node, message);
      }
      node.sight = { kind: "blind" };
      this.#unjudged++;
      return;
    }
    const lastBefore = log.last;
    const chainBefore = after < lastBefore ? log.chainAt(lastBefore) : 0;
    const committedChain = after < commit ? log.chainAt(commit) : 0;
    log.cutAfter(after);
    this.#push(node, entries);
    if (after === lastBefore) return;
    node.isTailDoubtful = false;
    if (node.leadership !== undefined && node.leadership.intactUpTo > after) node.leadership.intactUpTo = after;
    if (after < commit && (log.last < commit || log.chainAt(commit) !== committedChain)) {
      const message = `${id} removes entries after ${after}, though it had committed up to ${commit}`;
      this.#violate("monotonic-indexes", node, message);
    }
    if (node.role === "leader" && (log.last < lastBefore || log.chainAt(lastBefore) !== chainBefore)) {
      const message = `${id} leads term ${node.term} and removes entries ${after + 1} to ${lastBefore} of its own log`;
      this.#violate("monotonic-indexes", node, message);
    }
  }

  /** Adds entries at the end of the node's log, each matched against everyone's. */
  #push(node: NodeRecord, entries: readonly EntryTrace[]): void {
    const { log } = node;
    let previousTerm = log.termAt(log.last);
    for (const { term, digest } of entries) {
      const chain = log.push(term, digest);
      if (!this.#known.matches(log.last, term, chain)) this.#mismatch(node, log.last, term);
      if (term < previousTerm) {
        const message = `${node.id} has term ${term} at index ${log.last}, behind term ${previousTerm} before it`;
        this.#violate("log-matching", node, message);
      }
      previousTerm = term;
    }
    const newest = entries.at(-1);
    if (node.role === "leader" && newest !== undefined && newest.term !== node.term) {
      const message = `${node.id} leads term ${node.term} and appends an entry of term ${newest.term}`;
      this.#violate("log-matching", node, message);
    }
  }

  #commit(node: NodeRecord, { term, index }: Of<"commit">): void {
    this.#reachTerm(node, term);
    if (index < node.commit) this.#fall(node, "commit index", node.commit, index);
    node.commit = Math.max(node.commit, index);
    if (node.sight.kind !== "clear") return void this.#unjudged++;
    const { log, id } = node;
    const committed = this.#committed.log;
    if (index > log.last && !node.hasStarted) {
      node.sight = { kind: "blind" };
      return void this.#unjudged++;
    }
    if (index > log.last) {
      const message = `${id} commits up to ${index}, but its log ends at ${log.last}`;
      return this.#violate("monotonic-indexes", node, message);
    }
    const shared = Math.min(index, committed.last);
    if (shared >= log.base && log.chainAt(shared) !== committed.chainAt(shared)) return this.#conflict(node, shared);
    if (index > committed.last) this.#extendCommitted(node, index);
    this.#committed.reach(term, index);
    if (term < this.#newestLeaderTerm) this.#laterLeadersHold(node, term, index);
  }

  #extendCommitted(node: NodeRecord, index: number): void {
    const { log } = node;
    const committed = this.#committed.log;
    for (let next = committed.last + 1; next <= index; next++) {
      committed.pushChained(log.termAt(next), log.digestAt(next), log.chainAt(next));
    }
    if (this.#isOrderExact && this.#durable) {
      this.#majorityHolds(node, index, `${node.id} commits, and what it commits`);
      this.#wasElected(node);
    }
    if (this.#waiting > 0) this.#resume();
  }

  /** An entry counts as committed only while a majority holds it (exact order only). */
  #majorityHolds(node: NodeRecord, index: number, what: string): void {
    if (index === 0) return;
    const chain = this.#committed.log.chainAt(index);
    let holders = 0;
    for (const other of this.#nodes.values()) if (other.holds(index, chain)) holders++;
    if (holders > this.#nodes.size / 2) return;
    const message = `${what}, up to ${index}, is held by ${holders} of ${this.#nodes.size} nodes`;
    this.#violate("monotonic-indexes", node, message, ...this.#nodes.keys());
  }

  /** A leader that commits was voted for by a majority (exact order only). */
  #wasElected(node: NodeRecord): void {
    const { leadership, role, id } = node;
    if (role !== "leader" || leadership === undefined || leadership.hasCommitted) return;
    leadership.hasCommitted = true;
    const term = leadership.term;
    const votes = this.#voters.get(term)?.get(id)?.size ?? 0;
    if (votes > this.#nodes.size / 2) return;
    const message = `${id} leads term ${term} with the votes of ${votes} of ${this.#nodes.size} nodes`;
    this.#violate("election-safety", node, message, ...this.#nodes.keys());
  }

  /** Leaders of later terms that were seen before this commit was: they must hold it too. */
  #laterLeadersHold(node: NodeRecord, term: number, index: number): void {
    for (const leadership of this.#leaders.values()) {
      if (leadership.term <= term) continue;
      const leader = this.#nodes.get(leadership.node);
      if (leader === undefined || leader.sight.kind !== "clear") continue;
      const isChecked = index <= leadership.intactUpTo && leadership.life === leader.life;
      const isMissing = index > leadership.lastIndex;
      if (isMissing || (isChecked && !leader.holds(index, this.#committed.log.chainAt(index)))) {
        this.#incomplete(leader, leadership.term, index, node.id);
      }
    }
  }

  #apply(node: NodeRecord, { index, digests }: Of<"apply">): void {
    const { id, log, applied, commit } = node;
    const isFollowed = node.sight.kind === "clear" && (node.hasStarted || applied > 0 || index === digests.length);
    if (isFollowed && index - digests.length !== applied) {
      const message = `${id} applies ${digests.length} entries up to ${index}, but had applied up to ${applied}`;
      this.#violate("state-machine-safety", node, message);
    }
    if (index > commit && isFollowed) {
      const message = `${id} applies up to ${index}, but has committed up to ${commit}`;
      this.#violate("monotonic-indexes", node, message);
    }
    node.applied = index;
    let at = index - digests.length;
    for (const digest of digests) {
      at++;
      const known = this.#applied.get(at);
      if (known === undefined) this.#applied.set(at, digest);
      else if (known !== digest) {
        const message = `${id} applies ${hex(digest)} at index ${at}, where ${hex(known)} had been applied`;
        this.#violate("state-machine-safety", node, message, ...this.#nodes.keys());
      }
      if (isFollowed && at > log.base && at <= log.last && log.digestAt(at) !== digest) {
        const message = `${id} applies ${hex(digest)} at index ${at}, where its log holds ${hex(log.digestAt(at))}`;
        this.#violate("state-machine-safety", node, message);
      }
    }
  }

  #compact(node: NodeRecord, { index }: Of<"snapshot">): void {
    if (node.sight.kind !== "clear") return;
    if (index > node.applied) {
      const message = `${node.id} takes a snapshot up to ${index}, but has applied up to ${node.applied}`;
      this.#violate("state-machine-safety", node, message);
    }
    if (index <= node.log.last) node.log.compact(index);
  }

  #install(node: NodeRecord, { index, term }: Of<"snapshot">, traced: Traced<ConsensusEvent>): void {
    const { log, applied, id } = node;
    if (index < applied) {
      const message = `${id} installs a snapshot up to ${index}, though it had applied up to ${applied}`;
      this.#violate("state-machine-safety", node, message);
    }
    node.applied = index;
    node.commit = Math.max(node.commit, index);
    const committed = this.#committed.log;
    const continues = node.sight.kind === "clear" && index >= log.base && index < log.last && index <= committed.last;
    if (continues && log.chainAt(index) === committed.chainAt(index) && log.termAt(index) === term) {
      log.compact(index);
      node.isTailDoubtful = true;
    } else {
      this.#stand(node, index, term, traced);
    }
  }

  /** After an installed snapshot, a view tells whether the log's tail was kept. */
  #settleTail(node: NodeRecord, lastIndex: number): void {
    node.isTailDoubtful = false;
    if (lastIndex >= node.log.base && lastIndex < node.log.last) node.log.cutAfter(lastIndex);
  }

  /** Judges the events of nodes whose snapshot's prefix is known by now. */
  #resume(): void {
    for (const node of this.#nodes.values()) {
      if (node.sight.kind !== "waiting" || node.sight.index > this.#committed.log.last) continue;
      const { events } = node.sight;
      node.sight = { kind: "clear" };
      this.#waiting--;
      for (const traced of events) this.#judge(node, traced);
    }
  }

  #reachTerm(node: NodeRecord, term: number): void {
    if (term < node.term) this.#fall(node, "term", node.term, term);
    else node.term = term;
  }

  #fall(node: NodeRecord, what: string, from: number, to: number): void {
    this.#violate("monotonic-indexes", node, `${node.id}'s ${what} falls from ${from} to ${to}`);
  }

  #mismatch(node: NodeRecord, index: number, term: number): void {
    const holds = ({ sight, log }: NodeRecord): boolean =>
      sight.kind === "clear" && index > log.base && index <= log.last && log.termAt(index) === term;
    const others = [...this.#nodes.values()].filter((other) => other !== node && holds(other));
    const other = others.find(({ log }) => log.chainAt(index) !== node.log.chainAt(index));
    const what = `${node.id}'s entry ${index} of term ${term}`;
    if (other === undefined) {
      const message = `${what}, or what precedes it, differs from an earlier entry of that index and term`;
      return this.#violate("log-matching", node, message);
    }
    let at = index;
    const floor = Math.max(node.log.base, other.log.base);
    while (at - 1 > floor && node.log.chainAt(at - 1) !== other.log.chainAt(at - 1)) at--;
    const show = ({ log }: NodeRecord): string => `${log.termAt(at)}:${hex(log.digestAt(at))}`;
    const message = `${what} is also ${other.id}'s, but at index ${at} they hold ${show(node)} and ${show(other)}`;
    this.#violate("log-matching", node, message, other.id);
  }

  #conflict(node: NodeRecord, upTo: number): void {
    const committed = this.#committed.log;
    let at = upTo;
    while (at - 1 > node.log.base && node.log.chainAt(at - 1) !== committed.chainAt(at - 1)) at--;
    const mine = `${node.log.termAt(at)}:${hex(node.log.digestAt(at))}`;
    const other = `${committed.termAt(at)}:${hex(committed.digestAt(at))}`;
    const message = `${node.id} commits ${mine} at index ${at}, where ${other} is committed`;
    this.#violate("state-machine-safety", node, message, ...this.#nodes.keys());
  }

  #incomplete(leader: NodeRecord, term: number, index: number, committer?: NodeId): void {
    const ends = index > leader.log.last ? `its log ends at ${leader.log.last}` : "its log holds another entry there";
    const message = `${leader.id} leads term ${term} without entry ${index}, committed in an earlier term: ${ends}`;
    this.#violate(
      "leader-completeness",
      leader,
      message,
      ...(committer === undefined ? this.#nodes.keys() : [committer]),
    );
  }

  #violate(id: InvariantId, node: NodeRecord, message: string, ...others: NodeId[]): void {
    const concerned = new Set([node.id, ...others]);
    const recent = [...concerned].flatMap((each) => [...(this.#nodes.get(each)?.recent ?? [])]);
    this.#violations.add(id, this.#nowMs, node.id, message, recent);
  }

  #nodeOf(id: NodeId): NodeRecord {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const node = new NodeRecord(id);
    this.#nodes.set(id, node);
    return node;
  }
}
