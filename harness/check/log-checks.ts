/**
 * What holds of the logs: log matching, leader completeness, and what is committed stays committed.
 *
 * @see Ongaro & Ousterhout 2014, sections 5.3 and 5.4.
 */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent, ConsensusView, EntryTrace } from "../../implementations/consensus/contract.ts";
import { emptyChain } from "./chain-log.ts";
import { CommitRecord, KnownEntries } from "./commit-record.ts";
import type { ElectionChecks } from "./election-checks.ts";
import type { NodeRecord, ObservedConfiguration } from "./node-record.ts";
import type { Of, ObservedRun } from "./observed-run.ts";
import { hex } from "./violations.ts";

export class LogChecks {
  readonly #run: ObservedRun;
  readonly #elections: ElectionChecks;
  readonly #known = new KnownEntries();
  readonly #committed = new CommitRecord();
  /** What was committed in the step whose view comes next. */
  #justCommitted: { readonly index: number; readonly configuration: ObservedConfiguration | undefined } | undefined;
  /** Under which configuration the newest committed entry was committed: a quorum of it holds that entry for good. */
  #committedUnder: ObservedConfiguration | undefined;

  constructor(run: ObservedRun, elections: ElectionChecks) {
    this.#run = run;
    this.#elections = elections;
  }

  /** Up to where the log is known to be committed. */
  get committedIndex(): number {
    return this.#committed.log.last;
  }

