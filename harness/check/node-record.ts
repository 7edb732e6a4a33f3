/** What the invariant checker remembers of one node. */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent, Role } from "../../implementations/consensus/contract.ts";
import { ChainLog } from "./chain-log.ts";
import { RecentEvents } from "./violations.ts";

export interface CastVote {
  readonly term: number;
  readonly candidate: NodeId;
  readonly life: number;
}

/** Who takes part, as the configuration event at `index` said. */
export interface ObservedConfiguration {
  readonly index: number;
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

export interface Leadership {
  readonly node: NodeId;
  readonly life: number;
  readonly term: number;
  /** That it was elected in; undefined: the founders'. */
  readonly configuration: ObservedConfiguration | undefined;
  /** Where its log ended when it was elected. */
  readonly lastIndex: number;
  /** Up to here its log still is what it was then. */
  intactUpTo: number;
  hasCommitted: boolean;
}

/** Where a node's checks stand when its log cannot be followed. */
export type Sight =
  | { readonly kind: "clear" }
  /** Its log stands on a snapshot whose prefix is not known yet; events wait until it is. */
  | { readonly kind: "waiting"; readonly index: number; readonly events: Traced<ConsensusEvent>[] }
  /** It was running before the first event came; until its next start only its own indexes are judged. */
  | { readonly kind: "blind" };

export class NodeRecord {
  readonly id: NodeId;
  readonly recent = new RecentEvents();
  sight: Sight = { kind: "clear" };
  hasStarted = false;
  /** Its disk was lost on purpose, so its next start may know nothing. */
  isWiped = false;
  life = 0;
  term = 0;
  role: Role = "follower";
  readonly votes = new Map<number, CastVote>();
  /** The vote of the highest term; outlives restarts. */
  newestVote: CastVote | undefined;
  readonly log = new ChainLog();
  /** An installed snapshot may or may not have dropped what followed it. */
  isTailDoubtful = false;
  commit = 0;
  applied = 0;
  leadership: Leadership | undefined;
  /** The one that holds here; undefined: the founders'. */
  configuration: ObservedConfiguration | undefined;
  /** As the last view showed it. */
  view = { life: -1, term: 0, votedFor: null as NodeId | null, isLeader: false, commitIndex: 0, appliedIndex: 0 };
  /** Up to where its disk holds its log; Infinity where it does not say. */
  durable = Infinity;

  constructor(id: NodeId) {
    this.id = id;
  }

  /** A life begins with what was recovered; the log is the log checks' to rebuild. */
  begin({ life, term, snapshotIndex }: Extract<ConsensusEvent, { readonly kind: "start" }>): void {
    this.hasStarted = true;
    this.isWiped = false;
    this.life = life;
    this.term = term;
    this.role = "follower";
    this.commit = snapshotIndex;
    this.applied = snapshotIndex;
    this.isTailDoubtful = false;
    this.configuration = undefined;
    if (this.leadership !== undefined) this.leadership.intactUpTo = 0;
    this.leadership = undefined;
  }

  /** Whether the node holds `index` with `chain`, as far as can be told. */
  holds(index: number, chain: number): boolean {
    if (this.sight.kind !== "clear" || index < this.log.base) return true;
    return index <= this.log.last && this.log.chainAt(index) === chain;
  }
}
