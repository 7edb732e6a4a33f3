/** Probes of the load itself: what a batch or an operation took, and what became of what was submitted. */

import type { Millis } from "../../implementations/foundation/units.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import type { BlockRecord } from "../run-block.ts";
import type { OperationRecord } from "../workload/load-generator.ts";
import { nearestRank, sorted } from "./order.ts";
import type { Measurement, Probe } from "./probes.ts";

/**
 * Of a batch loop: from the submission of a batch, all operations at once, to the last acknowledgement; and operations
 * per second while batches ran. A batch in which one operation failed took no time that could be compared.
 */
export const batchTimes: Probe = ({ operations, plan }) => {
  const batches = batchesOf(operations.filter(({ startMs }) => startMs >= plan.warmUpMs)).filter(
    (batch) => batch.length === plan.load.clients && batch.every(({ outcome }) => outcome === "ok"),
  );
  if (batches.length === 0) return [];
  const times = batches.map((batch) => lastEnd(batch) - firstStart(batch));
  const totalMs = times.reduce((sum, each) => sum + each, 0);
  return [
    ...percentiles("batch", times),
    {
      metric: "batch-entries-per-s",
      value: (batches.length * plan.load.clients * 1000) / totalMs,
      unit: "entries/s",
    },
  ];
};

/** Time of single operations that succeeded, from their actual start. */
export const operationTimes: Probe = ({ operations, plan }) => {
  const done = operations.filter(({ startMs, outcome }) => startMs >= plan.warmUpMs && outcome === "ok");
  return done.length === 0
    ? []
    : percentiles(
        "operation",
        done.map(({ startMs, endMs }) => endMs - startMs),
      );
};

/** Successful operations per second after the warm-up, while load was offered. */
export const sustainedThroughput: Probe = ({ operations, plan }) => [
  {
    metric: "throughput-per-s",
    value: rateWithin(operations, plan.warmUpMs, plan.durationMs),
    unit: "ops/s",
  },
];

/**
 * What became of what was submitted: acknowledged, refused for certain (it did not happen and the client was told), or
 * lost after admission (nobody can say). The commit rate leaves refusals out: an entry that was never admitted was not
 * submitted to the log. They stand beside it, and so do arrivals that the generator had no room for.
 */
export const commitRate: Probe = ({ operations, dropped }) => {
  const count = (wanted: OperationRecord["outcome"]): number =>
    operations.filter(({ outcome }) => outcome === wanted).length;
  const [acknowledged, refused, lost] = [count("ok"), count("fail"), count("info")];
  if (acknowledged + lost === 0) return [];
  return [
    { metric: "commit-rate", value: acknowledged / (acknowledged + lost), unit: "ratio" },
    { metric: "refused-definitely", value: refused, unit: "count" },
    { metric: "lost-after-admission", value: lost, unit: "count" },
    { metric: "arrivals-dropped", value: dropped, unit: "count" },
  ];
};

/** Beside the added latency itself: what was under way when it changed has to drain first. */
const drainMs = 100;

/**
 * Of a schedule of delays one after the other: commits per second under each, and their ratio to the time between the
 * warm-up and the first of them. Named by what a round trip has to travel longer: twice the one-way delay.
 */
export const commitsUnderDelay: Probe = ({ operations, faults, plan }) => {
  const delays = faults.filter(({ spec }) => spec.kind === "delay");
  const [first] = delays;
  if (first === undefined) return [];
  const normal = rateWithin(operations, plan.warmUpMs, first.startMs);
  return [
    { metric: "commits-per-s@+0-ms", value: normal, unit: "ops/s" },
    ...delays.flatMap((fault): Measurement[] => {
      const addedMs = roundTripOf(fault);
      const perS = rateWithin(operations, fault.startMs + addedMs + drainMs, fault.endMs ?? plan.durationMs);
      return [
        { metric: `commits-per-s@+${addedMs}-ms`, value: perS, unit: "ops/s" },
        { metric: `commits-ratio@+${addedMs}-ms`, value: perS / normal, unit: "ratio" },
      ];
    }),
  ];
};

function roundTripOf({ spec }: StruckFault): Millis {
  return 2 * (spec.parameters?.["meanMs"] ?? 0);
}

/** Operations that succeeded in [fromMs, toMs), per second. */
function rateWithin(operations: BlockRecord["operations"], fromMs: Millis, toMs: Millis): number {
  const done = operations.filter(({ outcome, endMs }) => outcome === "ok" && endMs >= fromMs && endMs < toMs);
  return (done.length * 1000) / (toMs - fromMs);
}

/** Operations grouped into batches: one begins when everything before it has ended. */
function batchesOf(operations: readonly OperationRecord[]): readonly (readonly OperationRecord[])[] {
  const batches: OperationRecord[][] = [];
  let endMs = -Infinity;
  for (const operation of operations.toSorted((a, b) => a.startMs - b.startMs)) {
    const batch = operation.startMs >= endMs ? undefined : batches.at(-1);
    if (batch === undefined) batches.push([operation]);
    else batch.push(operation);
    endMs = Math.max(endMs, operation.endMs);
  }
  return batches;
}

function firstStart(batch: readonly OperationRecord[]): Millis {
  return Math.min(...batch.map(({ startMs }) => startMs));
}

function lastEnd(batch: readonly OperationRecord[]): Millis {
  return Math.max(...batch.map(({ endMs }) => endMs));
}

function percentiles(what: string, timesMs: readonly Millis[]): readonly Measurement[] {
  const ordered = sorted(timesMs);
  return [
    { metric: `${what}-p50-ms`, value: nearestRank(ordered, 0.5), unit: "ms" },
    { metric: `${what}-p99-ms`, value: nearestRank(ordered, 0.99), unit: "ms" },
    { metric: `${what}-count`, value: timesMs.length, unit: "count" },
  ];
}
