/**
 * Changes of membership: whatever quorums two successive configurations allow, they share a node.
 *
 * - A leader puts a configuration into its log only when the one before is committed, and only one that overlaps with
 *   it: the same voters, a joint configuration of them and others, the end of such a joint one, or one voter more or
 *   less.
 * - One voter more or less without a joint configuration takes a leader that has committed an entry of its own term:
 *   otherwise two leaders can each extend a configuration that the other does not know, to quorums that are disjoint.
 * - A configuration goes with its entry: when the log is cut before it, the one before holds again.
 *
 * Followers may take several configurations at once, so the first rule is judged where entries are made.
 *
 * @see Ongaro 2014, chapter 4; Ongaro 2015, "bug in single-server membership changes", raft-dev.
 */

import type { NodeRecord, ObservedConfiguration } from "./node-record.ts";
import type { ObservedRun, Of } from "./observed-run.ts";

export class ConfigurationChecks {
  readonly #run: ObservedRun;

  constructor(run: ObservedRun) {
    this.#run = run;
  }

  /** Another configuration holds at `node`. */
  observe(node: NodeRecord, { index, voters, outgoing, learners }: Of<"configuration">): void {
    const before = node.configuration;
    const next = { index, voters, outgoing, learners };
    node.configuration = next;
    if (node.role !== "leader" || index < (before?.index ?? 0)) return;
    const previous = before ?? { index: 0, voters: this.#run.founders, outgoing: [], learners: [] };
    if (previous.index > node.commit) {
      const message = `${node.id} begins the configuration of entry ${index} before that of entry ${previous.index} is committed`;
      this.#run.violate("configuration-safety", node, message);
    }
    if (isDirect(previous, next) && node.log.termAt(node.commit) !== node.term) {
      const message = `${node.id} goes from ${describeConfiguration(previous)} straight to ${describeConfiguration(next)} before it committed an entry of its term ${node.term}`;
      this.#run.violate("configuration-safety", node, message);
    }
    if (overlap(previous, next)) return;
    const message = `${node.id} goes from ${describeConfiguration(previous)} to ${describeConfiguration(next)}, and quorums of both can be disjoint`;
    this.#run.violate("configuration-safety", node, message);
  }

  /** The log of `node` was cut after `index`, and its configuration is what it says it is. */
  cut(node: NodeRecord, index: number): void {
    const { configuration } = node;
    if (configuration === undefined || configuration.index <= index) return;
    const message = `${node.id} cuts its log after ${index} and keeps the configuration of entry ${configuration.index}`;
    this.#run.violate("configuration-safety", node, message);
  }
}

/** "voters n1 n2 n3, learners n4" */
export function describeConfiguration({
  voters,
  outgoing,
  learners,
}: Pick<ObservedConfiguration, "voters" | "outgoing" | "learners">): string {
  const parts = [`voters ${voters.join(" ")}`];
  if (outgoing.length > 0) parts.push(`outgoing ${outgoing.join(" ")}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(" ")}`);
  return parts.join(", ");
}

/** Whether other voters decide from one entry to the next, with no joint configuration on either side. */
function isDirect(before: ObservedConfiguration, after: ObservedConfiguration): boolean {
  if (before.outgoing.length > 0 || after.outgoing.length > 0) return false;
  return before.voters.length !== after.voters.length || before.voters.some((voter) => !after.voters.includes(voter));
}

/** Whether every quorum of the one shares a node with every quorum of the other. */
function overlap(before: ObservedConfiguration, after: ObservedConfiguration): boolean {
  const sets = (configuration: ObservedConfiguration): (readonly string[])[] =>
    [configuration.voters, configuration.outgoing].filter((voters) => voters.length > 0);
  // One pair of voter sets that needs a majority in both and overlaps is enough: quorums hold a majority of each set.
  return sets(before).some((one) => sets(after).some((other) => majoritiesMeet(one, other)));
}

function majoritiesMeet(one: readonly string[], other: readonly string[]): boolean {
  const all = new Set([...one, ...other]).size;
  const majorities = Math.floor(one.length / 2) + 1 + Math.floor(other.length / 2) + 1;
  return majorities > all;
}
