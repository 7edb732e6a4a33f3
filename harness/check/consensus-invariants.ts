/**
 * The correctness claims of consensus, judged online at every traced step of every node.
 *
 * - election-safety: at most one leader per term; a node gives one vote per term, also across restarts.
 * - log-matching: equal (index, term) means an equal entry on an equal prefix, over all nodes and times.
 * - leader-completeness: a leader's log holds every entry committed in an earlier term; and, what that stands on, a
 *   leader commits by an entry of its own term only (section 5.4.2, figure 8).
 * - state-machine-safety: no two nodes, and no two lives of one, apply different entries at an index; a snapshot
 *   covers a committed prefix and never takes applied state back.
 * - monotonic-indexes: terms never fall, commit and applied indexes not within a life; applied <= commit <= last;
 *   committed entries are not removed; a leader only appends; nothing is committed that a majority does not hold
 *   on disk; nothing is acknowledged that is not on disk.
 * - configuration-safety: successive configurations overlap, one after the other is committed, and one goes with its
 *   entry (configuration-checks.ts).
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
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent, ConsensusView } from "../../implementations/consensus/contract.ts";
import { AppliedChecks } from "./applied-checks.ts";
import { ConfigurationChecks } from "./configuration-checks.ts";
import { ElectionChecks } from "./election-checks.ts";
import { LogChecks } from "./log-checks.ts";
import type { NodeRecord } from "./node-record.ts";
import { ObservedRun } from "./observed-run.ts";
import type { Of } from "./observed-run.ts";
import type { CheckResult } from "./verdict.ts";
import { invariantIds } from "./violations.ts";
import type { InvariantId, Violation } from "./violations.ts";

export interface ConsensusInvariantsOptions {
  /** Whether a restarted node must remember its term, vote and acknowledged entries. */
  readonly durable: boolean;
  /** The voters before any change of membership; undefined: all nodes that are seen. */
  readonly founders?: readonly NodeId[];
}

/** Events kept for a node whose snapshot's prefix is not known yet; beyond, the node is not followed further. */
const maxWaiting = 100_000;

export class ConsensusInvariants {
  readonly #run: ObservedRun;
  readonly #elections: ElectionChecks;
  readonly #logs: LogChecks;
  readonly #applied: AppliedChecks;
  readonly #configurations: ConfigurationChecks;
  #steps = 0;

  constructor(options: ConsensusInvariantsOptions) {
    this.#run = new ObservedRun(options.durable, options.founders);
    this.#elections = new ElectionChecks(this.#run);
    this.#logs = new LogChecks(this.#run, this.#elections);
    this.#applied = new AppliedChecks(this.#run);
    this.#configurations = new ConfigurationChecks(this.#run);
  }

  /** Events and views judged so far. */
  get steps(): number {
    return this.#steps;
  }

  get firstViolation(): Violation | undefined {
    return this.#run.violations.earliest;
  }

  /** Judges one event; events of one node in their order. */
  observe(traced: Traced<ConsensusEvent>): void {
    this.#steps++;
    this.#run.nowMs = traced.timeMs;
    const node = this.#run.nodeOf(traced.node);
    node.recent.add(traced);
    this.#judge(node, traced);
  }

  /** Judges a node's state after a step. Calling it at all says that events come in exact order over all nodes. */
  view(id: NodeId, view: ConsensusView): void {
    this.#steps++;
    this.#run.isOrderExact = true;
    const node = this.#run.nodeOf(id);
    const { term, votedFor, commitIndex, appliedIndex, lastIndex } = view;
    const before = node.view;
    if (before.life === view.life) {
      if (term < before.term) this.#run.fall(node, "term", before.term, term);
      if (commitIndex < before.commitIndex) this.#run.fall(node, "commit index", before.commitIndex, commitIndex);
      if (appliedIndex < before.appliedIndex) this.#run.fall(node, "applied index", before.appliedIndex, appliedIndex);
      if (term === before.term && before.votedFor !== null && votedFor !== before.votedFor) {
        const message = `${id} changes its vote in term ${term} from ${before.votedFor} to ${votedFor ?? "nobody"}`;
        this.#run.violate("election-safety", node, message);
      }
    }
    if (appliedIndex > commitIndex || commitIndex > lastIndex) {
      const indexes = `applied ${appliedIndex}, commit ${commitIndex}, last ${lastIndex}`;
      this.#run.violate("monotonic-indexes", node, `${id} breaks applied <= commit <= last: ${indexes}`);
    }
    const isLeader = view.role === "leader";
    if (isLeader && (!before.isLeader || before.term !== term || before.life !== view.life))
      this.#elections.leads(node, term);
    if (node.isTailDoubtful) this.#logs.settleTail(node, lastIndex);
    this.#logs.durable(node, view);
    before.life = view.life;
    before.term = term;
    before.votedFor = votedFor;
    before.isLeader = isLeader;
    before.commitIndex = commitIndex;
    before.appliedIndex = appliedIndex;
  }

