/**
 * Liveness of leadership, judged while faults are at work, in virtual time, where durations mean what they say:
 *
 * - an undisturbed leader stays: as long as all faults hit a minority of followers only, nobody unseats a leader that
 *   has settled, also not a node that returns from isolation (what pre-vote is for);
 * - elections end: while a majority of nodes is up, connected and left alone, there is a leader within `electionLimit`
 *   election timeouts (what randomised timeouts are for).
 *
 * It judges only stretches of a run in which nothing else can be the cause: faults of links, disks and clocks, and what
 * they leave behind for a while, suspend it. Better to say nothing than to blame an implementation for a fault.
 *
 * @see Ongaro & Ousterhout 2014, section 5.2 (split votes); Ongaro 2014, sections 4.2.3 and 9.6 (disruptive servers).
 */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import type { CheckResult } from "./verdict.ts";

export interface LeadershipLivenessOptions {
  readonly nodes: number;
  readonly electionTimeoutMs: Millis;
  /**
   * Whether the implementation has pre-vote and check-quorum. Without the one, a node that returns may unseat a leader;
   * without the other, a leader that cannot hear stays in office.
   */
  readonly keepsLeaders: boolean;
}

/** A split vote costs at most two timeouts and happens in a small fraction of elections: five in a row do not. */
const electionLimit = 10;
/** After its last fault a cluster is taken to be settled once it kept a leader for this many election timeouts. */
const settleTimeouts = 4;
/** What links held back arrives, and supervisors restart nodes after disk faults, within this time. */
const aftermathMs = { links: 600, disks: 2500, members: 2500 } as const;

/** They take nodes away and leave the others alone. */
const mild: ReadonlySet<FaultKind> = new Set([
  "kill",
  "pause",
  "crash-loop",
  "graceful-restart",
  "isolate-one",
  "leader",
  "flapping",
  "one-way",
] satisfies FaultKind[]);
const onLinks: ReadonlySet<FaultKind> = new Set<FaultKind>(faultKinds.packet);
const onMembers: ReadonlySet<FaultKind> = new Set<FaultKind>(faultKinds.membership);
const onDisks: ReadonlySet<FaultKind> = new Set<FaultKind>([...faultKinds.disk, "wipe"]);

export class LeadershipLiveness {
  readonly #options: LeadershipLivenessOptions;
  readonly #active = new Set<StruckFault>();
  /** Nodes that may never come back; if one leads, it did. */
  readonly #lost = new Set<NodeId>();
  #leader: NodeId | undefined;
  #term = 0;
  /** Since when a leader was in office with nobody but a minority of followers disturbed; undefined: not so. */
  #quietFromMs: Millis | undefined;
  /** Until when what faults left behind may disturb elections. */
  #aftermathUntilMs: Millis = 0;
  /** Since when the same majority was left alone, and had no leader. */
  #waitingFromMs: Millis = 0;
  #elections = 0;
  readonly #violations: string[] = [];
  /** Who has a vote, once that has changed. */
  #voters: readonly NodeId[] | undefined;

  constructor(options: LeadershipLivenessOptions) {
    this.#options = options;
  }

