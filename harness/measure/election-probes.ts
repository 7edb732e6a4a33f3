/**
 * Probes of elections: what winning costs once a node stands, and whether a leader was lost for no reason.
 *
 * The time from the loss of a leader to the next one (`election-watch.ts`) is mostly the election timeout, which is a
 * setting. Here the clock starts when the later winner stands. Both moments are of one node, so clocks of different
 * processes do not matter.
 */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { Probe } from "./probes.ts";

/**
 * Of every election won under load: from the winner's candidacy in that term (one round of votes, each of them synced),
 * and from its pre-candidacy, which comes a round trip earlier. A round that ended in a split vote belongs to no winner
 * and counts in neither. Elections at start are left out: nodes that are still connecting are not what is measured.
 */
export const candidacyToLeader: Probe = ({ trace }) => {
  const stood = new Map<NodeId, Millis>();
  const asked = new Map<NodeId, Millis>();
  return trace.flatMap(({ ms, node, event }) => {
    if (event.kind !== "role") return [];
    if (event.role === "pre-candidate") asked.set(node, ms);
    if (event.role === "candidate") stood.set(node, ms);
    if (event.role !== "leader") return [];
    const [askedMs, stoodMs] = [asked.get(node), stood.get(node)];
    asked.delete(node);
    stood.delete(node);
    if (stoodMs === undefined || stoodMs < 0) return [];
    const won = { metric: "candidacy-to-leader-ms", value: ms - stoodMs, unit: "ms" };
    if (askedMs === undefined) return [won];
    return [won, { metric: "pre-candidacy-to-leader-ms", value: ms - askedMs, unit: "ms" }];
  });
};

/**
 * Elections won while no node failed: with packets delayed and nothing else, each of them is spurious. What happens in
 * the first `settleMs` of the delay is not judged: heartbeats sent before it and after it arrive with a gap once.
 */
export function spuriousElections(settleMs: Millis): Probe {
  return ({ faults, trace, loadMs }) => {
    const fromMs = Math.max(0, ...faults.map(({ startMs }) => startMs)) + settleMs;
    const toMs = Math.min(loadMs, ...faults.map(({ endMs }) => endMs ?? loadMs));
    const roles = trace.flatMap(({ ms, event }) =>
      event.kind === "role" && ms >= fromMs && ms < toMs ? [event.role] : [],
    );
    const count = (wanted: string): number => roles.filter((role) => role === wanted).length;
    return [
      { metric: "spurious-elections", value: count("leader"), unit: "count" },
      { metric: "spurious-pre-votes", value: count("pre-candidate"), unit: "count" },
    ];
  };
}
