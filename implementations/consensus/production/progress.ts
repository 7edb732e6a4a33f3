/**
 * One follower as its leader sees it.
 *
 * - probe: where the logs agree is a guess. One AppendEntries at a time tests it; each refusal corrects the guess.
 * - replicate: they agree up to `nextIndex - 1`, as far as was sent. Messages follow each other without waiting, up to
 *   a window; `nextIndex` runs ahead of what is acknowledged. A refusal means that something was lost: back to probe.
 * - snapshot: the follower needs entries that are compacted; chunks go one at a time.
 *
 * The window holds the last index of each message under way, not a count: one acknowledgement stands for every message
 * before it, so a lost reply frees its place with the next one, and the window cannot leak shut.
 *
 * It sends nothing; `leadership.ts` decides what to send and tells what was sent and answered.
 *
 * @see Ongaro & Ousterhout 2014, section 5.3 (nextIndex, matchIndex); Ongaro 2014, section 10.2.1 (pipelining).
 */

import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import type { Snapshot } from "./messages.ts";

/** A snapshot on its way to a follower. */
export interface Transfer {
  readonly snapshot: Snapshot;
  /** Where the chunk under way begins. */
  offsetBytes: number;
  sentAtMs: Millis;
}

export class Progress {
  /** Everything up to here is durable at the follower; never falls. */
  matchIndex = 0;
  /** The next index to send; > matchIndex. */
  nextIndex: number;
  /** When the follower was last heard from in this term. */
  heardAtMs: Millis;
  /** The newest ReadIndex round it answered. */
  echoedRound = 0;
  #state: "probe" | "replicate" | "snapshot" = "probe";
  #isProbing = false;
  readonly #window = new Fifo<number>();
  #transfer: Transfer | undefined;

  constructor(nextIndex: number, nowMs: Millis) {
    this.nextIndex = nextIndex;
    this.heardAtMs = nowMs;
  }

  get state(): "probe" | "replicate" | "snapshot" {
    return this.#state;
  }

  /** The transfer under way; defined in state "snapshot" only. */
  get transfer(): Transfer | undefined {
    return this.#transfer;
  }

  /** Messages under way in state "replicate". */
  get inFlight(): number {
    return this.#window.length;
  }

  /** Whether another AppendEntries with entries may leave now. */
  maySend(maxInFlight: number): boolean {
    if (this.#state === "replicate") return this.#window.length < maxInFlight;
    return this.#state === "probe" && !this.#isProbing;
  }

  /** Entries from `nextIndex` to `lastIndex` were sent. */
  sent(lastIndex: number): void {
    if (this.#state === "probe") {
      this.#isProbing = true;
      return;
    }
    this.#window.push(lastIndex);
    this.nextIndex = lastIndex + 1;
  }

  /**
   * The follower accepted a message, and its log is durable and equal to ours up to `matchIndex`.
   *
   * @param firstIndex the first index of our log: a transfer ends early when the follower turns out not to need it.
   * @returns whether `matchIndex` is news.
   */
  accepted(matchIndex: number, firstIndex: number): boolean {
    const isNews = matchIndex > this.matchIndex;
    if (isNews) this.matchIndex = matchIndex;
    for (let oldest = this.#window.peek(); oldest !== undefined; oldest = this.#window.peek()) {
      if (oldest > this.matchIndex) break;
      this.#window.shift();
    }
    if (this.#state === "probe" || (this.#state === "snapshot" && this.matchIndex + 1 >= firstIndex)) {
      this.#enter("replicate");
    }
    if (this.nextIndex <= this.matchIndex) this.nextIndex = this.matchIndex + 1;
    return isNews;
  }

  /**
   * The follower refused a message that followed on index `refused`; `hint` is where our logs may still agree, plus
   * one. A late refusal, of a message that was answered or given up since, changes nothing.
   */
  refused(refused: number, hint: number): void {
    if (this.#state === "snapshot" || refused <= this.matchIndex) return;
    if (this.#state === "probe" && refused !== this.nextIndex - 1) return;
    this.#enter("probe");
    this.nextIndex = Math.max(this.matchIndex + 1, Math.min(refused, hint));
  }

  beginTransfer(snapshot: Snapshot, nowMs: Millis): Transfer {
    this.#enter("snapshot");
    this.#transfer = { snapshot, offsetBytes: 0, sentAtMs: nowMs };
    return this.#transfer;
  }

  #enter(state: "probe" | "replicate" | "snapshot"): void {
    this.#state = state;
    this.#isProbing = false;
    this.#window.clear();
    this.#transfer = undefined;
  }
}
