/**
 * What is durable on this node: how far its log, and whether its term and vote.
 *
 * Persist batches are numbered and become durable in order. A batch that was cut before it became durable (a later one
 * overwrites its entries) confirms only what is still part of the log: otherwise an entry that is on the disk, gone
 * from the log, and about to be overwritten would be acknowledged. Comparing terms instead would not do: the same entry
 * can leave the log and come back while both writes are under way.
 *
 * @see Ongaro 2014, section 10.2.1: a leader counts itself only once its own write is done.
 */

import { assert } from "../../foundation/assert.ts";
import { Fifo } from "../../foundation/fifo.ts";

interface UnderWay {
  readonly sequence: number;
  /** The log is durable up to here once this batch is; 0: it says nothing about the log. */
  lastIndex: number;
}

export class Durability {
  #sequence = 0;
  #persistedSequence = 0;
  #hardStateSequence = 0;
  #stableIndex: number;
  readonly #underWay = new Fifo<UnderWay>();

  /** @param stableIndex the last index that was recovered. */
  constructor(stableIndex: number) {
    this.#stableIndex = stableIndex;
  }

  /** The log is durable up to this index. */
  get stableIndex(): number {
    return this.#stableIndex;
  }

  /** Whether the newest term and vote handed out are durable. */
  get isHardStateDurable(): boolean {
    return this.#hardStateSequence <= this.#persistedSequence;
  }

  /** Numbers the next batch; `lastIndex` is that of its entries or snapshot, 0 without. */
  issue(lastIndex: number, hasHardState: boolean): number {
    const sequence = ++this.#sequence;
    if (hasHardState) this.#hardStateSequence = sequence;
    this.#underWay.push({ sequence, lastIndex });
    return sequence;
  }

  /** Every batch up to `sequence` is durable. */
  confirm(sequence: number): void {
    assert(sequence <= this.#sequence, `batch ${sequence} was issued, the last one is ${this.#sequence}`);
    this.#persistedSequence = Math.max(this.#persistedSequence, sequence);
    for (let oldest = this.#underWay.peek(); oldest !== undefined; oldest = this.#underWay.peek()) {
      if (oldest.sequence > sequence) return;
      this.#stableIndex = Math.max(this.#stableIndex, oldest.lastIndex);
      this.#underWay.shift();
    }
  }

  /** The log was cut after `index`: nothing that is or was written so far counts beyond it. */
  cutAfter(index: number): void {
    this.#stableIndex = Math.min(this.#stableIndex, index);
    for (const batch of this.#underWay) batch.lastIndex = Math.min(batch.lastIndex, index);
  }
}
