/**
 * Probes of stores: what was lost, how often a key is kept, what is left of deleted keys, what background work cost.
 */

import { mergeStates } from "../../implementations/storage/contract.ts";
import type { StorageState } from "../../implementations/storage/contract.ts";
import type { Millis } from "../../implementations/foundation/units.ts";
import type { BlockRecord } from "../run-block.ts";
import { damagedValue } from "../workload/workload.ts";
import { nearestRank, sorted } from "./order.ts";
import type { Measurement, Probe } from "./probes.ts";

function statesOf({ states }: BlockRecord): readonly StorageState[] {
  return [...states.values()].flatMap((state) =>
    state.kind === "state" && "entries" in state.state ? [state.state] : [],
  );
}

/** On how many nodes a live key is: the fewest and the most over all keys. */
export const copiesOfKeys: Probe = (block) => {
  const states = statesOf(block);
  const copies = new Map<string, number>();
  for (const { entries } of states) {
    for (const [key, value] of entries) if (value !== null) copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  const live = mergeStates(states).entries.map(([key]) => copies.get(key) ?? 0);
  if (live.length === 0) return [];
  return [
    { metric: "copies-least", value: Math.min(...live), unit: "copies" },
    { metric: "copies-most", value: Math.max(...live), unit: "copies" },
  ];
};

/** Deleted keys that some node still remembers when all is over. */
export const tombstonesLeft: Probe = (block) => {
  const deleted = new Set(
    statesOf(block).flatMap(({ entries }) => entries.flatMap(([key, value]) => (value === null ? [key] : []))),
  );
  return [{ metric: "tombstones-left", value: deleted.size, unit: "keys" }];
};

/** Values that came back and that nobody had written, and files that a node refused. */
export const damagedRecords: Probe = ({ history, trace }) => {
  const served = history.events.filter(({ type, value }) => type === "ok" && value === damagedValue).length;
  const refused = trace.filter(({ event }) => event.kind === "damage").length;
  return [
    { metric: "damaged-values-served", value: served, unit: "count" },
    { metric: "damaged-files-refused", value: refused, unit: "count" },
  ];
};

/** A stretch of time in which nodes worked in the background, from the first one's beginning to the last one's end. */
interface Window {
  readonly fromMs: Millis;
  readonly toMs: Millis;
}

/** When nodes worked at `work` while load was offered, as one stretch; undefined when none did. */
export function backgroundWindow({ trace, plan }: BlockRecord, work: string): Window | undefined {
  const { durationMs } = plan;
  const phases = trace.flatMap(({ ms, event }) =>
    event.kind === "background" && event.work === work && ms < durationMs ? [{ ms, event }] : [],
  );
  const begins = phases.filter(({ event }) => event.phase === "begin").map(({ ms }) => ms);
  const ends = phases.filter(({ event }) => event.phase === "end").map(({ ms }) => ms);
  if (begins.length === 0) return undefined;
  return { fromMs: Math.min(...begins), toMs: ends.length < begins.length ? durationMs : Math.max(...ends) };
}

/**
 * p99 of writes before and during the stretch of `work`, their quotient, and what was moved in it. Where a fault made
 * the nodes work, the stretch begins with it: a newcomer's start and the agreement on it are part of what writers
 * notice.
 */
export function latencyAround(work: string): Probe {
  return (block) => {
    const window = backgroundWindow(block, work);
    if (window === undefined) return [];
    const p99Within = (fromMs: Millis, toMs: Millis): number | undefined => {
      const times = block.operations
        .filter(({ f, outcome, startMs }) => f !== "read" && outcome === "ok" && startMs >= fromMs && startMs < toMs)
        .map(({ startMs, endMs }) => endMs - startMs);
      return times.length < 100 ? undefined : nearestRank(sorted(times), 0.99);
    };
    const causes = block.faults.map(({ startMs }) => startMs).filter((startMs) => startMs <= window.fromMs);
    const fromMs = causes.length === 0 ? window.fromMs : Math.max(...causes);
    const before = p99Within(block.plan.warmUpMs, fromMs);
    const during = p99Within(fromMs, window.toMs);
    const moved = movedBy(block, work);
    if (before === undefined || during === undefined) return moved;
    return [
      ...moved,
      { metric: `p99-before-${work}-ms`, value: before, unit: "ms" },
      { metric: `p99-during-${work}-ms`, value: during, unit: "ms" },
      { metric: `p99-${work}-ratio`, value: during / before, unit: "ratio" },
      { metric: `${work}-ms`, value: window.toMs - window.fromMs, unit: "ms" },
    ];
  };
}

function movedBy({ trace }: BlockRecord, work: string): readonly Measurement[] {
  let records = 0;
  let bytes = 0;
  for (const { event } of trace) {
    if (event.kind !== "background" || event.work !== work || event.phase !== "end") continue;
    records += event.records;
    bytes += event.bytes;
  }
  return [
    { metric: `${work}-records`, value: records, unit: "records" },
    { metric: `${work}-bytes`, value: bytes, unit: "bytes" },
  ];
}

/** Bytes the nodes' devices were given per byte of an acknowledged value. */
export const writeAmplification: Probe = ({ resources, history, plan }) => {
  const acknowledged = history.events.filter(({ type, f }) => type === "ok" && (f === "write" || f === "cas")).length;
  const written = resources.reduce((sum, { counters }) => sum + (counters["device bytes written"] ?? 0), 0);
  if (acknowledged === 0 || written === 0 || !("valueBytes" in plan.workload)) return [];
  const ratio = written / (acknowledged * plan.workload.valueBytes);
  return [{ metric: "bytes-written-per-byte", value: ratio, unit: "ratio" }];
};

/** Mean of the time an operation took, from its actual start. */
export const meanOperationTime: Probe = ({ operations, plan }) => {
  const done = operations.filter(({ startMs, outcome }) => startMs >= plan.warmUpMs && outcome === "ok");
  if (done.length === 0) return [];
  const total = done.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  return [{ metric: "operation-mean-ms", value: total / done.length, unit: "ms" }];
};

/** How many replicas' acknowledgements an operation waited for, on average over the coordinators. */
export const acknowledgementsAwaited: Probe = ({ resources }) => {
  const sum = (counter: string): number =>
    resources.reduce((total, { counters }) => total + (counters[counter] ?? 0), 0);
  const operations = sum("operations answered");
  if (operations === 0) return [];
  const value = sum("acknowledgements awaited") / operations;
  return [{ metric: "acknowledgements-awaited", value, unit: "count" }];
};
