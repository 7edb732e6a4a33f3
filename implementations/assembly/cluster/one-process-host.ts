/**
 * The host of a whole minimal deployment in its one process: direct calls between the nodes, a TLS door for clients per
 * node.
 */

import type { NodeResources } from "../../foundation/deployment.ts";
import type { Transport } from "../../foundation/effects.ts";
import { UsageError } from "../../foundation/errors.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { CallingCluster } from "../calls/calling-cluster.ts";
import type { ProcessConfiguration } from "./control.ts";
import { openDoor } from "./open-door.ts";
import { ownUsage } from "./own-usage.ts";
import type { ProcessHost } from "./process-entry.ts";

/**
 * Opens the doors.
 *
 * @param create makes the nodes, once the driver can reach them.
 */
export async function openOneProcess<State>(
  configuration: ProcessConfiguration,
  started: (node: NodeId) => void,
  create: (transportOf: (id: NodeId) => Transport) => CallingCluster<State>,
): Promise<ProcessHost<State>> {
  const random = seededRandom(`${configuration.seed}/minimal/life ${configuration.life}`);
  const doors = new Map<NodeId, Transport>();
  const ports: Record<NodeId, number> = {};
  for (const id of configuration.hosted) {
    const { door, port } = await openDoor(configuration, id, random.fork(`door ${id}`));
    doors.set(id, door);
    ports[id] = port;
  }
  let cluster: CallingCluster<State> | undefined;
  return {
    ports,
    connect: () => {
      if (cluster !== undefined) return;
      cluster = create((id) => {
        const door = doors.get(id);
        if (door === undefined) throw new UsageError(`Cannot start ${id}: it has no door`);
        return door;
      });
      for (const node of configuration.hosted) started(node);
    },
    inject: (fault) => cluster?.inject(fault),
    // The driver refuses moments in such a process: its calls cannot wait for the driver.
    arm: () => undefined,
    states: (done) => done([...(cluster?.states() ?? [])]),
    resources: () => (cluster?.resources() ?? []).map((node, index) => (index === 0 ? withUsage(node) : node)),
    stop: (done) => done(),
  };
}

/** One process hosts all nodes; what it used is told once, at its first node. */
function withUsage(node: NodeResources): NodeResources {
  return { ...node, ...ownUsage(), counters: { ...node.counters, threads: 1 } };
}
