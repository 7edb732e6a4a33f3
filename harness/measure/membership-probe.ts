/** Probe of a membership change by joint consensus: how long the cluster lived under both configurations. */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { Measurement, Probe } from "./probes.ts";

interface Change {
  readonly jointMs: Millis;
  /** Index of the entry that leaves the joint configuration, once the leader has appended it. */
  readonly finalIndex: number | undefined;
}

/**
 * Of every change that a leader took through to its end: from the moment it went by the joint configuration to its
 * commit of the final one. Both are of one node. A change whose leader was lost on the way is not timed: the next
 * leader finishes what it did not begin.
 */
export const membershipChange: Probe = ({ trace }) => {
  const changes = new Map<NodeId, Change>();
  const measured: Measurement[] = [];
  let leader: NodeId | undefined;
  for (const { ms, node, event } of trace) {
    if (event.kind === "role") {
      if (event.role === "leader") leader = node;
      changes.delete(node);
    }
    const change = changes.get(node);
    if (event.kind === "configuration") {
      const joint = event.outgoing.length > 0;
      if (joint && node === leader) changes.set(node, { jointMs: ms, finalIndex: undefined });
      else if (!joint && change !== undefined) changes.set(node, { ...change, finalIndex: event.index });
    } else if (event.kind === "commit" && change?.finalIndex !== undefined && event.index >= change.finalIndex) {
      measured.push({ metric: "membership-change-ms", value: ms - change.jointMs, unit: "ms" });
      changes.delete(node);
    }
  }
  return measured;
};