  /** The node starts on what it recovered. */
  start(node: NodeRecord, event: Of<"start">, traced: Traced<ConsensusEvent>, mustRemember: boolean): void {
    if (!this.#stand(node, event.snapshotIndex, event.snapshotTerm, traced)) return;
    this.#push(node, event.entries);
    if (this.#run.isOrderExact && mustRemember) {
      this.#majorityHolds(node, this.committedIndex, `${node.id} restarts, and what was committed`);
    }
  }

  /** The node became leader of `term`: it holds everything committed in earlier terms. */
  leads(node: NodeRecord, term: number): void {
    if (node.sight.kind !== "clear") return;
    const missing = this.#committed.reachedBefore(term);
    if (missing > 0 && !node.holds(missing, this.#committed.log.chainAt(missing)))
      this.#incomplete(node, term, missing);
  }

  append(node: NodeRecord, { after, entries }: Of<"append">): void {
    if (node.sight.kind !== "clear") return void this.#run.unjudged++;
    const { log, id } = node;
    const commit = Math.min(node.commit, log.last);
    if (after > log.last || after < log.base) {
      if (node.hasStarted || after < log.base) {
        const message = `${id} appends after ${after}, but its log spans ${log.base} to ${log.last}`;
        this.#run.violate("log-matching", node, message);
      }
      node.sight = { kind: "blind" };
      this.#run.unjudged++;
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
      this.#run.violate("monotonic-indexes", node, message);
    }
    if (node.role === "leader" && (log.last < lastBefore || log.chainAt(lastBefore) !== chainBefore)) {
      const message = `${id} leads term ${node.term} and removes entries ${after + 1} to ${lastBefore} of its own log`;
      this.#run.violate("monotonic-indexes", node, message);
    }
  }

  commit(node: NodeRecord, { term, index }: Of<"commit">): void {
    this.#run.reachTerm(node, term);
    if (index < node.commit) this.#run.fall(node, "commit index", node.commit, index);
    node.commit = Math.max(node.commit, index);
    if (node.sight.kind !== "clear") return void this.#run.unjudged++;
    const { log, id } = node;
    const committed = this.#committed.log;
    if (index > log.last && !node.hasStarted) {
      node.sight = { kind: "blind" };
      return void this.#run.unjudged++;
    }
    if (index > log.last) {
      const message = `${id} commits up to ${index}, but its log ends at ${log.last}`;
      return this.#run.violate("monotonic-indexes", node, message);
    }
    const shared = Math.min(index, committed.last);
    if (shared >= log.base && log.chainAt(shared) !== committed.chainAt(shared)) return this.#conflict(node, shared);
    if (index > committed.last && log.base > committed.last) {
      // After a violation: what it dropped was committed differently, or not at all, elsewhere.
      node.sight = { kind: "blind" };
      return void this.#run.unjudged++;
    }
    if (node.role === "leader" && log.termAt(index) !== node.term) {
      const message = `${id} leads term ${node.term} and commits by an entry of term ${log.termAt(index)}, index ${index}`;
      this.#run.violate("leader-completeness", node, message);
    }
    if (index > committed.last) this.#extendCommitted(node, index);
    this.#committed.reach(term, index);
    this.#laterLeadersHold(node, term, index);
  }

  /** Judges what is on the disks (a view comes after the step in which a node hears of a finished write). */
  durable(node: NodeRecord, { durableIndex, acknowledgedIndex, lastIndex }: ConsensusView): void {
    if (durableIndex !== undefined) node.durable = durableIndex;
    if (acknowledgedIndex !== undefined && acknowledgedIndex > node.durable) {
      const message = `${node.id} acknowledges its log up to ${acknowledgedIndex}, but only ${node.durable} is synced`;
      this.#run.violate("monotonic-indexes", node, message);
    }
    if (node.sight.kind === "clear" && lastIndex >= node.log.base && lastIndex < node.log.last) {
      node.log.cutAfter(lastIndex);
      if (lastIndex < this.committedIndex && this.#run.durable) {
        this.#majorityHolds(
          node,
          this.committedIndex,
          `${node.id} cuts its log after ${lastIndex}, and what is committed`,
        );
      }
    }
    const committed = this.#justCommitted;
    if (committed === undefined) return;
    this.#justCommitted = undefined;
    if (!this.#run.durable) return;
    this.#majorityHolds(
      node,
      committed.index,
      `${node.id} commits, and what it commits`,
      committed.configuration,
      true,
    );
  }

  compact(node: NodeRecord, { index }: Of<"snapshot">): void {
    if (node.sight.kind !== "clear") return;
    if (index > node.applied) {
      const message = `${node.id} takes a snapshot up to ${index}, but has applied up to ${node.applied}`;
      this.#run.violate("state-machine-safety", node, message);
    }
    if (index <= node.log.last) node.log.compact(index);
  }

  install(node: NodeRecord, { index, term }: Of<"snapshot">, traced: Traced<ConsensusEvent>): void {
    const { log, applied, id } = node;
    if (index < Math.max(applied, node.commit)) {
      const had = index < applied ? `applied up to ${applied}` : `committed up to ${node.commit}`;
      this.#run.violate("state-machine-safety", node, `${id} installs a snapshot up to ${index}, though it had ${had}`);
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
  settleTail(node: NodeRecord, lastIndex: number): void {
    node.isTailDoubtful = false;
    if (lastIndex >= node.log.base && lastIndex < node.log.last) node.log.cutAfter(lastIndex);
  }

  /** Lets the node's log stand on a snapshot; false: its events must wait until the prefix is known. */
  #stand(node: NodeRecord, index: number, term: number, traced: Traced<ConsensusEvent>): boolean {
    node.sight = { kind: "clear" };
    const committed = this.#committed.log;
    if (index > committed.last) {
      if (this.#run.isOrderExact) {
        const message = `${node.id} has a snapshot up to ${index}, but only ${committed.last} entries are committed`;
        this.#run.violate("state-machine-safety", node, message);
      }
      node.sight = { kind: "waiting", index, events: [traced] };
      return false;
    }
    if (index > 0 && committed.termAt(index) !== term) {
      const message = `${node.id} has a snapshot up to ${index} of term ${term}; committed there is term ${committed.termAt(index)}`;
      this.#run.violate("state-machine-safety", node, message);
    }
    node.log.reset(index, term, index === 0 ? emptyChain : committed.chainAt(index));
    return true;
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
        this.#run.violate("log-matching", node, message);
      }
      previousTerm = term;
    }
    const newest = entries.at(-1);
    if (node.role === "leader" && newest !== undefined && newest.term !== node.term) {
      const message = `${node.id} leads term ${node.term} and appends an entry of term ${newest.term}`;
      this.#run.violate("log-matching", node, message);
    }
  }

  #extendCommitted(node: NodeRecord, index: number): void {
    const { log } = node;
    const committed = this.#committed.log;
    for (let next = committed.last + 1; next <= index; next++) {
      committed.pushChained(log.termAt(next), log.digestAt(next), log.chainAt(next));
    }
    this.#committedUnder = node.configuration;
    if (this.#run.isOrderExact && this.#run.durable) {
      this.#majorityHolds(node, index, `${node.id} commits, and what it commits`);
      this.#elections.committed(node);
      this.#justCommitted = { index, configuration: node.configuration };
    }
  }

