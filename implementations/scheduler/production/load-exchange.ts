/**
 * Who of the nodes has tasks to spare and who asks for some: every node tells the others how much waits there, and an
 * idle one asks whoever told it of more than nothing.
 *
 * Asked too often costs nothing: a home gives away only what its own workers would not take at once.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { Message } from "./messages.ts";
import type { QueuePort } from "./ports.ts";

export interface LoadExchangePorts {
  readonly others: readonly NodeId[];
  readonly isOn: boolean;
  readonly queue: QueuePort;
  readonly idleWorkers: () => number;
  /** Tasks of other homes that wait for a worker here. */
  readonly waitingGuests: () => number;
  readonly life: () => number;
  readonly send: (to: NodeId, message: Message) => void;
}

export class LoadExchange {
  readonly #ports: LoadExchangePorts;
  #toldWaiting = 0;
  #questions = 0;

  constructor(ports: LoadExchangePorts) {
    this.#ports = ports;
  }

  get isOn(): boolean {
    return this.#ports.isOn && this.#ports.others.length > 0;
  }

  /** Tells the others, unless nothing waits and they know. */
  tell(): void {
    const waiting = this.#surplus();
    if (waiting === 0 && this.#toldWaiting === 0) return;
    this.#toldWaiting = waiting;
    for (const other of this.#ports.others) this.#ports.send(other, { kind: "load", waiting });
  }

  onLoad(from: NodeId, waiting: number): void {
    const { queue, idleWorkers, waitingGuests, life, send } = this.#ports;
    const want = Math.min(waiting, idleWorkers() - waitingGuests());
    if (!this.isOn || want <= 0 || queue.waiting() > waitingGuests()) return;
    send(from, { kind: "steal", life: life(), number: ++this.#questions, want });
  }

  /** Whether a waiting task may go to another node: no worker here is about to take it, and it is this home's own. */
  hasToSpare(): boolean {
    return this.isOn && this.#surplus() > 0 && this.#ports.waitingGuests() === 0;
  }

  #surplus(): number {
    return Math.max(0, this.#ports.queue.waiting() - this.#ports.idleWorkers());
  }
}
