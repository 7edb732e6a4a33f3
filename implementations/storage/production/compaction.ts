/**
 * When the engine is asked to reclaim the room of what was overwritten and removed.
 *
 * An engine that appends grows with every write, whatever it holds. Once what was written since the last compaction is
 * several times what is live, and enough to be worth a pass, it is asked for one; it works in slices of its own while
 * the node serves. Engines that compact by themselves take the request as a question whether they are at rest.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { StorageEvent } from "../contract.ts";
import type { Engine } from "../engine.ts";

export interface CompactionPorts {
  readonly clock: Clock;
  readonly engine: Pick<Engine, "compact" | "counters">;
  /** Bytes of all live records. */
  liveBytes(): number;
  trace(event: StorageEvent): void;
}

/** Written bytes per live byte at which a pass is worth its work: it rewrites the live ones. */
const writtenPerLive = 4;

export class Compaction {
  readonly #ports: CompactionPorts;
  readonly #intervalMs: Millis;
  readonly #leastBytes: number;
  #writtenBefore = 0;
  #isUnderWay = false;
  #isEnded = false;
  #timer: Timer | undefined;
  readonly counters = { compactions: 0 };

  /** @param leastBytes written since the last pass before another one is thought of. */
  constructor(ports: CompactionPorts, intervalMs: Millis, leastBytes: number) {
    this.#ports = ports;
    this.#intervalMs = intervalMs;
    this.#leastBytes = leastBytes;
  }

  start(): void {
    this.#timer = this.#ports.clock.after(this.#intervalMs, () => {
      this.#look();
      if (!this.#isEnded) this.start();
    });
  }

  end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
  }

  #look(): void {
    const ports = this.#ports;
    const written = ports.engine.counters["bytes written"] ?? 0;
    const bytes = written - this.#writtenBefore;
    if (this.#isUnderWay || bytes < Math.max(this.#leastBytes, writtenPerLive * ports.liveBytes())) return;
    this.#isUnderWay = true;
    this.#writtenBefore = written;
    ports.trace({ kind: "background", work: "compaction", phase: "begin", records: 0, bytes });
    ports.engine.compact((error) => {
      this.#isUnderWay = false;
      if (this.#isEnded) return;
      // One that failed is tried again when as much has been written again; the engine tells its troubles by itself.
      if (error === undefined) this.counters.compactions++;
      ports.trace({ kind: "background", work: "compaction", phase: "end", records: 0, bytes });
    });
  }
}
