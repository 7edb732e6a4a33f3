/** The production scheduler in the simulated substrate: the same node host as in a real process, on simulated ports. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { SchedulerDeployment, SchedulerEvent, SchedulerState } from "../../scheduler/contract.ts";
import type { SchedulerSettings } from "../../scheduler/production/defaults.ts";
import { queueSlots } from "../../scheduler/production/shares.ts";
import type { HostPorts, NodeHost } from "../simulated/node-host.ts";
import { SimulatedCluster } from "../simulated/simulated-cluster.ts";
import { homeAlone } from "./client.ts";
import { resolveDeploymentSettings } from "./production-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";
import { SchedulerNode } from "./scheduler-node.ts";
import { SimulatedExecutor } from "./simulated-executor.ts";

/** Its memory is allocated and cleared for every life, and there are thousands of lives in a sweep. */
const mostSlots = 16_384;

export async function deploySimulatedProduction(options: DeployOptions): Promise<SchedulerDeployment> {
  const settings = resolveDeploymentSettings(options.settings, options.nodes);
  const cluster = new SimulatedCluster(schedulerKit(homeAlone), options, (ports) => hostOf(ports, settings));
  return Promise.resolve(cluster.deployment());
}

function hostOf(ports: HostPorts<SchedulerEvent>, settings: SchedulerSettings): NodeHost<SchedulerState> {
  const node = new SchedulerNode({
    ...ports,
    isPeer: (id) => id !== clientsEndpoint,
    settings,
    slots: Math.min(queueSlots(settings), mostSlots),
    createExecutor: (place) => new SimulatedExecutor(place),
    // The seat tells of every stop, crashes included.
    trace: (event) => {
      if (event.kind !== "stop") ports.trace(event);
    },
    onStarted: () => ports.onStarted(),
  });
  return {
    get isServing() {
      return node.isServing;
    },
    state: (done) => node.state(done),
    counters: () => node.counters,
    injectThread: (fault) => node.injectThread(fault),
    stop: (done) => node.stop(done),
    crash: () => node.crash(),
  };
}