  struck(fault: StruckFault, atMs: Millis): void {
    this.#judgeWaiting(atMs);
    this.#active.add(fault);
    const { kind } = fault.spec;
    if (onDisks.has(kind)) for (const node of fault.nodes) this.#lost.add(node);
    this.#noteAftermath(kind, atMs);
    if (!this.#isQuiet(atMs) || !this.#sparesLeader()) this.#quietFromMs = undefined;
    this.#waitingFromMs = atMs;
  }

  ended(fault: StruckFault, atMs: Millis): void {
    this.#judgeWaiting(atMs);
    this.#active.delete(fault);
    this.#noteAftermath(fault.spec.kind, atMs);
    this.#settleIfLeft(atMs);
    this.#waitingFromMs = atMs;
  }

  observe({ timeMs, node, event }: Traced<ConsensusEvent>): void {
    if (event.kind === "configuration") this.#reconfigured(event, timeMs);
    if (event.kind === "stop" && node === this.#leader) this.#vacate(timeMs);
    if (event.kind !== "role") return;
    if (event.role === "leader" && event.term > this.#term) this.#elected(node, event.term, timeMs);
    else if (event.role !== "leader" && node === this.#leader) {
      this.#judgeLoss(timeMs, `${node} leaves office for term ${event.term}`);
      this.#vacate(timeMs);
    }
  }

  result(nowMs: Millis): CheckResult {
    this.#judgeWaiting(nowMs);
    const common = { id: "leadership-liveness", count: this.#elections, unit: "elections" } as const;
    const [first] = this.#violations;
    if (first === undefined) {
      return { ...common, validity: "valid", summary: "no settled leader was unseated, and no election took too long" };
    }
    const more = this.#violations.length === 1 ? "" : ` (and ${this.#violations.length - 1} more)`;
    return { ...common, validity: "invalid", summary: `${first}${more}`, counterexample: this.#violations.join("\n") };
  }

  #elected(node: NodeId, term: number, atMs: Millis): void {
    if (this.#leader !== undefined && node !== this.#leader)
      this.#judgeLoss(atMs, `${node} is elected in term ${term}`);
    this.#judgeWaiting(atMs);
    this.#elections++;
    this.#leader = node;
    this.#term = term;
    this.#quietFromMs = undefined;
    this.#settleIfLeft(atMs);
  }

  #vacate(atMs: Millis): void {
    this.#leader = undefined;
    this.#waitingFromMs = atMs;
    this.#quietFromMs = undefined;
  }

  /** Somebody took the leader's office from it. */
  #judgeLoss(atMs: Millis, what: string): void {
    if (!this.#options.keepsLeaders || !this.#isQuiet(atMs)) return;
    const faults =
      [...this.#active].map(({ spec, target }) => `${spec.kind} on ${target}`).join(", ") || "none at work";
    const leader = `${this.#leader ?? "nobody"}, leader of term ${this.#term}`;
    this.#violations.push(
      `${atMs.toFixed(1)} ms: ${what} though nothing kept ${leader} from a majority (faults: ${faults})`,
    );
  }

  /** Judges the time since the same majority is alone: did it have a leader? */
  #judgeWaiting(atMs: Millis): void {
    if (this.#leader !== undefined && !this.#isHit(this.#leader)) return;
    if (!this.#sparesMajority()) return;
    const fromMs = Math.max(this.#waitingFromMs, this.#aftermathUntilMs);
    const limitMs = electionLimit * this.#options.electionTimeoutMs;
    if (atMs - fromMs <= limitMs) return;
    const waited = `${Math.round(atMs - fromMs)} ms, ${electionLimit} election timeouts are ${limitMs} ms`;
    this.#violations.push(`${atMs.toFixed(1)} ms: a majority that nothing disturbed had no leader for ${waited}`);
    this.#waitingFromMs = atMs;
  }

  #isQuiet(atMs: Millis): boolean {
    if (this.#quietFromMs === undefined) return false;
    return (
      atMs - Math.max(this.#quietFromMs, this.#aftermathUntilMs) >= settleTimeouts * this.#options.electionTimeoutMs
    );
  }

  #settleIfLeft(atMs: Millis): void {
    if (this.#leader !== undefined && this.#active.size === 0) this.#quietFromMs ??= atMs;
  }

  #noteAftermath(kind: FaultKind, atMs: Millis): void {
    if (onDisks.has(kind)) this.#suspend(atMs, aftermathMs.disks);
    if (onLinks.has(kind)) this.#suspend(atMs, aftermathMs.links);
    if (onMembers.has(kind)) this.#suspend(atMs, aftermathMs.members);
  }

  /** A change outlasts the fault that asked for it where it cannot be made at once: each of its steps counts. */
  #reconfigured({ voters }: Extract<ConsensusEvent, { kind: "configuration" }>, atMs: Millis): void {
    this.#voters = voters;
    this.#suspend(atMs, aftermathMs.members);
  }

  #suspend(atMs: Millis, lastsMs: Millis): void {
    this.#aftermathUntilMs = Math.max(this.#aftermathUntilMs, atMs + lastsMs);
  }

  #sparesLeader(): boolean {
    return this.#leader !== undefined && !this.#isHit(this.#leader) && this.#sparesMajority();
  }

  #sparesMajority(): boolean {
    const hit = new Set(this.#lost);
    for (const { spec, nodes } of this.#active) {
      if (!mild.has(spec.kind) || (spec.kind === "one-way" && !this.#options.keepsLeaders)) return false;
      for (const node of nodes) hit.add(node);
    }
    const voters = this.#voters;
    const nodes = voters?.length ?? this.#options.nodes;
    const hitVoters = voters === undefined ? hit.size : voters.filter((voter) => hit.has(voter)).length;
    return nodes - hitVoters > nodes / 2;
  }

  #isHit(node: NodeId): boolean {
    return [...this.#active].some(({ nodes }) => nodes.includes(node));
  }
}