  /** The node lost its disk: it need not remember what it promised. Call it before its next start. */
  wiped(id: NodeId): void {
    const node = this.#run.nodeOf(id);
    node.newestVote = undefined;
    node.votes.clear();
    node.isWiped = true;
  }

  /** One verdict per invariant, over everything observed so far. */
  results(): readonly CheckResult[] {
    const unjudged = [...this.#run.nodes.values()].reduce(
      (sum, { sight }) => sum + (sight.kind === "waiting" ? sight.events.length : 0),
      this.#run.unjudged,
    );
    return invariantIds.map((id) => this.#resultOf(id, unjudged));
  }

  #resultOf(id: InvariantId, unjudged: number): CheckResult {
    const common = { id, count: this.#steps, unit: "steps" } as const;
    const violation = this.#run.violations.firstOf(id);
    if (violation !== undefined) {
      const { message, counterexample } = violation;
      const more = this.#run.violations.countOf(id) - 1;
      const summary = more === 0 ? message : `${message} (and ${more} more)`;
      return { ...common, validity: "invalid", summary, counterexample };
    }
    if (unjudged > 0) {
      const summary = `${unjudged} events stand on log entries that were never traced and could not be judged`;
      return { ...common, validity: "unknown", summary };
    }
    const scope = `${this.#run.nodes.size} nodes, ${this.#elections.wonTerms} terms with a leader`;
    const summary = `holds at every step: ${scope}, ${this.#logs.committedIndex} committed entries`;
    return { ...common, validity: "valid", summary };
  }

  #judge(node: NodeRecord, traced: Traced<ConsensusEvent>): void {
    const { event } = traced;
    if (node.sight.kind === "waiting" && event.kind !== "start" && event.kind !== "configuration") {
      if (node.sight.events.length < maxWaiting) node.sight.events.push(traced);
      else this.#run.unjudged++;
      return;
    }
    switch (event.kind) {
      case "start":
        return this.#start(node, event, traced);
      case "role":
        return this.#role(node, event);
      case "vote":
        return this.#elections.vote(node, event);
      case "append":
        this.#configurations.cut(node, event.after);
        return this.#logs.append(node, event);
      case "configuration":
        return this.#configurations.observe(node, event);
      case "commit":
        this.#logs.commit(node, event);
        return this.#resume();
      case "apply":
        return this.#applied.apply(node, event);
      case "snapshot":
        return event.installed ? this.#logs.install(node, event, traced) : this.#logs.compact(node, event);
      case "stop":
        node.role = "follower";
        return undefined;
      default:
        return unreachable(event);
    }
  }

  #start(node: NodeRecord, event: Of<"start">, traced: Traced<ConsensusEvent>): void {
    this.#elections.restarted(node, event);
    const mustRemember = this.#run.durable && !node.isWiped;
    node.begin(event);
    this.#logs.start(node, event, traced, mustRemember);
  }

  #role(node: NodeRecord, { term, role }: Of<"role">): void {
    this.#run.reachTerm(node, term);
    node.role = role;
    if (role !== "leader") return;
    this.#elections.leads(node, term);
    this.#logs.leads(node, term);
  }

  /** Judges the events of nodes whose snapshot's prefix is known by now. */
  #resume(): void {
    for (const node of this.#run.nodes.values()) {
      if (node.sight.kind !== "waiting" || node.sight.index > this.#logs.committedIndex) continue;
      const { events } = node.sight;
      node.sight = { kind: "clear" };
      for (const traced of events) this.#judge(node, traced);
    }
  }
}
