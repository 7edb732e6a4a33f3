/**
 * Election safety: at most one leader per term, one vote per node and term, also across restarts of a durable node.
 *
 * @see Ongaro & Ousterhout 2014, section 5.2.
 */

import type { NodeId } from "../../implementations/foundation/units.ts";
import type { Leadership, NodeRecord } from "./node-record.ts";
import type { Of, ObservedRun } from "./observed-run.ts";

/** Terms for which votes are counted. */
const keptVoteTerms = 64;

export class ElectionChecks {
  readonly #run: ObservedRun;
  /** By term: who won it; and the newest term won. */
  readonly #leaders = new Map<number, Leadership>();
  #newestLeaderTerm = 0;
  /** By term and candidate: who voted for it. */
  readonly #voters = new Map<number, Map<NodeId, Set<NodeId>>>();

  constructor(run: ObservedRun) {
    this.#run = run;
  }

  /** Terms that had a leader. */
  get wonTerms(): number {
    return this.#leaders.size;
  }

  /** The leaders of terms after `term`. */
  *leadersAfter(term: number): Generator<Leadership> {
    if (term >= this.#newestLeaderTerm) return;
    for (const leadership of this.#leaders.values()) if (leadership.term > term) yield leadership;
  }

  /** A durable node comes back with the term and vote it had shown. */
  restarted(node: NodeRecord, { term, votedFor }: Of<"start">): void {
    const vote = this.#run.durable ? node.newestVote : undefined;
    if (vote === undefined || term > vote.term) return;
    if (term === vote.term && votedFor === vote.candidate) return;
    const was = `it had voted for ${vote.candidate} in term ${vote.term}`;
    const message = `${node.id} restarts in term ${term} with a vote for ${votedFor ?? "nobody"}, but ${was}`;
    this.#run.violate("election-safety", node, message);
  }

  vote(node: NodeRecord, { term, candidate }: Of<"vote">): void {
    const { id, life } = node;
    const earlier = node.votes.get(term);
    const isBinding = earlier !== undefined && (this.#run.durable || earlier.life === life);
    if (isBinding && earlier.candidate !== candidate) {
      const message = `${id} votes for ${candidate} in term ${term}, in which it voted for ${earlier.candidate}`;
      this.#run.violate("election-safety", node, message, earlier.candidate, candidate);
    }
    const newest = node.newestVote;
    // Within a life a vote may leave late, behind a newer one; a new life knows the newest vote.
    if (this.#run.durable && newest !== undefined && newest.life !== life && term < newest.term) {
      const message = `${id} votes in term ${term}, though it had voted in term ${newest.term} before its restart`;
      this.#run.violate("election-safety", node, message, candidate);
    }
    const vote = { term, candidate, life };
    node.votes.set(term, vote);
    if (newest === undefined || term >= newest.term) node.newestVote = vote;
    this.#countVote(term, candidate, id);
  }

  /** Notes that `node` leads `term`, which nobody else may. */
  leads(node: NodeRecord, term: number): void {
    const other = this.#leaders.get(term);
    if (other === undefined) {
      const { life, id, configuration } = node;
      const lastIndex = node.log.last;
      const leadership = { node: id, life, term, configuration, lastIndex, intactUpTo: lastIndex, hasCommitted: false };
      this.#leaders.set(term, leadership);
      node.leadership = leadership;
      if (term > this.#newestLeaderTerm) this.#newestLeaderTerm = term;
    } else if (other.node !== node.id) {
      this.#run.violate(
        "election-safety",
        node,
        `${node.id} leads term ${term}, which ${other.node} leads too`,
        other.node,
      );
    }
  }

  /** A leader that commits was voted for by a majority (exact order only). */
  committed(node: NodeRecord): void {
    const { leadership, role, id } = node;
    if (role !== "leader" || leadership === undefined || leadership.hasCommitted) return;
    leadership.hasCommitted = true;
    const term = leadership.term;
    const votes = this.#voters.get(term)?.get(id);
    if (this.#run.isQuorum(leadership.configuration, (voter) => votes?.has(voter) ?? false)) return;
    const voters = (leadership.configuration?.voters ?? this.#run.founders).length;
    const message = `${id} leads term ${term} with ${votes?.size ?? 0} votes, which are no quorum of ${voters} voters`;
    this.#run.violate("election-safety", node, message, ...this.#run.nodes.keys());
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
}
