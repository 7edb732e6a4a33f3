/**
 * How clients of consensus find the leader, and what they retry.
 *
 * A request keeps its session and sequence number over all attempts, and the state machine executes it once: so an
 * attempt whose fate is unknown may be sent again. All calls follow one belief about who leads.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusResult } from "../../consensus/contract.ts";
import { RequestClient } from "../request-client.ts";
import type { ClientPorts, Route } from "../request-client.ts";

/** Refusals after which another attempt makes sense. */
const retried: ReadonlySet<ErrorCode> = new Set([
  "NOT_LEADER",
  "OVERLOADED",
  "UNAVAILABLE",
  "PROPOSAL_DROPPED",
  "CONNECTION_LOST",
] satisfies ErrorCode[]);

/** Whatever stands in the way of a change passes. */
const retriedForAdministration: ReadonlySet<ErrorCode> = new Set([
  ...retried,
  "CHANGE_UNDER_WAY",
  "LEARNER_BEHIND",
] satisfies ErrorCode[]);

export function consensusClient(ports: ClientPorts): RequestClient<ConsensusOperation, ConsensusResult> {
  const route = new LeaderRoute(ports.nodes);
  return new RequestClient(ports, {
    rulesOf: () => ({ route, retried, repeats: true }),
    rulesOfAdministration: () => ({ route, retried: retriedForAdministration, repeats: true }),
  });
}

class LeaderRoute implements Route {
  readonly #nodes: () => readonly NodeId[];
  /** Whom to ask first; undefined before the first answer. */
  #believedLeader: NodeId | undefined;

  constructor(nodes: () => readonly NodeId[]) {
    this.#nodes = nodes;
  }

  get node(): NodeId {
    return this.#believedLeader ?? this.#nodes()[0] ?? "";
  }

  answered(by: NodeId): void {
    this.#believedLeader = by;
  }

  unanswered(asked: NodeId): void {
    if (this.node === asked) this.#believedLeader = this.#nextAfter(asked);
  }

  refused(by: NodeId, code: ErrorCode, hint: NodeId | undefined): "now" | "later" {
    if (hint !== undefined && hint !== by) {
      this.#believedLeader = hint;
      return "now";
    }
    // A leader that is overloaded is still the leader: others would only send us back to it.
    if (this.node === by && code !== "OVERLOADED") this.#believedLeader = this.#nextAfter(by);
    return "later";
  }

  #nextAfter(node: NodeId): NodeId {
    const nodes = this.#nodes();
    return nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? node;
  }
}
