/**
 * A leader's lease: until when nobody else can have been elected.
 *
 * Who hears a leader withholds its vote for an election timeout on its own clock. A quorum that answered a message sent
 * at time t therefore elects nobody before t + T on their clocks; on the leader's, if no clock runs more than
 * `maxClockSkew` times as fast as another, not before t + T / maxClockSkew. Until then the leader may answer reads by
 * itself.
 *
 * The bound is the whole proof. Where a clock drifts beyond it, or jumps, reads can be stale and nothing here notices;
 * that is why leases are off by default. A restarted node has forgotten whom it heard, so with leases it withholds its
 * vote for the first election timeout of its life (`raft.ts`); a leader that hands its office over gives the lease up
 * before it lets the other one stand.
 *
 * @see Ongaro 2014, section 6.4.1; Gray & Cheriton 1989.
 */

import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";

/** Rounds remembered that are not confirmed; more unanswered ones than this have outlived any lease. */
const maxRounds = 256;

export class Lease {
  readonly #lengthMs: Millis;
  readonly #sent = new Fifo<{ readonly round: number; readonly atMs: Millis }>();
  #untilMs: Millis = -Infinity;

  /** @param maxClockSkew the highest ratio of two clocks' rates, >= 1. */
  constructor(electionTimeoutMs: Millis, maxClockSkew: number) {
    this.#lengthMs = electionTimeoutMs / maxClockSkew;
  }

  holdsAt(nowMs: Millis): boolean {
    return nowMs < this.#untilMs;
  }

  /** Messages that carry `round`, which is higher than any before, leave at `atMs` at the earliest. */
  sent(round: number, atMs: Millis): void {
    this.#sent.push({ round, atMs });
    if (this.#sent.length > maxRounds) this.#sent.shift();
  }

  /** A quorum answered messages of `round`. */
  confirmed(round: number): void {
    for (let oldest = this.#sent.peek(); oldest !== undefined; oldest = this.#sent.peek()) {
      if (oldest.round > round) return;
      this.#untilMs = oldest.atMs + this.#lengthMs;
      this.#sent.shift();
    }
  }

  /** Somebody else may be elected from now on: no message sent so far can extend the lease. */
  giveUp(): void {
    this.#untilMs = -Infinity;
    this.#sent.clear();
  }
}
