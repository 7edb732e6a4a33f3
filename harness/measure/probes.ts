/**
 * Probes: pure functions from a finished block to named measurements, the numbers the claims are judged by.
 *
 * They read the history, the trace and the nemesis' record, never the system. Times are milliseconds since the load
 * began; virtual ones when the block was simulated.
 */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { BlockRecord } from "../run-block.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import { valueNumber } from "../workload/value-text.ts";

export interface Measurement {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export type Probe = (block: BlockRecord) => readonly Measurement[];

/**
 * A fault is asked for at its start and may reach another process a little later; what happens within is not judged.
 */
const takesEffectMs = 50;

/** One row per leader that was killed: how long until the next one showed. */
export const timeToNewLeader: Probe = ({ elections }) =>
  elections
    .filter(({ trigger }) => trigger === "kill")
    .map(({ durationMs }) => ({ metric: "time-to-new-leader-ms", value: durationMs, unit: "ms" }));

/** How many faults were aimed at the leader, how many were followed by a new one, and how long each took. */
export const forcedElections: Probe = ({ faults, elections }) => {
  const forced = faults.filter(({ leader, nodes }) => leader !== undefined && nodes.includes(leader));
  const won = elections.filter(({ trigger }) => forced.some(({ spec }) => spec.kind === trigger));
  return [
    { metric: "forced-elections", value: forced.length, unit: "count" },
    { metric: "successful-elections", value: Math.min(won.length, forced.length), unit: "count" },
    ...won.map(({ durationMs }) => ({ metric: "election-ms", value: durationMs, unit: "ms" })),
  ];
};

/**
 * Throughput in the second that begins with each forced election, over throughput outside of all of them.
 * The published 65 % counts whole seconds around an election, so ours does too.
 */
export const throughputDuringElection: Probe = ({ faults, operations, loadMs }) => {
  const windowMs = 1000;
  const starts = faults.map(({ startMs }) => startMs);
  const inside = (ms: Millis): boolean => starts.some((start) => ms >= start && ms < start + windowMs);
  const ok = operations.filter(({ outcome }) => outcome === "ok");
  const duringMs = coveredMs(starts, windowMs, loadMs);
  const during = ok.filter(({ endMs }) => inside(endMs)).length;
  const outsideMs = loadMs - duringMs;
  if (duringMs === 0 || outsideMs <= 0 || ok.length === during) return [];
  const ratio = during / duringMs / ((ok.length - during) / outsideMs);
  return [{ metric: "throughput-during-election-ratio", value: ratio, unit: "ratio" }];
};

/** Acknowledged appends that the final list does not hold, and values it holds twice. */
export const lostAppends: Probe = ({ history, states }) => {
  const list = finalList(states);
  const held = new Set(list);
  const acknowledged = appendedValues(history.events);
  const lost = acknowledged.filter((value) => !held.has(value)).length;
  return [
    { metric: "lost-acknowledged-writes", value: lost, unit: "count" },
    { metric: "acknowledged-writes", value: acknowledged.length, unit: "count" },
    { metric: "duplicate-entries", value: list.length - held.size, unit: "count" },
  ];
};

/** Of the fault that isolates a node: writes that succeeded meanwhile, and how long the node took to catch up. */
export const isolation: Probe = (block) =>
  block.faults.flatMap((fault) => {
    const writes = succeededWithin(block, fault.startMs, endOf(fault)).length;
    const [node] = fault.nodes;
    const caughtUpMs = node === undefined ? undefined : catchUpMs(block, node, endOf(fault));
    const during = { metric: "writes-during-isolation", value: writes, unit: "count" };
    return caughtUpMs === undefined ? [during] : [during, { metric: "catch-up-ms", value: caughtUpMs, unit: "ms" }];
  });

/** Of the faults that take the quorum away: what succeeded although invoked without one, and when service resumed. */
export const withoutQuorum: Probe = (block) =>
  block.faults.flatMap((fault) => {
    const endMs = endOf(fault);
    const accepted = block.operations.filter(
      ({ outcome, startMs, endMs: doneMs }) =>
        outcome === "ok" && startMs > fault.startMs + takesEffectMs && doneMs < endMs,
    ).length;
    const first = block.operations.find(({ outcome, endMs: doneMs }) => outcome === "ok" && doneMs >= endMs);
    const measured: Measurement[] = [{ metric: "accepted-without-quorum", value: accepted, unit: "count" }];
    if (first !== undefined) measured.push({ metric: "resume-ms", value: first.endMs - endMs, unit: "ms" });
    measured.push({ metric: "served-after-return", value: first === undefined ? 0 : 1, unit: "count" });
    return measured;
  });

/** How long a leader that lost its quorum may still believe in itself: check-quorum looks once per timeout. */
const stepDownGraceMs = 1000;

/** Of a split: commits on the minority's side, and leaders it still had once they had time to step down. */
export const minoritySide: Probe = ({ faults, trace }) =>
  faults.flatMap(({ nodes, startMs, ...fault }) => {
    const endMs = endOf(fault);
    const cutMs = startMs + takesEffectMs;
    const within = trace.filter(({ ms, node }) => ms > cutMs && ms < endMs && nodes.includes(node));
    const before = commitsBefore(trace, cutMs);
    // What the majority had committed before the cut may still be learnt from messages that were on the way.
    const committed = within.filter(({ event }) => event.kind === "commit" && event.index > before).length;
    const roles = new Map<NodeId, string>();
    for (const { ms, node, event } of trace) {
      if (event.kind === "role" && ms < startMs + stepDownGraceMs) roles.set(node, event.role);
    }
    const kept = nodes.filter((node) => roles.get(node) === "leader").length;
    return [
      { metric: "minority-accepted", value: committed, unit: "count" },
      { metric: "minority-leaders-kept", value: kept, unit: "count" },
    ];
  });

/** How long each killed node took from its restart until it had recovered and took part again. */
export const restartTime: Probe = ({ faults, trace }) =>
  faults.flatMap((fault) => {
    const endMs = endOf(fault);
    const started = fault.nodes.flatMap(
      (node) => trace.find((each) => each.node === node && each.event.kind === "start" && each.ms >= endMs) ?? [],
    );
    return started.map(({ ms }) => ({ metric: "restart-ms", value: ms - endMs, unit: "ms" }));
  });

/**
 * Resident memory of the largest node late in the load (its last tenth) and earlier (from three tenths to four), when
 * caches were warm and the first snapshots had been taken; and the growth between them.
 */
export const residentMemory: Probe = ({ samples, loadMs }) => {
  const between = (from: number, to: number): number => {
    const within = samples.filter(({ ms }) => ms >= loadMs * from && ms <= loadMs * to);
    return Math.max(0, ...within.map(({ residentBytes }) => residentBytes ?? 0));
  };
  const [early, late] = [between(0.3, 0.4), between(0.9, 1)];
  if (early === 0 || late === 0) return [];
  return [
    { metric: "resident-bytes", value: late, unit: "bytes" },
    { metric: "resident-growth-ratio", value: late / early - 1, unit: "ratio" },
  ];
};

/** Bytes the nodes' disks were given. */
export const logBytes: Probe = ({ resources }) =>
  resources.map(({ counters }) => ({
    metric: "log-bytes-written",
    value: counters["bytes written"] ?? 0,
    unit: "bytes",
  }));

/** What the nodes counted: the sum over nodes, and for log entries the largest. */
export function counterProbe(metric: string, counter: string, unit: string, fold: "sum" | "max" = "sum"): Probe {
  return ({ resources }) => {
    const values = resources.map(({ counters }) => counters[counter] ?? 0);
    const value = fold === "sum" ? values.reduce((sum, each) => sum + each, 0) : Math.max(0, ...values);
    return [{ metric, value, unit }];
  };
}

function endOf({ endMs }: Pick<StruckFault, "endMs">): Millis {
  return endMs ?? Infinity;
}

function coveredMs(starts: readonly Millis[], windowMs: Millis, limitMs: Millis): Millis {
  let covered = 0;
  let reached = 0;
  for (const start of starts.toSorted((a, b) => a - b)) {
    const from = Math.max(start, reached);
    const to = Math.min(start + windowMs, limitMs);
    if (to > from) covered += to - from;
    reached = Math.max(reached, to);
  }
  return covered;
}

function succeededWithin({ operations }: BlockRecord, fromMs: Millis, toMs: Millis): BlockRecord["operations"] {
  return operations.filter(
    ({ f, outcome, startMs, endMs }) => f !== "read" && outcome === "ok" && startMs > fromMs && endMs < toMs,
  );
}

/** The longest list any node in service holds; after convergence they are all the same. */
function finalList(states: BlockRecord["states"]): readonly (number | undefined)[] {
  let longest: readonly string[] = [];
  for (const state of states.values()) {
    if (state.kind !== "state" || !("list" in state.state)) continue;
    if (state.state.list.length > longest.length) longest = state.state.list;
  }
  return longest.map((text) => valueNumber(text));
}

/** Arguments of the appends that were acknowledged. */
function appendedValues(events: BlockRecord["history"]["events"]): number[] {
  const open = new Map<number, number>();
  const acknowledged: number[] = [];
  for (const { type, process, f, value } of events) {
    if (f !== "append") continue;
    if (type === "invoke") open.set(process, Number(value));
    else if (type === "ok") acknowledged.push(open.get(process) ?? Number.NaN);
  }
  return acknowledged;
}

/** From `fromMs` until `node` had applied what was committed anywhere at that time. */
export function catchUpMs({ trace }: BlockRecord, node: NodeId, fromMs: Millis): Millis | undefined {
  let committed = 0;
  let applied = 0;
  for (const { ms, node: at, event } of trace) {
    if (ms <= fromMs && event.kind === "commit") committed = Math.max(committed, event.index);
    if (at === node && (event.kind === "apply" || (event.kind === "snapshot" && event.installed))) {
      applied = Math.max(applied, event.index);
      if (ms > fromMs && applied >= committed) return ms - fromMs;
    }
  }
  return applied >= committed ? 0 : undefined;
}

function commitsBefore(trace: BlockRecord["trace"], startMs: Millis): number {
  let index = 0;
  for (const { ms, event } of trace) {
    if (event.kind === "commit" && ms <= startMs) index = Math.max(index, event.index);
  }
  return index;
}
