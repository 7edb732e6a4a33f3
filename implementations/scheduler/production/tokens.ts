/**
 * Fencing tokens: every attempt of a home's tasks gets a higher one than all before, in this life and in earlier ones.
 *
 * They are given out from blocks, and a block is used only once the journal says so: what a crash forgets are tokens
 * that nobody was given. A life begins at `life` * 2^22 or at the end of the last block, so a token tells its life as
 * long as none needed more than one.
 *
 * @see Kleppmann 2016, "How to do distributed locking".
 */

const block = 2 ** 22;

export class Tokens {
  #next: number;
  #below: number;
  #reservedBelow: number;
  readonly #reserve: (below: number, durable: () => void) => void;

  /**
   * @param usedBelow tokens below this one may have been given out by earlier lives.
   * @param reserve writes down that tokens up to `below` may be given out.
   */
  constructor(life: number, usedBelow: number, reserve: (below: number, durable: () => void) => void) {
    this.#next = Math.max(life * block, usedBelow);
    this.#below = this.#next + block;
    this.#reservedBelow = this.#below;
    this.#reserve = reserve;
  }

  /** What the journal has to say when it is written anew; before the first token is given out, too. */
  get reservedBelow(): number {
    return this.#reservedBelow;
  }

  /** @returns undefined while the next block is not durable. */
  take(): number | undefined {
    if (this.#next + block / 2 >= this.#reservedBelow) {
      const below = this.#reservedBelow + block;
      this.#reservedBelow = below;
      this.#reserve(below, () => {
        this.#below = Math.max(this.#below, below);
      });
    }
    return this.#next < this.#below ? this.#next++ : undefined;
  }
}
