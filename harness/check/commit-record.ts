/**
 * What is known over all nodes: which entries exist, which prefix is committed, by which term, and what was applied.
 */

import { ChainLog, NumbersByIndex } from "./chain-log.ts";

/** Which log prefix every entry (index, term) seen so far stands on. */
export class KnownEntries {
  /** Nearly every index has entries of one term only; the others are in `#more`. */
  readonly #terms = new NumbersByIndex();
  readonly #chains = new NumbersByIndex();
  readonly #more = new Map<string, number>();

  /** Returns whether every entry (index, term) so far had this chain. */
  matches(index: number, term: number, chain: number): boolean {
    const known = this.#terms.get(index);
    if (known === undefined) {
      this.#terms.set(index, term);
      this.#chains.set(index, chain);
      return true;
    }
    if (known === term) return this.#chains.get(index) === chain;
    const key = `${index}/${term}`;
    const other = this.#more.get(key);
    if (other === undefined) this.#more.set(key, chain);
    return other === undefined || other === chain;
  }
}

/** The committed log, and up to where it was committed by the end of each term. */
export class CommitRecord {
  /** Never compacted: a node may restart far behind. */
  readonly log = new ChainLog();
  /** By ascending term; indexes do not fall. */
  readonly #reached: { readonly term: number; index: number }[] = [];

  /** Notes that everything up to `index` was committed in `term` or before. */
  reach(term: number, index: number): void {
    let position = this.#reached.length;
    while (position > 0 && this.#reached[position - 1]!.term >= term) position--;
    if (this.#reached[position]?.term !== term) {
      this.#reached.splice(position, 0, { term, index: this.#reached[position - 1]?.index ?? 0 });
    }
    for (; position < this.#reached.length; position++) {
      const entry = this.#reached[position]!;
      if (entry.index < index) entry.index = index;
    }
  }

  /** The last index known to be committed in a term before `term`; 0: none. */
  reachedBefore(term: number): number {
    return this.#reached.findLast((entry) => entry.term < term)?.index ?? 0;
  }
}
