/** What the invariant checks share: the nodes as far as they are known, and where violations go. */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import { NodeRecord } from "./node-record.ts";
import { Violations } from "./violations.ts";
import type { InvariantId } from "./violations.ts";

/** The trace event of one kind. */
export type Of<Kind extends ConsensusEvent["kind"]> = Extract<ConsensusEvent, { readonly kind: Kind }>;

export class ObservedRun {
  /** Whether a restarted node must remember its term, vote and acknowledged entries. */
  readonly durable: boolean;
  /** Events of different nodes come in the order in which they happened. */
  isOrderExact = false;
  /** Time of the newest event. */
  nowMs: Millis = 0;
  /** Events that could not be judged, since the log they are about was never traced. */
  unjudged = 0;
  readonly nodes = new Map<NodeId, NodeRecord>();
  readonly violations = new Violations();

  constructor(durable: boolean) {
    this.durable = durable;
  }

  nodeOf(id: NodeId): NodeRecord {
    const known = this.nodes.get(id);
    if (known !== undefined) return known;
    const node = new NodeRecord(id);
    this.nodes.set(id, node);
    return node;
  }

  /** Whether so many of the nodes seen so far are more than half of them. */
  isMajority(count: number): boolean {
    return count > this.nodes.size / 2;
  }

  /** The node is in `term` now; terms never fall. */
  reachTerm(node: NodeRecord, term: number): void {
    if (term < node.term) this.fall(node, "term", node.term, term);
    else node.term = term;
  }

  fall(node: NodeRecord, what: string, from: number, to: number): void {
    this.violate("monotonic-indexes", node, `${node.id}'s ${what} falls from ${from} to ${to}`);
  }

  /** Notes a violation by `node`; its counterexample shows the last events of `node` and `others`. */
  violate(id: InvariantId, node: NodeRecord, message: string, ...others: NodeId[]): void {
    const concerned = new Set([node.id, ...others]);
    const recent = [...concerned].flatMap((each) => [...(this.nodes.get(each)?.recent ?? [])]);
    this.violations.add(id, this.nowMs, node.id, message, recent);
  }
}
