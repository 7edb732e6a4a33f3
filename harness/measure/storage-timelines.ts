/** Stores over time: what writes took in each window of the load, and when nodes worked in the background. */

import type { Millis } from "../../implementations/foundation/units.ts";
import { nearestRank, sorted } from "./order.ts";
import type { Moment, TimelineProbe } from "./timeline-probes.ts";

/**
 * p50 and p99 of the writes that succeeded, from their actual start, by the window of `windowMs` in which they started;
 * at the window's middle. The warm-up is part of it: what a reader sees began when the load did.
 *
 * A window in which none started has no moment: there is no latency to tell, and zero would be a lie.
 */
export function latencyOverTime(windowMs: Millis): TimelineProbe {
  return ({ operations }) => {
    const writes = operations.filter(({ f, outcome }) => f !== "read" && outcome === "ok");
    const windows = Map.groupBy(writes, ({ startMs }) => Math.floor(startMs / windowMs));
    return [...windows]
      .sort(([a], [b]) => a - b)
      .flatMap(([index, started]): Moment[] => {
        const times = sorted(started.map(({ startMs, endMs }) => endMs - startMs));
        const moment = { node: "all", ms: (index + 0.5) * windowMs, unit: "ms" };
        return [
          { ...moment, metric: "write-p50-ms", value: nearestRank(times, 0.5) },
          { ...moment, metric: "write-p99-ms", value: nearestRank(times, 0.99) },
        ];
      });
  };
}

/** Whether a node works in the background, whenever that changes: 1 when it begins, 0 when it ends. */
export const backgroundOverTime: TimelineProbe = ({ trace }) =>
  trace.flatMap(({ ms, node, event }) =>
    event.kind === "background"
      ? [{ node, ms, metric: `background-${event.work}`, value: event.phase === "begin" ? 1 : 0, unit: "under-way" }]
      : [],
  );
