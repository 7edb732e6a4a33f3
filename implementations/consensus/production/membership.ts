/**
 * A leader's work on a change of the voters, one step at a time.
 *
 * 1. Newcomers join as learners: they get the log and count for nothing, so a cluster that grows stays available while
 *    they catch up.
 * 2. They have caught up when a round of replication (everything in the log at its beginning) took less than an
 *    election timeout: what they lack then does not hold up a commit for longer than an election would.
 * 3. A joint configuration of old and new voters enters the log, and once it is committed,
 * 4. the new voters alone. When that is committed the change is done, and a leader that is not among them steps down.
 *
 * Each step waits until the configuration before it is committed, and none is begun before an entry of the leader's own
 * term is (Ongaro 2015, the flaw of single-server changes): otherwise two leaders could each extend a configuration
 * that the other does not know. A leader that inherits a joint configuration completes it; one that inherits learners
 * lets them be, and whoever asked for the change asks again.
 *
 * It appends nothing: `next` says which configuration should enter the log now.
 *
 * @see Ongaro 2014, sections 4.2.1, 4.2.2 and 4.3; Ongaro 2015, "bug in single-server membership changes", raft-dev.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Configuration } from "./configuration.ts";
import { isJoint } from "./configuration.ts";

/** A leader as a change sees it. */
export interface MembershipView {
  readonly configuration: Configuration;
  /** The configuration is committed, and so is an entry of the leader's term. */
  readonly isSettled: boolean;
  readonly lastIndex: number;
  readonly matchIndexOf: (id: NodeId) => number;
  readonly nowMs: Millis;
}

/** What became of a change: undefined when it is done. */
export type MembershipOutcome = { readonly requestId: number; readonly error: ErrorCode | undefined };

interface Change {
  requestId: number;
  readonly voters: readonly NodeId[];
  /** Learners have caught up when they hold the log up to here soon enough. */
  roundEnd: number;
  roundBeganMs: Millis;
  rounds: number;
  readonly beganMs: Millis;
}

/** Newcomers that have not caught up after this many rounds, or election timeouts, do not become voters. */
const maxRounds = 10;
const maxCatchUpTimeouts = 100;

export class Membership {
  readonly #electionTimeoutMs: Millis;
  #change: Change | undefined;
  #outcome: MembershipOutcome | undefined;

  constructor(electionTimeoutMs: Millis) {
    this.#electionTimeoutMs = electionTimeoutMs;
  }

  /**
   * Begins to replace the voters by those of `voters`, which holds each once and is not empty.
   *
   * @returns why not; undefined when it has begun. A change to the same voters that is under way is joined.
   */
  begin(requestId: number, voters: readonly NodeId[], view: MembershipView): ErrorCode | undefined {
    const { configuration, lastIndex, nowMs } = view;
    const present = this.#change;
    if (present !== undefined && isSame(present.voters, voters)) {
      // Whoever asked before has given up waiting, or is told to ask again.
      this.#outcome = { requestId: present.requestId, error: "CHANGE_UNDER_WAY" };
      present.requestId = requestId;
      return undefined;
    }
    const completesJoint = isJoint(configuration) && isSame(configuration.voters, voters);
    if (present !== undefined || (isJoint(configuration) && !completesJoint)) return "CHANGE_UNDER_WAY";
    this.#change = { requestId, voters, roundEnd: lastIndex, roundBeganMs: nowMs, rounds: 1, beganMs: nowMs };
    return undefined;
  }

  /** Returns the configuration that should enter the log now, if any. */
  next(view: MembershipView): Configuration | undefined {
    const { configuration, isSettled } = view;
    if (!isSettled) return undefined;
    const { voters, learners } = configuration;
    if (isJoint(configuration)) return { voters, outgoing: [], learners };
    const change = this.#change;
    if (change === undefined) return undefined;
    if (isSame(voters, change.voters)) return this.#end(change, undefined);
    const newcomers = change.voters.filter((id) => !voters.includes(id));
    const strangers = newcomers.filter((id) => !learners.includes(id));
    if (strangers.length > 0) {
      this.#beginRound(change, view);
      return { voters, outgoing: [], learners: [...learners, ...strangers] };
    }
    const others = learners.filter((id) => !newcomers.includes(id));
    if (this.#haveCaughtUp(change, newcomers, view)) {
      return { voters: change.voters, outgoing: voters, learners: others };
    }
    if (!this.#isHopeless(change, view)) return undefined;
    this.#end(change, "LEARNER_BEHIND");
    return { voters, outgoing: [], learners: others };
  }

  /** Whether a change is under way that the next commit may carry on. */
  get isBusy(): boolean {
    return this.#change !== undefined;
  }

  /** The voters asked for are the only ones: the change is done, though this leader will not be there to see it. */
  finish(): MembershipOutcome | undefined {
    if (this.#change !== undefined) this.#end(this.#change, undefined);
    return this.takeOutcome();
  }

  /** Takes the outcome of a change that ended since the last call. */
  takeOutcome(): MembershipOutcome | undefined {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    return outcome;
  }

  /** The leader leaves office: a successor may complete the change or not. */
  abandon(): MembershipOutcome | undefined {
    if (this.#change !== undefined) this.#end(this.#change, "PROPOSAL_DROPPED");
    return this.takeOutcome();
  }

  #end({ requestId }: Change, error: ErrorCode | undefined): undefined {
    this.#outcome = { requestId, error };
    this.#change = undefined;
  }

  #beginRound(change: Change, { lastIndex, nowMs }: MembershipView): void {
    change.roundEnd = lastIndex;
    change.roundBeganMs = nowMs;
  }

  #haveCaughtUp(change: Change, newcomers: readonly NodeId[], view: MembershipView): boolean {
    if (newcomers.length === 0) return true;
    if (newcomers.some((id) => view.matchIndexOf(id) < change.roundEnd)) return false;
    if (view.nowMs - change.roundBeganMs < this.#electionTimeoutMs) return true;
    change.rounds++;
    this.#beginRound(change, view);
    return false;
  }

  #isHopeless({ rounds, beganMs }: Change, { nowMs }: MembershipView): boolean {
    return rounds > maxRounds || nowMs - beganMs > maxCatchUpTimeouts * this.#electionTimeoutMs;
  }
}

function isSame(left: readonly NodeId[], right: readonly NodeId[]): boolean {
  return left.length === right.length && left.every((id) => right.includes(id));
}
