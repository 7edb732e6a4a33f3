/**
 * A node process's end of the control channel: receives the driver's messages, gathers trace events into batches, and
 * ends the process when the driver is gone.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusEvent } from "../../consensus/contract.ts";
import type { DriverMessage, ProcessMessage, TraceRecord } from "./control.ts";

/** A batch of trace events is sent when it is this old or this long; leaders and stops go at once. */
const batchMs = 20;
const batchEvents = 512;

export class ChildChannel {
  #batch: TraceRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param onMessage gets every message of the driver. A driver that is gone ends this process. */
  constructor(onMessage: (message: DriverMessage) => void) {
    process.on("message", (message) => onMessage(message as DriverMessage));
    process.on("disconnect", () => process.exit(0));
    // A person's Ctrl-C reaches the whole foreground group; the driver decides when its processes end.
    process.on("SIGINT", () => undefined);
  }

  send(message: ProcessMessage, sent?: () => void): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
  }

  trace(node: NodeId, event: ConsensusEvent): void {
    this.#batch.push([node, performance.timeOrigin + performance.now(), event]);
    const urgent = event.kind === "role" || event.kind === "start" || event.kind === "stop";
    if (urgent || this.#batch.length >= batchEvents) return this.flush();
    this.#timer ??= setTimeout(() => this.flush(), batchMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch.length === 0) return;
    const events = this.#batch;
    this.#batch = [];
    this.send({ kind: "trace", events });
  }

  /** Sends `message` if there is one, waits until everything left, and ends the process. */
  exitAfter(message: ProcessMessage | undefined, code: number): void {
    this.flush();
    this.send(message ?? { kind: "trace", events: [] }, () => process.exit(code));
    if (!process.connected) process.exit(code);
  }
}
