/** Probes of how a cluster comes back: after an isolation, and how its memory settles once snapshots have begun. */

import type { Millis } from "../../implementations/foundation/units.ts";
import type { BlockRecord } from "../run-block.ts";
import { catchUpMs } from "./probes.ts";
import type { Measurement, Probe } from "./probes.ts";

/**
 * Of the n-th fault of the schedule: from its healing until a write that began after it was acknowledged, and every
 * node it hit had applied what was committed at that time. A node that never did leaves no number.
 */
export const recoveryTimes: Probe = (block) =>
  block.faults.flatMap((fault, index): Measurement[] => {
    const healedMs = fault.endMs ?? block.loadMs;
    const served = firstServed(block, healedMs);
    const caughtUp = fault.nodes.map((node) => catchUpMs(block, node, healedMs));
    const all = [served, ...caughtUp];
    if (all.some((each) => each === undefined)) return [];
    const recoveryMs = Math.max(...all.flatMap((each) => each ?? []));
    return [{ metric: `recovery-ms@fault-${index + 1}`, value: recoveryMs, unit: "ms" }];
  });

function firstServed({ operations }: BlockRecord, healedMs: Millis): Millis | undefined {
  const after = operations.filter(({ f, outcome, startMs }) => f !== "read" && outcome === "ok" && startMs >= healedMs);
  return after.length === 0 ? undefined : Math.min(...after.map(({ endMs }) => endMs)) - healedMs;
}

/** A growth seen over less than this is that of a heap finding its size. */
const shortestWatchMs = 20_000;

/**
 * Growth of a node's resident memory after it took its first snapshot: the mean of the last fifth of the samples from
 * there on over that of the first fifth; of the node that grew most. A watch that is too short gives no number.
 */
export const growthAfterFirstSnapshot: Probe = ({ samples }) => {
  const byNode = Map.groupBy(samples, ({ node }) => node);
  const growths = [...byNode.values()].flatMap((all) => growthOf(all) ?? []);
  if (growths.length === 0 || growths.length < byNode.size) return [];
  return [{ metric: "resident-growth-after-snapshot", value: Math.max(...growths), unit: "ratio" }];
};

function growthOf(samples: BlockRecord["samples"]): number | undefined {
  const first = samples.findIndex(({ counters }) => (counters["snapshots taken"] ?? 0) >= 1);
  const after = first === -1 ? [] : samples.slice(first);
  const [start, end] = [after[0]?.ms ?? 0, after.at(-1)?.ms ?? 0];
  if (end - start < shortestWatchMs) return undefined;
  const fifth = (end - start) / 5;
  const early = meanResident(after.filter(({ ms }) => ms <= start + fifth));
  const late = meanResident(after.filter(({ ms }) => ms >= end - fifth));
  return early === undefined || late === undefined ? undefined : late / early - 1;
}

function meanResident(samples: BlockRecord["samples"]): number | undefined {
  const bytes = samples.flatMap(({ residentBytes }) => residentBytes ?? []);
  return bytes.length === 0 ? undefined : bytes.reduce((sum, each) => sum + each, 0) / bytes.length;
}
