/**
 * Turns what a member of etcd says of itself into the events that every implementation's trace has.
 *
 * The term in a Status is that of the last entry the member applied: a new leader tells the old term until its own
 * first entry is applied. So a claim to lead in a term in which another led is not told; the right one follows in a
 * moment. Two leaders in one term could therefore not be seen here, which is one reason why that claim is not judged of
 * etcd.
 *
 * @see etcd 3.4, `etcdserver/server.go`: `setTerm` is called where entries are applied.
 */

import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusEvent } from "../../consensus/contract.ts";
import type { MemberStatus } from "../../consensus/peers/etcd-state.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { TraceHub } from "../trace-hub.ts";

export class MemberTrace {
  readonly #node: NodeId;
  readonly #hub: TraceHub<ConsensusEvent>;
  readonly #leaders: Map<number, NodeId>;
  /** The life of which "start" was told. */
  #toldLife = 0;
  /** The term in which it said that it leads; 0 while it does not. */
  #leadsTerm = 0;

  /** @param leaders who led in each term; one map for all members. */
  constructor(node: NodeId, hub: TraceHub<ConsensusEvent>, leaders: Map<number, NodeId>) {
    this.#node = node;
    this.#hub = hub;
    this.#leaders = leaders;
  }

  /** Its process was started. What it recovers it does not tell, so the event says nothing of it. */
  started(life: number): void {
    if (this.#toldLife === life) return;
    this.#toldLife = life;
    const unknown = { term: 0, votedFor: null, snapshotIndex: 0, snapshotTerm: 0, entries: [] };
    this.#hub.emit(nodeClock.nowMs(), this.#node, { kind: "start", life, ...unknown });
  }

  /** It said this of itself, just now. */
  observed({ member, leader, term }: MemberStatus): void {
    const leadsTerm = leader === member ? term : 0;
    if (leadsTerm === this.#leadsTerm) return;
    if (leadsTerm > 0) {
      if ((this.#leaders.get(term) ?? this.#node) !== this.#node) return;
      this.#leaders.set(term, this.#node);
    }
    this.#leadsTerm = leadsTerm;
    const role = leadsTerm > 0 ? "leader" : "follower";
    this.#hub.emit(nodeClock.nowMs(), this.#node, { kind: "role", term, role });
  }

  ended(timeMs: Millis): void {
    this.#leadsTerm = 0;
    this.#hub.emit(timeMs, this.#node, { kind: "stop", orderly: false });
  }
}
