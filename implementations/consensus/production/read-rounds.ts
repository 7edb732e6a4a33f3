/**
 * A leader's linearizable reads, without a log entry and without trusting clocks.
 *
 * A read may be served at the commit index of a moment after its arrival at which the leader certainly was the leader.
 * That is confirmed by a round: messages to all that carry a number, which a majority echoes. One round is under way at
 * a time and reads that arrive meanwhile share the next one, so messages do not grow with reads.
 *
 * @see Ongaro 2014, section 6.4. The caller begins no round before an entry of its own term is committed: until then
 *   its commit index may lie behind what an earlier leader told clients.
 */

import type { ReadAnswer } from "./messages.ts";

export class ReadRounds {
  readonly #maxPending: number;
  #waiting: number[] = [];
  #asked: readonly number[] = [];
  #askedIndex = 0;
  #askedRound = 0;
  #round = 0;

  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** The newest round; what is sent to followers carries it. */
  get round(): number {
    return this.#round;
  }

  /** Whether a round with reads still waits for its majority. */
  get isAsking(): boolean {
    return this.#asked.length > 0;
  }

  /** The round whose confirmation answers the reads that were asked for. */
  get askedRound(): number {
    return this.#askedRound;
  }

  /** Begins a round that answers no read, only shows who hears this leader. @returns its number. */
  advance(): number {
    return ++this.#round;
  }

  /** Queues a read for the next round. @returns false when there are too many already; then it is not queued. */
  add(readId: number): boolean {
    if (this.#waiting.length + this.#asked.length >= this.#maxPending) return false;
    this.#waiting.push(readId);
    return true;
  }

  /**
   * Begins a round for the reads that wait, unless one is under way or none waits.
   *
   * @returns whether it did: its number must now reach the followers.
   */
  begin(commitIndex: number): boolean {
    if (this.isAsking || this.#waiting.length === 0) return false;
    this.#asked = this.#waiting;
    this.#waiting = [];
    this.#askedIndex = commitIndex;
    this.#askedRound = this.advance();
    return true;
  }

  /** A majority echoed the round that was asked. @returns the answers to its reads. */
  confirm(): readonly ReadAnswer[] {
    const answers = this.#asked.map((readId) => ({ readId, index: this.#askedIndex }));
    this.#asked = [];
    return answers;
  }

  /** Gives up. @returns the ids of all reads that were not answered. */
  abandon(): readonly number[] {
    const unanswered = [...this.#asked, ...this.#waiting];
    this.#asked = [];
    this.#waiting = [];
    return unanswered;
  }
}
