/** Bounds of a search, asked inside it: states, bytes, and whoever wants it to stop. */

export interface BudgetLimits {
  /** Configurations visited, over all partitions. */
  readonly maxStates: number;
  /** Estimated memory of the configurations remembered at one time. */
  readonly maxBytes: number;
  /** Polled every thousand states; true ends the search with `unknown`. */
  readonly shouldStop: () => boolean;
}

export const defaultBudget: BudgetLimits = {
  maxStates: 5_000_000,
  maxBytes: 512 * 1024 * 1024,
  shouldStop: () => false,
};

const pollEvery = 1024;

export class Budget {
  readonly #limits: BudgetLimits;
  #states = 0;
  #bytes = 0;
  #exhausted: string | undefined;

  constructor(limits: Partial<BudgetLimits> = {}) {
    this.#limits = { ...defaultBudget, ...limits };
  }

  /** States visited so far. */
  get states(): number {
    return this.#states;
  }

  /** Why the search had to end, once it had to. */
  get exhausted(): string | undefined {
    return this.#exhausted;
  }

  /** Accounts for one more state that takes `bytes`; false: no more. */
  spend(bytes: number): boolean {
    if (this.#exhausted !== undefined) return false;
    this.#states++;
    this.#bytes += bytes;
    const { maxStates, maxBytes, shouldStop } = this.#limits;
    if (this.#states > maxStates) this.#exhausted = `more than ${maxStates} states`;
    else if (this.#bytes > maxBytes) this.#exhausted = `more than ${Math.round(maxBytes / 2 ** 20)} MiB of states`;
    else if (this.#states % pollEvery === 0 && shouldStop()) this.#exhausted = "told to stop";
    return this.#exhausted === undefined;
  }

  /** Asks at a place where no state is visited; false: no more. */
  proceed(): boolean {
    if (this.#exhausted === undefined && this.#limits.shouldStop()) this.#exhausted = "told to stop";
    return this.#exhausted === undefined;
  }

  /** A partition is done and its memory free. */
  release(): void {
    this.#bytes = 0;
  }

  /**
   * A part of this budget for one attempt, which may give up after `maxStates` although there are more left.
   * `settle` takes what it spent into account.
   */
  slice(maxStates: number): Budget {
    return new Budget({ ...this.#limits, maxStates: Math.min(maxStates, this.#limits.maxStates - this.#states) });
  }

  /** Returns whether a longer attempt can be made: only the slice's states ran out. */
  settle(slice: Budget): boolean {
    this.#states += slice.#states;
    if (this.#states >= this.#limits.maxStates) this.#exhausted = `more than ${this.#limits.maxStates} states`;
    return slice.#states > slice.#limits.maxStates && this.#exhausted === undefined;
  }

  /** A budget for a side question, with at most `maxStates` states, that is told to stop when this one is. */
  aside(maxStates: number): Budget {
    return new Budget({ ...this.#limits, maxStates });
  }
}
