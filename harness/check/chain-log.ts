/**
 * A log as the invariant checkers keep it: per index the digest of its entry, and a chained hash of everything up to
 * it. Two logs agree up to an index exactly if their chains there are equal, so a comparison of prefixes of a million
 * entries is one comparison of numbers (up to a collision of 53-bit hashes, which could only hide a violation, never
 * make one up).
 */

import { assert } from "../../implementations/foundation/assert.ts";

/** The chain of the empty log. */
export const emptyChain = 0;

/** Returns the chain of a log whose prefix has `chain` and whose next entry is (`term`, `digest`). */
export function extendChain(chain: number, term: number, digest: number): number {
  let low = Math.imul((chain >>> 0) ^ term, 0x85ebca6b) ^ digest;
  low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d);
  let high = Math.imul(((chain / 2 ** 32) | 0) ^ Math.imul(digest, 0x9e3779b1), 0xc2b2ae35) ^ term;
  high = Math.imul(high ^ (high >>> 13) ^ low, 0x297a2d39);
  low ^= high >>> 16;
  return ((high ^ (high >>> 15)) & 0x1fffff) * 2 ** 32 + ((low ^ (low >>> 12)) >>> 0);
}

/** Numbers by index, growing by doubling, with everything before `base` forgotten. */
class Column<Numbers extends Float64Array | Uint32Array> {
  readonly #make: (length: number) => Numbers;
  #values: Numbers;
  #base = 0;

  constructor(make: (length: number) => Numbers) {
    this.#make = make;
    this.#values = make(64);
  }

  get(index: number): number {
    return this.#values[index - this.#base]!;
  }

  set(index: number, value: number): void {
    const position = index - this.#base;
    if (position >= this.#values.length) this.#move(this.#base, position * 2);
    this.#values[position] = value;
  }

  /** Forgets what is before `base`; frees memory once that is most of it. */
  forgetBefore(base: number): void {
    if (base - this.#base > this.#values.length / 2) this.#move(base, this.#values.length / 2);
  }

  reset(base: number): void {
    this.#values = this.#make(64);
    this.#base = base;
  }

  #move(base: number, length: number): void {
    const moved = this.#make(Math.max(64, Math.ceil(length)));
    moved.set(this.#values.subarray(base - this.#base, base - this.#base + moved.length));
    this.#values = moved;
    this.#base = base;
  }
}

/** Numbers by log index from 1, undefined where none was set. */
export class NumbersByIndex {
  /** One more than the number, so that the zeros of a fresh array mean "none". */
  readonly #column = new Column((length) => new Float64Array(length));
  #last = 0;

  get(index: number): number | undefined {
    const stored = index <= this.#last ? this.#column.get(index) : 0;
    return stored === 0 ? undefined : stored - 1;
  }

  /** @param value a whole number from 0. */
  set(index: number, value: number): void {
    this.#column.set(index, value + 1);
    if (index > this.#last) this.#last = index;
  }
}

/** One log: entries from `base` + 1 to `last`. */
export class ChainLog {
  readonly #chains = new Column((length) => new Float64Array(length));
  readonly #digests = new Column((length) => new Uint32Array(length));
  readonly #terms = new Column((length) => new Uint32Array(length));
  #base = 0;
  #last = 0;

  /** What precedes the log is known by its chain only. */
  get base(): number {
    return this.#base;
  }

  get last(): number {
    return this.#last;
  }

  /** The chain up to `index`, in [base, last]. */
  chainAt(index: number): number {
    assert(index >= this.#base && index <= this.#last, `log index ${index} lies in [${this.#base}, ${this.#last}]`);
    return this.#chains.get(index);
  }

  /** The term of the entry at `index`, in [base, last]; of the snapshot at base. */
  termAt(index: number): number {
    return this.#terms.get(index);
  }

  /** The digest of the entry at `index`, in [base + 1, last]. */
  digestAt(index: number): number {
    return this.#digests.get(index);
  }

  /** Adds an entry at the end; returns the chain there. */
  push(term: number, digest: number): number {
    return this.pushChained(term, digest, extendChain(this.#chains.get(this.#last), term, digest));
  }

  /** Adds an entry whose chain is known. */
  pushChained(term: number, digest: number, chain: number): number {
    this.#last++;
    this.#chains.set(this.#last, chain);
    this.#digests.set(this.#last, digest);
    this.#terms.set(this.#last, term);
    return chain;
  }

  /** Drops the entries after `index`, in [base, last]. */
  cutAfter(index: number): void {
    assert(index >= this.#base && index <= this.#last, `log index ${index} lies in [${this.#base}, ${this.#last}]`);
    this.#last = index;
  }

  /** Starts anew after `index`, whose prefix has `chain`. */
  reset(index: number, term: number, chain: number): void {
    this.#chains.reset(index);
    this.#digests.reset(index);
    this.#terms.reset(index);
    this.#chains.set(index, chain);
    this.#terms.set(index, term);
    this.#base = index;
    this.#last = index;
  }

  /** Forgets the entries up to `index`, in [base, last]; their chain stays. */
  compact(index: number): void {
    if (index <= this.#base) return;
    this.#base = index;
    for (const column of [this.#chains, this.#digests, this.#terms]) column.forgetBefore(index);
  }
}
