/**
 * The owner's nodes: given out for tasks that are offered, and kept after use until nobody can look at them any more.
 *
 * What was used last is given out first, so that few queued tasks take few cache lines.
 */

import { Fifo } from "../../foundation/fifo.ts";
import type { SkipLists } from "./skip-list.ts";

/** How many used nodes are asked for when there are others, and when there are none. */
const hastyTries = 2;
const patientTries = 64;

export class NodePool {
  readonly #lists: SkipLists;
  readonly #ready: number[] = [];
  readonly #used = new Fifo<number>();

  constructor(lists: SkipLists, nodes: Iterable<number>) {
    this.#lists = lists;
    // One by one: there may be more than a call may have arguments.
    for (const node of nodes) this.#ready.push(node);
  }

  /** Returns a node that may be inserted; -1 when there is none now. */
  take(): number {
    const tries = Math.min(this.#used.length, this.#ready.length > 0 ? hastyTries : patientTries);
    for (let attempt = 0; attempt < tries; attempt++) {
      const node = this.#used.shift()!;
      if (this.#lists.isReclaimable(node)) return node;
      this.#used.push(node);
    }
    return this.#ready.pop() ?? -1;
  }

  /** Takes back a node that was in a list and was removed. */
  retire(node: number): void {
    this.#used.push(node);
  }

  *[Symbol.iterator](): IterableIterator<number> {
    yield* this.#ready;
    yield* this.#used;
  }
}
