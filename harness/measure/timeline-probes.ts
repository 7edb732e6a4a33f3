/** Probes over time: how far each follower's log lies behind the leader's, and how much memory each node holds. */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { AnyTypes } from "../rooms/room.ts";
import type { BlockRecord } from "../run-block.ts";

/** What was seen of one node at one moment of the load. */
export interface Moment {
  readonly node: NodeId;
  readonly ms: Millis;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export type TimelineProbe = (block: BlockRecord) => readonly Moment[];

/** Resident memory, whenever the nodes were asked for it. */
export const residentOverTime: TimelineProbe = ({ samples }) =>
  samples.flatMap(({ node, ms, residentBytes }) =>
    residentBytes === undefined ? [] : [{ node, ms, metric: "resident-bytes", value: residentBytes, unit: "bytes" }],
  );

/**
 * Entries that each follower's log lacks of the leader's: the most within every `windowMs`, seen at its end. A
 * momentary value would only say where in its cycle of batches replication was.
 */
export function lagOverTime(windowMs: Millis): TimelineProbe {
  return ({ trace, loadMs }) => {
    const moments: Moment[] = [];
    const lastIndexes = new Map<NodeId, number>();
    const worst = new Map<NodeId, number>();
    let leader: NodeId | undefined;
    let windowEndMs = windowMs;
    for (const { ms, node, event } of trace) {
      while (ms >= windowEndMs && windowEndMs <= loadMs) {
        for (const [follower, value] of worst) {
          moments.push({ node: follower, ms: windowEndMs, metric: "replication-lag", value, unit: "entries" });
        }
        worst.clear();
        windowEndMs += windowMs;
      }
      if (event.kind === "role" && event.role === "leader") leader = node;
      lastIndexes.set(node, lastIndexAfter(event, lastIndexes.get(node) ?? 0));
      const newest = leader === undefined ? 0 : (lastIndexes.get(leader) ?? 0);
      for (const [follower, last] of lastIndexes) {
        if (follower !== leader) worst.set(follower, Math.max(worst.get(follower) ?? 0, newest - last));
      }
    }
    return moments;
  };
}

/** Returns where a node's log ends once `event` has happened to it. */
function lastIndexAfter(event: AnyTypes["event"], before: number): number {
  if (event.kind === "start" && "entries" in event) return event.snapshotIndex + event.entries.length;
  if (event.kind === "append") return event.after + event.entries.length;
  if (event.kind === "snapshot" && event.installed) return Math.max(before, event.index);
  return before;
}
