/** What the invariant checks share: the nodes as far as they are known, and where violations go. */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import type { ObservedConfiguration } from "./node-record.ts";
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

  readonly #founders: readonly NodeId[] | undefined;

  /** @param founders the voters before any change of membership; undefined: all nodes that are seen. */
  constructor(durable: boolean, founders?: readonly NodeId[]) {
    this.durable = durable;
    this.#founders = founders;
  }

  get founders(): readonly NodeId[] {
    return this.#founders ?? [...this.nodes.keys()];
  }

  nodeOf(id: NodeId): NodeRecord {
    const known = this.nodes.get(id);
    if (known !== undefined) return known;
    const node = new NodeRecord(id);
    this.nodes.set(id, node);
    return node;
  }

  /** Whether those for which `holds` is true are a quorum of `configuration`, or of the founders. */
  isQuorum(configuration: ObservedConfiguration | undefined, holds: (id: NodeId) => boolean): boolean {
    const isMajority = (voters: readonly NodeId[]): boolean => voters.filter(holds).length > voters.length / 2;
    if (configuration === undefined) return isMajority(this.founders);
    const { voters, outgoing } = configuration;
    return isMajority(voters) && (outgoing.length === 0 || isMajority(outgoing));
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
