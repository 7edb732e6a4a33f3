/**
 * Measures elections from the trace: from the moment a leader was lost to the first sign of the next one.
 *
 * The loss is dated by what took the leader away (the fault that struck it, or its own stop), not by when the others
 * noticed: detection is part of what a user waits for.
 */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";

export interface Election {
  /**
   * What took the leader away: "start" (there was none yet), a fault's kind, "majority lost", "stopped", "stepped
   * down".
   */
  readonly trigger: string;
  readonly term: number;
  readonly leader: NodeId;
  readonly durationMs: Millis;
  /** On the driver's clock. */
  readonly atMs: Millis;
}

/** Faults after which the leader they hit cannot go on leading. */
const fatalToLeaders: ReadonlySet<FaultKind> = new Set([
  "kill",
  "crash-loop",
  "graceful-restart",
  "wipe",
  "pause",
  "leader",
  "isolate-one",
  "torn-write",
  "lost-sync",
]);
/** A fault that was followed by no election for this long did not cost the leader its office. */
const staleAfterMs = 10_000;

export class ElectionWatch {
  readonly elections: Election[] = [];
  readonly #nodes: number;
  #lost: { readonly trigger: string; readonly atMs: Millis } | undefined;
  #leader: NodeId | undefined;
  #term = 0;
  #started = false;

  /** @param nodes of the cluster: without a majority of them nobody can be elected, which is timed apart. */
  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  faultStruck(struck: StruckFault, atMs: Millis): void {
    const hitsLeader = struck.leader !== undefined && struck.nodes.includes(struck.leader);
    if (!hitsLeader || !fatalToLeaders.has(struck.spec.kind)) return;
    const trigger = struck.nodes.length > this.#nodes / 2 ? "majority lost" : struck.spec.kind;
    this.#lost = { trigger, atMs };
  }

  observe({ timeMs, node, event }: Traced<ConsensusEvent>): void {
    if (event.kind === "start" && !this.#started) {
      this.#started = true;
      this.#lost = { trigger: "start", atMs: timeMs };
    }
    if (event.kind === "stop" && node === this.#leader) this.#lose("stopped", timeMs);
    if (event.kind !== "role") return;
    if (event.role === "leader") this.#won(node, event.term, timeMs);
    else if (node === this.#leader && event.role === "follower") this.#lose("stepped down", timeMs);
  }

  #won(node: NodeId, term: number, timeMs: Millis): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#leader = node;
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost === undefined || (lost.trigger !== "start" && timeMs - lost.atMs > staleAfterMs)) return;
    const durationMs = Math.max(0, timeMs - lost.atMs);
    this.elections.push({ trigger: lost.trigger, term, leader: node, durationMs, atMs: timeMs });
  }

  #lose(trigger: string, atMs: Millis): void {
    this.#leader = undefined;
    this.#lost ??= { trigger, atMs };
  }
}
