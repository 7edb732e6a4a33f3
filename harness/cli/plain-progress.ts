/**
 * A run's events as plain lines, for logs, pipes and `--json`. No times of day, so that two logs of one run can be
 * compared; progress within a block is left out, since a line cannot be taken back, but for a line now and then in long
 * ones.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";
import type { RunEvent } from "../run-events.ts";
import { formatDurationS } from "./quantities.ts";
import { RemainingTime } from "./remaining-time.ts";

/** After so long without a line, progress within a block gets one. */
const quietMs = 30_000;

export class PlainProgress {
  readonly #write: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #remaining = new RemainingTime();
  readonly #blocks = new Map<string, number>();
  #experiments = 0;
  #started = 0;
  #lastLineMs: number;
  #finished = 0;

  constructor(write: (line: string) => void, nowMs: () => number) {
    this.#write = (line) => {
      this.#lastLineMs = nowMs();
      write(line);
    };
    this.#nowMs = nowMs;
    this.#lastLineMs = nowMs();
  }

  show(event: RunEvent): void {
    this.#remaining.follow(event, this.#nowMs());
    switch (event.kind) {
      case "planned": {
        this.#experiments = event.experiments.length;
        const left = this.#left();
        const count = `${this.#experiments} experiment${this.#experiments === 1 ? "" : "s"}`;
        this.#write(`${count} planned${left}${event.directory === undefined ? "" : `; writing to ${event.directory}`}`);
        return;
      }
      case "experiment-started":
        this.#started++;
        this.#blocks.set(event.id, event.blocks);
        this.#write(`[${this.#started}/${this.#experiments}] ${event.id}: ${event.title}`);
        return;
      case "block-started":
        this.#blocks.set(event.experiment, event.blocks);
        this.#write(`  block ${event.block + 1} of ${event.blocks}: ${event.label}`);
        return;
      case "block-progress": {
        // A log wants no animation, but a block of ten minutes should not look like one that hangs.
        if (this.#nowMs() - this.#lastLineMs < quietMs) return;
        const percent = Math.floor(event.fraction * 100);
        this.#write(
          `  block ${event.block + 1}: ${percent} %${event.text === "" ? "" : `, ${event.text}`}${this.#left()}`,
        );
        return;
      }
      case "block-finished": {
        const blocks = this.#blocks.get(event.experiment);
        const place = `block ${event.block + 1}${blocks === undefined ? "" : ` of ${blocks}`}`;
        this.#write(`  ${place}: ${event.validity}, ${event.summary} (${formatDurationS(event.durationS)})`);
        return;
      }
      case "experiment-finished":
        this.#finished++;
        this.#write(
          `[${this.#finished}/${this.#experiments}] ${event.id}: ${event.validity}, ${event.summary}${this.#left()}`,
        );
        return;
      case "note":
        this.#write(event.level === "warning" ? `warning: ${event.text}` : event.text);
        return;
      case "written":
        this.#write(`wrote ${event.path}`);
        return;
      default:
        unreachable(event);
    }
  }

  announce(text: string): void {
    this.#write(text);
  }

  /** Nothing is held back. */
  async close(): Promise<void> {}

  #left(): string {
    const leftS = this.#remaining.leftS(this.#nowMs());
    return leftS === undefined || leftS < 1 ? "" : `, about ${formatDurationS(leftS)} left`;
  }
}
