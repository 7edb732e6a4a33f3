/** The production store in the simulated substrate: the same node host as in a real process, on simulated ports. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { StorageDeployment, StorageEvent, StorageState } from "../../storage/contract.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import { discardEngine, finishDiscarding } from "../../platform/simulated/engine-discard.ts";
import { SimulatedEngine } from "../../platform/simulated/engine.ts";
import type { HostPorts, NodeHost } from "../simulated/node-host.ts";
import { SimulatedCluster } from "../simulated/simulated-cluster.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { ringPreference } from "./ring-preference.ts";
import { storageKit } from "./storage-kit.ts";
import { StoreNode } from "./store-node.ts";

export async function deploySimulatedProduction(options: DeployOptions): Promise<StorageDeployment> {
  const settings = resolveProductionSettings(options.settings);
  const kit = storageKit(ringPreference(settings));
  const cluster = new SimulatedCluster(kit, options, (ports) => hostOf(ports, settings));
  return Promise.resolve(cluster.deployment());
}

function hostOf(ports: HostPorts<StorageEvent>, settings: StorageSettings): NodeHost<StorageState> {
  const node = new StoreNode({
    ...ports,
    isPeer: (id) => id !== clientsEndpoint,
    settings,
    random: ports.random.fork("store"),
    openEngine: (done) => {
      finishDiscarding(ports.disk, (error) => {
        if (error === undefined) SimulatedEngine.open(ports.disk, { clock: ports.clock }, done);
        else done(new EngineError("IO", `Cannot open the engine: ${error.message}`, { cause: error }));
      });
    },
    setAside: (done) => discardEngine(ports.disk, done),
    // The seat tells of every stop, crashes included.
    tracesAccepts: true,
    trace: (event) => {
      if (event.kind !== "stop") ports.trace(event);
    },
  });
  return {
    get isServing() {
      return node.isServing;
    },
    state: (done) => node.state(done),
    counters: () => node.counters,
    stop: (done) => node.stop(done),
    crash: () => node.crash(),
  };
}
