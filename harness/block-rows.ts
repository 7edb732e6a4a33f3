/** From a finished block to its rows in the tables. */

import type { BlockRecord } from "./run-block.ts";
import type { CheckResult } from "./check/verdict.ts";
import { acceptedTasks, attemptsOf } from "./measure/attempts.ts";
import type { AnyTimedEvent } from "./measure/attempts.ts";
import { LatencyHistogram } from "./measure/latency-histogram.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Moment } from "./measure/timeline-probes.ts";
import { ThroughputWindows } from "./measure/throughput-windows.ts";
import type { Throughput } from "./measure/throughput-windows.ts";
import type { Row } from "./record/tables.ts";
import type { OperationRecord } from "./workload/load-generator.ts";

/** The columns every block table begins with. */
export interface BlockKey {
  readonly experiment: string;
  readonly block: number;
  readonly implementation: string;
  readonly substrate: string;
  readonly nodes: number;
  readonly seed: string;
}

/** Returns the key columns of `record` as observation `block` of `experiment`. */
export function blockKey(experiment: string, block: number, record: BlockRecord): BlockKey {
  const { implementation, substrate, plan } = record;
  return { experiment, block, implementation, substrate, nodes: plan.nodes, seed: plan.seed };
}

/** Latency of the measured operations that succeeded: from the intended start in an open loop, service time in both. */
export function latencyRows(key: BlockKey, record: BlockRecord, variant = ""): Row<"latency">[] {
  const measured = measuredOperations(record).filter(({ outcome }) => outcome === "ok");
  const kinds = new Set(measured.map(({ f }) => f));
  const open = record.plan.load.loop === "open";
  const measures: readonly (readonly [string, (operation: OperationRecord) => number])[] = [
    ...(open ? [["intended", ({ endMs, intendedMs }: OperationRecord) => endMs - intendedMs] as const] : []),
    ["service", ({ endMs, startMs }) => endMs - startMs],
    ...(open ? [["lateness", ({ noticedMs, intendedMs }: OperationRecord) => noticedMs - intendedMs] as const] : []),
  ];
  return measures.flatMap(([measure, latencyOf]) =>
    ["all", ...[...kinds].toSorted()].map((operation) => {
      const histogram = new LatencyHistogram();
      for (const each of measured) {
        if (operation === "all" || each.f === operation) histogram.record(Math.max(0, latencyOf(each)));
      }
      const { count, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = histogram.summary();
      const percentiles = {
        mean_ms: meanMs,
        p50_ms: p50Ms,
        p90_ms: p90Ms,
        p99_ms: p99Ms,
        p999_ms: p999Ms,
        max_ms: maxMs,
      };
      return { ...key, ...loadCells(record, variant), operation, measure, count, ...percentiles };
    }),
  );
}

/** Throughput of the whole measured load and, with `windowS`, of every window of it. */
export function throughputRows(
  key: BlockKey,
  record: BlockRecord,
  windowS?: number,
  variant = "",
): Row<"throughput">[] {
  const { workload, warmUpMs } = record.plan;
  const durationS = (record.plan.durationMs - warmUpMs) / 1000;
  const windows = new ThroughputWindows(windowS ?? durationS);
  for (const { endMs, outcome } of measuredOperations(record)) {
    // What ends after the load was offered no longer belongs to its rate.
    if (endMs < record.plan.durationMs) windows.record((endMs - warmUpMs) / 1000, outcome);
  }
  const valueBytes = "valueBytes" in workload ? workload.valueBytes : undefined;
  const shared = { ...key, ...loadCells(record, variant), value_bytes: valueBytes };
  const row = ({ windowStartS, windowS: lengthS, ok, fail, info, throughputPerS }: Throughput, whole: boolean) => ({
    ...shared,
    // Like everything else that has a time: a fault's window must lie over the throughput that it changed.
    window_start_s: whole ? 0 : warmUpMs / 1000 + windowStartS,
    window_s: whole ? "all" : String(lengthS),
    ok,
    fail,
    info,
    throughput_per_s: throughputPerS,
  });
  const each = windowS === undefined ? [] : windows.windows(durationS).map((window) => row(window, false));
  return [row(windows.total(durationS), true), ...each];
}

function loadCells({ plan: { load } }: BlockRecord, variant: string) {
  const offered = load.loop === "open" ? load.ratePerS : undefined;
  return { variant, loop: load.loop, clients: load.clients, offered_per_s: offered };
}

export function faultRows(key: BlockKey, record: BlockRecord): Row<"faults">[] {
  return record.faults.map(({ spec, target, startMs, endMs, efficacy }) => {
    const { count, unit } = efficacy();
    return {
      ...key,
      fault: spec.kind,
      target,
      start_s: startMs / 1000,
      end_s: (endMs ?? record.loadMs) / 1000,
      efficacy: Math.ceil(count),
      efficacy_unit: unit,
    };
  });
}

export function checkRows(key: BlockKey, checks: readonly CheckResult[]): Row<"checks">[] {
  return checks.map(({ id, validity, count, unit, summary }) => ({
    ...key,
    check: id,
    verdict: validity,
    count,
    unit,
    summary,
  }));
}

export function electionRows(key: BlockKey, record: BlockRecord): Row<"elections">[] {
  return record.elections.map(({ trigger, term, durationMs, atMs }) => ({
    ...key,
    trigger,
    term,
    duration_ms: durationMs,
    won_s: atMs / 1000,
  }));
}

export function measurementRows(key: BlockKey, measurements: readonly Measurement[]): Row<"measurements">[] {
  return measurements.map(({ metric, value, unit }) => ({ ...key, metric, value, unit }));
}

/** What was seen of each node as the load went on. */
export function timelineRows(key: BlockKey, moments: readonly Moment[]): Row<"timeline">[] {
  return moments.map(({ node, ms, metric, value, unit }) => ({ ...key, node, time_s: ms / 1000, metric, value, unit }));
}

/** What ran on which worker from when to when. */
export function attemptRows(key: BlockKey, trace: readonly AnyTimedEvent[]): Row<"attempts">[] {
  const tasks = acceptedTasks(trace);
  return attemptsOf(trace).map(({ task, node, worker, lane, startMs, endMs, end, waitMs }) => ({
    ...key,
    ...{ node, worker, lane, task, tenant: tasks.get(task)?.tenant, priority: tasks.get(task)?.priority },
    ...{ start_s: startMs / 1000, end_s: endMs === undefined ? undefined : endMs / 1000, end, wait_ms: waitMs },
  }));
}

function measuredOperations({ operations, plan }: BlockRecord): readonly OperationRecord[] {
  return plan.warmUpMs === 0 ? operations : operations.filter(({ endMs }) => endMs >= plan.warmUpMs);
}
