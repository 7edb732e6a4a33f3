/**
 * Ballots: the numbers by which attempts to change a key are ordered, `counter * 1024 + member number`.
 *
 * A Lamport number, not a clock: a node counts on from the highest ballot it has seen. 0 is no ballot. That no ballot
 * is ever used for two values of a key rests on two things. A round needs promises, and acceptors promise a ballot
 * once, so two rounds under one number would need quorums that do not meet. Writes at level one ask for no promise;
 * for them the node's counter is reserved ahead on its own disk, and a new life begins above the reservation.
 *
 * @see Lamport 2001, "Paxos made simple", section 2.2; Rystsov 2018, "CASPaxos: replicated state machines without
 *   logs", section 2.2 (ballots of a counter and a proposer's id).
 */

import { memberNumbers } from "./topology.ts";

/** How many counters one durable reservation covers. */
export const reservedCounters = 1_048_576;

export function counterOf(ballot: number): number {
  return Math.floor(ballot / memberNumbers);
}

/** Returns the lowest ballot of member `number` whose counter lies above that of `ballot`. */
export function ballotAbove(ballot: number, number: number): number {
  return (counterOf(ballot) + 1) * memberNumbers + number;
}

/** Hands out a node's ballots. It decides; its host makes reservations durable. */
export class BallotCounter {
  /** The highest counter seen or used. */
  #counter = 0;
  #reserved = 0;
  #asked = 0;

  /** A new life counts on from what earlier ones had reserved; before that nothing may be taken. */
  restore(reserved: number): void {
    this.#counter = reserved;
    this.#reserved = reserved;
    this.#asked = reserved;
  }

  /** Counts on from `ballot`, which somebody used. */
  observe(ballot: number): void {
    const counter = counterOf(ballot);
    if (counter > this.#counter) this.#counter = counter;
  }

  /** Returns a new ballot of member `number`; 0 while the next counter is not reserved. */
  take(number: number): number {
    if (this.#counter >= this.#reserved) return 0;
    return ++this.#counter * memberNumbers + number;
  }

  /** Returns the ballot that follows `ballot` in a promise ahead; 0 if its counter is not reserved. */
  after(ballot: number, number: number): number {
    const next = ballotAbove(ballot, number);
    return counterOf(next) <= this.#reserved ? next : 0;
  }

  /** Returns the counter to reserve now, undefined if there are enough; asks once per reservation. */
  wanted(): number | undefined {
    if (this.#counter + reservedCounters / 2 < this.#asked) return undefined;
    this.#asked = this.#counter + reservedCounters;
    return this.#asked;
  }

  /** Every counter up to `counter` is durably reserved. */
  reserved(counter: number): void {
    if (counter > this.#reserved) this.#reserved = counter;
  }
}
