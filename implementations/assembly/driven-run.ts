/**
 * The driver's `run` over real processes: time passes by itself, and what breaks the deployment meanwhile ends the run.
 */

import { HarnessError } from "../foundation/errors.ts";
import type { NodeFailure } from "../foundation/errors.ts";
import type { Millis } from "../foundation/units.ts";
import { nodeClock } from "../platform/node/clock.ts";

export class DrivenRun {
  #broken: HarnessError | NodeFailure | undefined;
  #onBroken: ((error: HarnessError | NodeFailure) => void) | undefined;

  /** As `Deployment.run` has it. @throws the first error that broke the deployment, now and ever after. */
  async run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    if (this.#broken !== undefined) throw this.#broken;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const limit = nodeClock.after(limitMs, () => resolve(false));
    this.#onBroken = reject;
    try {
      work(() => resolve(true));
      return await promise;
    } finally {
      limit.cancel();
      this.#onBroken = undefined;
    }
  }

  /** The deployment is broken from now on; the first error counts. */
  break(error: HarnessError | NodeFailure): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#onBroken?.(error);
  }

  /** Somebody else ended a process of the deployment, so nothing can be concluded from it. */
  breakFromOutside(description: string): void {
    this.break(new HarnessError(`The run is void: a process was ended from outside: ${description}`));
  }
}
