/** What the driver asks a node process, and its answers. */

import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { DriverMessage } from "./control.ts";

/** How long a process may take to answer; one that is stopped gives none. */
const askLimitMs: Millis = 5000;

interface Asked {
  readonly running: boolean;
  send(message: DriverMessage): void;
}

export class Questions {
  readonly #process: Asked;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #number = 0;

  constructor(process: Asked) {
    this.#process = process;
  }

  /** @returns the answer, or undefined when the process is not there to give one. */
  async ask(what: "states" | "resources" | "efficacy"): Promise<unknown> {
    if (!this.#process.running) return undefined;
    const question = ++this.#number;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(question, resolve);
    this.#process.send({ kind: "ask", what, question });
    const limit = nodeClock.after(askLimitMs, () => resolve(undefined));
    try {
      return await promise;
    } finally {
      limit.cancel();
      this.#waiting.delete(question);
    }
  }

  answered(question: number, value: unknown): void {
    this.#waiting.get(question)?.(value);
  }

  /** The process ended: it answers no more. */
  ended(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
  }
}
