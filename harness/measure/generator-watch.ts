/**
 * Watches the load generator while it works, so that it can be judged before anything it measured is believed.
 *
 * Only where time is real: in the simulator the generator cannot be late.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { GeneratorReport } from "./generator.ts";
import type { LoadSpec } from "../plan/plan.ts";
import type { OperationRecord } from "../workload/load-generator.ts";

/** Resolution of the event-loop probe. */
const resolutionMs = 5;

export class GeneratorWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#delay.enable();
  }

  /** Ends the watch. @param issued operations issued; those without a record are lost, and that voids the block. */
  stop(
    load: LoadSpec,
    operations: readonly OperationRecord[],
    { issued, dropped }: { readonly issued: number; readonly dropped: number },
  ): GeneratorReport {
    this.#delay.disable();
    const count = (outcome: OperationRecord["outcome"]): number =>
      operations.filter((operation) => operation.outcome === outcome).length;
    return {
      issued: issued + dropped,
      ok: count("ok"),
      fail: count("fail"),
      info: count("info"),
      dropped,
      latenessP99Ms: load.loop === "open" ? latenessP99Ms(operations) : undefined,
      // The probe's own timer period is part of what it reads.
      eventLoopDelayP99Ms: Math.max(0, this.#delay.percentile(99) / 1e6 - resolutionMs),
    };
  }
}

function latenessP99Ms(operations: readonly OperationRecord[]): number | undefined {
  const lateness = new LatencyHistogram();
  for (const { intendedMs, noticedMs } of operations) lateness.record(Math.max(0, noticedMs - intendedMs));
  return lateness.quantileMs(0.99);
}
