/**
 * A node process's end of the control channel: receives the driver's messages, gathers trace events into batches, and
 * ends the process when the driver is gone.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { ModuleTypes } from "../module-kit.ts";
import type { DriverMessage, ProcessMessage, TraceRecord } from "./control.ts";

/** A batch of trace events is sent when it is this old or this long; urgent ones go at once. */
const batchMs = 20;
const batchEvents = 512;

export class ChildChannel<Types extends ModuleTypes> {
  readonly #isUrgent: (event: Types["event"]) => boolean;
  #batch: TraceRecord<Types["event"]>[] = [];
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param isUrgent tells trace events that must not wait for others.
   * @param onMessage gets every message of the driver. A driver that is gone ends this process.
   */
  constructor(isUrgent: (event: Types["event"]) => boolean, onMessage: (message: DriverMessage) => void) {
    this.#isUrgent = isUrgent;
    process.on("message", (message) => onMessage(message as DriverMessage));
    process.on("disconnect", () => process.exit(0));
    // A person's Ctrl-C reaches the whole foreground group; the driver decides when its processes end.
    process.on("SIGINT", () => undefined);
  }

  send(message: ProcessMessage<Types>, sent?: () => void): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
  }

  trace(node: NodeId, event: Types["event"]): void {
    this.#batch.push([node, performance.timeOrigin + performance.now(), event]);
    if (this.#isUrgent(event) || this.#batch.length >= batchEvents) return this.flush();
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
  exitAfter(message: ProcessMessage<Types> | undefined, code: number): void {
    this.flush();
    this.send(message ?? { kind: "trace", events: [] }, () => process.exit(code));
    if (!process.connected) process.exit(code);
  }
}
