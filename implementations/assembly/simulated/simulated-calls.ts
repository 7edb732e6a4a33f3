/** A minimal cluster in the simulated substrate: direct calls between the nodes, simulated links to the clients. */

import { UsageError } from "../../foundation/errors.ts";
import { combinedHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle, Link, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { CallingCluster } from "../calls/calling-cluster.ts";
import type { ModuleDeployment, ModuleTypes } from "../module-kit.ts";
import type { MessageMoment } from "../moments.ts";
import type { SimulatedWorld } from "./world.ts";

/** Returns the deployment of `cluster`, whose clients' doors are in `world`. */
export function simulatedCalls<Types extends ModuleTypes>(
  world: SimulatedWorld<Types>,
  cluster: CallingCluster<Types["state"]>,
  arm: (moment: MessageMoment, reached: () => void) => void,
): ModuleDeployment<Types> {
  return {
    nodes: world.founders,
    clock: world.time,
    invoke: (request, deadlineMs, done) => world.invoke(request, deadlineMs, done),
    inject: (fault) => injectWhere(fault, world, cluster),
    at: (moment, reached) => arm(messageMoment(moment), reached),
    leader: () => world.trace.leader,
    observe: (listener) => world.trace.observe(listener),
    run: (limitMs, work) => world.run(limitMs, work),
    states: () => Promise.resolve(cluster.states()),
    resources: () => Promise.resolve(cluster.resources()),
    isSettled: () => true,
    knock: () => Promise.resolve(undefined),
    traceHash: () => world.trace.hash(),
    stop: () => Promise.resolve(),
  };
}

function messageMoment(moment: Moment): MessageMoment {
  if (moment.kind === "message") return moment;
  throw new UsageError("Cannot place a fault at a sync of a minimal node: it has no disk");
}

/** Faults on links go to the network where a client is at one end, to the calls where two nodes are. */
function injectWhere<Types extends ModuleTypes>(
  fault: Fault,
  world: SimulatedWorld<Types>,
  cluster: CallingCluster<Types["state"]>,
): FaultHandle {
  if (fault.kind !== "cut" && fault.kind !== "packet") return cluster.inject(fault);
  const toClients = fault.links.filter(isClientLink);
  const between = fault.links.filter((link) => !isClientLink(link));
  const handles: FaultHandle[] = [];
  if (between.length > 0) handles.push(cluster.inject({ ...fault, links: between }));
  if (toClients.length > 0) {
    handles.push(fault.kind === "cut" ? world.network.cut(toClients) : world.network.packet(toClients, fault.fault));
  }
  return combinedHandle(handles);
}

/** Whether one end of the link is the clients' side. */
function isClientLink(link: Link): boolean {
  return link.from === clientsEndpoint || link.to === clientsEndpoint;
}
