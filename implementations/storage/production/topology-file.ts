/**
 * What a node must not forget about topologies, and the order in which it is written.
 *
 * One write is under way at a time, and each is computed from what the one before has made durable: a vote never rests
 * on a promise that may yet be lost. What a write says may be said only when it is told that it is stored.
 */

import { Fifo } from "../../foundation/fifo.ts";
import type { RebalancePort } from "./rebalance-port.ts";
import type { TopologyData } from "./topologies.ts";
import type { ElectorState } from "./topology-agreement.ts";

/** What a node stores under "topology". */
export interface StoredTopology {
  readonly life: string;
  /** The number under which it is, or was last, a member; 0: never. */
  readonly number: number;
  readonly topology: TopologyData | undefined;
  /** Its vote on the successor of `topology`. */
  readonly elector: ElectorState;
  /** The highest ballot it proposed at, for it must not propose two values at one. */
  readonly proposed: number;
}

interface Write {
  readonly change: (stored: StoredTopology) => StoredTopology | undefined;
  readonly onStored: () => void;
  readonly onRefused: () => void;
}

/** More than these are refused; whoever asked asks again. */
const maxWrites = 64;

export class TopologyFile {
  readonly #port: RebalancePort;
  #stored: StoredTopology;
  readonly #writes = new Fifo<Write>();
  #isWriting = false;

  constructor(port: RebalancePort, stored: StoredTopology) {
    this.#port = port;
    this.#stored = stored;
  }

  /** What is durable. */
  get stored(): StoredTopology {
    return this.#stored;
  }

  /**
   * Stores what `change` makes of what is stored then.
   *
   * @param change returns undefined to refuse.
   * @param onStored it is durable.
   * @param onRefused it was refused, could not be stored, or too many wait.
   */
  write(change: Write["change"], onStored: () => void = () => {}, onRefused: () => void = () => {}): void {
    if (this.#writes.length >= maxWrites) return onRefused();
    this.#writes.push({ change, onStored, onRefused });
    this.#pump();
  }

  #pump(): void {
    if (this.#isWriting) return;
    const write = this.#writes.shift();
    if (write === undefined) return;
    this.#isWriting = true;
    const next = write.change(this.#stored);
    if (next === undefined) this.#finish(write, undefined);
    else this.#port.persist("topology", next, (isDone) => this.#finish(write, isDone ? next : undefined));
  }

  #finish({ onStored, onRefused }: Write, next: StoredTopology | undefined): void {
    this.#isWriting = false;
    if (next !== undefined) this.#stored = next;
    if (next !== undefined) onStored();
    else onRefused();
    this.#pump();
  }
}
