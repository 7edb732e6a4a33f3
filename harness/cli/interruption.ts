/**
 * Ctrl-C and its relatives: the first request ends the run cleanly, a second one ends the process at once.
 *
 * A second request only counts after `graceMs`: the terminal signals the whole process group and npm forwards what it
 * got itself, so that one key press arrives twice, milliseconds apart.
 */

export interface InterruptionOptions {
  nowMs(): number;
  /** Ends the process at once, in the way `reason` would have. */
  force(reason: string): void;
  readonly graceMs?: number;
}

export class Interruption {
  readonly #controller = new AbortController();
  readonly #options: InterruptionOptions;
  #firstMs: number | undefined;

  constructor(options: InterruptionOptions) {
    this.#options = options;
  }

  /** Aborted at the first request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Takes one request: a signal's name, or what else asks to stop. */
  request(reason: string): void {
    const nowMs = this.#options.nowMs();
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs;
      this.#controller.abort();
    } else if (nowMs - this.#firstMs >= (this.#options.graceMs ?? 500)) {
      this.#options.force(reason);
    }
  }
}
