/**
 * How long a run will still take: the planned estimates of what is left, stretched by how the part already done
 * compared with its own estimates. Until a twentieth is done the plan is believed as it is.
 */

import type { PlannedExperiment, RunEvent } from "../run-events.ts";

export class RemainingTime {
  readonly #planned = new Map<string, PlannedExperiment>();
  readonly #doneFraction = new Map<string, number>();
  #startedMs = 0;

  /** Takes in an event that happened at `nowMs`. */
  follow(event: RunEvent, nowMs: number): void {
    if (event.kind === "planned") {
      this.#startedMs = nowMs;
      for (const experiment of event.experiments) this.#planned.set(experiment.id, experiment);
    } else if (event.kind === "block-progress") {
      this.#advance(event.experiment, event.block + event.fraction);
    } else if (event.kind === "block-finished") {
      this.#advance(event.experiment, event.block + 1);
    } else if (event.kind === "experiment-finished") {
      this.#doneFraction.set(event.id, 1);
    }
  }

  /** Seconds that are left at `nowMs`; undefined when nothing was planned. */
  leftS(nowMs: number): number | undefined {
    let plannedS = 0;
    let doneS = 0;
    for (const { id, estimateS } of this.#planned.values()) {
      plannedS += estimateS;
      doneS += estimateS * (this.#doneFraction.get(id) ?? 0);
    }
    if (plannedS === 0) return undefined;
    const stretch = doneS >= plannedS / 20 ? (nowMs - this.#startedMs) / 1000 / doneS : 1;
    return (plannedS - doneS) * stretch;
  }

  #advance(id: string, blocks: number): void {
    const planned = this.#planned.get(id);
    if (planned === undefined || planned.blocks === 0) return;
    const fraction = Math.min(1, blocks / planned.blocks);
    this.#doneFraction.set(id, Math.max(fraction, this.#doneFraction.get(id) ?? 0));
  }
}
