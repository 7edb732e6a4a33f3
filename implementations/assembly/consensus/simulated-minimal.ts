/** The minimal cluster in the simulated substrate: direct calls between the nodes, simulated links to the clients. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Link } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { ConsensusDeployment } from "../../consensus/contract.ts";
import { combinedHandle } from "../../foundation/fault-handle.ts";
import { SimulatedWorld } from "../simulated/world.ts";
import { consensusKit } from "./consensus-kit.ts";
import type { ConsensusTypes } from "./consensus-kit.ts";
import { MinimalCluster } from "./minimal-cluster.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { ViewWatch } from "./view-watch.ts";

export async function deploySimulatedMinimal(options: DeployOptions): Promise<ConsensusDeployment> {
  const world = new SimulatedWorld(consensusKit, options);
  const views = new ViewWatch();
  const cluster = new MinimalCluster({
    nodes: world.founders,
    settings: resolveMinimalSettings(options.settings),
    clock: world.time,
    random: world.random.fork("nodes"),
    transportOf: (id) => world.sealed(world.network.endpoint(id)),
    trace: (id, event) => world.emit(id, event),
    onStep: (id) => views.report(id, () => cluster.view(id)),
  });
  return Promise.resolve({
    nodes: world.founders,
    clock: world.time,
    invoke: (request, deadlineMs, done) => world.invoke(request, deadlineMs, done),
    inject: (fault) => injectWhere(fault, world, cluster),
    at: (moment, reached) => {
      if (moment.kind === "sync")
        throw new UsageError("Cannot place a fault at a sync of a minimal node: it has no disk");
      cluster.arm(moment, reached);
    },
    leader: () => world.trace.leader,
    observe: (listener) => world.trace.observe(listener),
    observeViews: (listener) => views.observe(listener),
    run: (limitMs, work) => world.run(limitMs, work),
    states: () => Promise.resolve(cluster.states()),
    resources: () => Promise.resolve(cluster.resources()),
    isSettled: () => true,
    knock: () => Promise.resolve(undefined),
    traceHash: () => world.trace.hash(),
    stop: () => Promise.resolve(),
  });
}

/** Faults on links go to the network where a client is at one end, to the calls where two nodes are. */
function injectWhere(fault: Fault, world: SimulatedWorld<ConsensusTypes>, cluster: MinimalCluster): FaultHandle {
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
export function isClientLink(link: Link): boolean {
  return link.from === clientsEndpoint || link.to === clientsEndpoint;
}
