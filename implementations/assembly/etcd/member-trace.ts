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

  /** The member said `status` in its life number `life`, just now. */
  observed({ member, leader, term, appliedIndex }: MemberStatus, life: number): void {
    const timeMs = nodeClock.nowMs();
    if (this.#toldLife !== life) {
      this.#toldLife = life;
      const log = { snapshotIndex: appliedIndex, snapshotTerm: 0, entries: [] };
      this.#hub.emit(timeMs, this.#node, { kind: "start", life, term, votedFor: null, ...log });
    }
    const leadsTerm = leader === member ? term : 0;
    if (leadsTerm === this.#leadsTerm) return;
    this.#leadsTerm = leadsTerm;
    this.#hub.emit(timeMs, this.#node, { kind: "role", term, role: leadsTerm > 0 ? "leader" : "follower" });
  }

  ended(timeMs: Millis): void {
    this.#leadsTerm = 0;
    this.#hub.emit(timeMs, this.#node, { kind: "stop", orderly: false });
  }
}
