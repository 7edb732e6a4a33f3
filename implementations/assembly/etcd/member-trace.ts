/** Turns what a member of etcd says of itself into the events that every implementation's trace has. */

import type { Millis, NodeId } from "../../foundation/units.ts";
import type { MemberStatus } from "../../consensus/peers/etcd-state.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { TraceHub } from "../consensus/trace-hub.ts";

export class MemberTrace {
  readonly #node: NodeId;
  readonly #hub: TraceHub;
  /** The life of which "start" was told. */
  #toldLife = 0;
  /** The term in which it said that it leads; 0 while it does not. */
  #leadsTerm = 0;

  constructor(node: NodeId, hub: TraceHub) {
    this.#node = node;
    this.#hub = hub;
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
    this.#leadsTerm = leadsTerm;
    const role = leadsTerm > 0 ? "leader" : "follower";
    this.#hub.emit(nodeClock.nowMs(), this.#node, { kind: "role", term, role });
  }

  ended(timeMs: Millis): void {
    this.#leadsTerm = 0;
    this.#hub.emit(timeMs, this.#node, { kind: "stop", orderly: false });
  }
}