  /** An entry counts as committed only while a majority holds it (exact order only). */
  #majorityHolds(
    node: NodeRecord,
    index: number,
    what: string,
    configuration = this.#committedUnder,
    onDisk = false,
  ): void {
    if (index === 0) return;
    const chain = this.#committed.log.chainAt(index);
    const holds = (id: NodeId): boolean => {
      const other = this.#run.nodes.get(id);
      return other !== undefined && other.holds(index, chain) && (!onDisk || other.durable >= index);
    };
    if (this.#run.isQuorum(configuration, holds)) return;
    const where = onDisk ? " on disk" : "";
    const voters = configuration?.voters ?? this.#run.founders;
    const holders = voters.filter(holds).length;
    const message = `${what}, up to ${index}, is held by ${holders} of ${voters.length} voters${where}`;
    this.#run.violate("monotonic-indexes", node, message, ...this.#run.nodes.keys());
  }

  /** Leaders of later terms that were seen before this commit was: they must hold it too. */
  #laterLeadersHold(node: NodeRecord, term: number, index: number): void {
    for (const leadership of this.#elections.leadersAfter(term)) {
      const leader = this.#run.nodes.get(leadership.node);
      if (leader === undefined || leader.sight.kind !== "clear") continue;
      const isChecked = index <= leadership.intactUpTo && leadership.life === leader.life;
      const isMissing = index > leadership.lastIndex;
      if (isMissing || (isChecked && !leader.holds(index, this.#committed.log.chainAt(index)))) {
        this.#incomplete(leader, leadership.term, index, node.id);
      }
    }
  }

  #incomplete(leader: NodeRecord, term: number, index: number, committer?: NodeId): void {
    const ends = index > leader.log.last ? `its log ends at ${leader.log.last}` : "its log holds another entry there";
    const message = `${leader.id} leads term ${term} without entry ${index}, committed in an earlier term: ${ends}`;
    this.#run.violate(
      "leader-completeness",
      leader,
      message,
      ...(committer === undefined ? this.#run.nodes.keys() : [committer]),
    );
  }

  #mismatch(node: NodeRecord, index: number, term: number): void {
    const holds = ({ sight, log }: NodeRecord): boolean =>
      sight.kind === "clear" && index > log.base && index <= log.last && log.termAt(index) === term;
    const others = [...this.#run.nodes.values()].filter((other) => other !== node && holds(other));
    const other = others.find(({ log }) => log.chainAt(index) !== node.log.chainAt(index));
    const what = `${node.id}'s entry ${index} of term ${term}`;
    if (other === undefined) {
      const message = `${what}, or what precedes it, differs from an earlier entry of that index and term`;
      return this.#run.violate("log-matching", node, message);
    }
    let at = index;
    const floor = Math.max(node.log.base, other.log.base);
    while (at - 1 > floor && node.log.chainAt(at - 1) !== other.log.chainAt(at - 1)) at--;
    const show = ({ log }: NodeRecord): string => `${log.termAt(at)}:${hex(log.digestAt(at))}`;
    const message = `${what} is also ${other.id}'s, but at index ${at} they hold ${show(node)} and ${show(other)}`;
    this.#run.violate("log-matching", node, message, other.id);
  }

  #conflict(node: NodeRecord, upTo: number): void {
    const committed = this.#committed.log;
    let at = upTo;
    while (at - 1 > node.log.base && node.log.chainAt(at - 1) !== committed.chainAt(at - 1)) at--;
    const mine = `${node.log.termAt(at)}:${hex(node.log.digestAt(at))}`;
    const other = `${committed.termAt(at)}:${hex(committed.digestAt(at))}`;
    const message = `${node.id} commits ${mine} at index ${at}, where ${other} is committed`;
    this.#run.violate("state-machine-safety", node, message, ...this.#run.nodes.keys());
  }
}
