/** Hand-written blocks for the tests of probes: an empty one, and the pieces that make one say something. */

import type { ConsensusEvent, Role } from "../../implementations/consensus/contract.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import { planOf } from "../plan/plan.ts";
import type { BlockRecord, TimedEvent } from "../run-block.ts";
import type { OperationRecord } from "../workload/load-generator.ts";
import type { Probe } from "./probes.ts";

export function blockOf(overrides: Partial<BlockRecord>): BlockRecord {
  return {
    implementation: "production",
    substrate: "cluster",
    plan: planOf({ seed: "probes" }),
    history: new HistoryRecorder(),
    operations: [],
    dropped: 0,
    loadMs: 10_000,
    faults: [],
    trace: [],
    elections: [],
    states: new Map(),
    resources: [],
    samples: [],
    checks: [],
    converged: true,
    convergenceMs: 0,
    voidReason: undefined,
    generator: undefined,
    traceHash: undefined,
    virtualMs: 0,
    ...overrides,
  };
}

/** Metric and value of each measurement. */
export function measured(probe: Probe, overrides: Partial<BlockRecord>): (readonly [string, number])[] {
  return probe(blockOf(overrides)).map(({ metric, value }) => [metric, value] as const);
}

export function fault(
  kind: FaultKind,
  startMs: number,
  endMs: number,
  nodes: readonly string[],
  leader = "n1",
): StruckFault {
  const spec = { kind, target: "one", placement: { at: "time", ms: startMs }, durationMs: endMs - startMs } as const;
  return { spec, target: nodes.join(" "), nodes, startMs, endMs, leader, efficacy: () => ({ count: 1, unit: "" }) };
}

export function operation(startMs: number, endMs: number, outcome: OperationRecord["outcome"] = "ok"): OperationRecord {
  return { client: 0, f: "write", intendedMs: startMs, noticedMs: startMs, startMs, endMs, outcome };
}

export const election = (trigger: string, durationMs: number) => ({
  trigger,
  term: 2,
  leader: "n2",
  durationMs,
  atMs: 0,
});
export const event = (ms: number, node: string, what: ConsensusEvent): TimedEvent => ({ ms, node, event: what });
export const commit = (ms: number, node: string, index: number): TimedEvent =>
  event(ms, node, { kind: "commit", term: 1, index });
export const apply = (ms: number, node: string, index: number): TimedEvent =>
  event(ms, node, { kind: "apply", index, digests: [] });
export const role = (ms: number, node: string, what: Role): TimedEvent =>
  event(ms, node, { kind: "role", term: 1, role: what });
