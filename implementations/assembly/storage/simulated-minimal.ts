/** The minimal store in the simulated substrate. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { StorageDeployment } from "../../storage/contract.ts";
import { simulatedCalls } from "../simulated/simulated-calls.ts";
import { SimulatedWorld } from "../simulated/world.ts";
import { rotatedByKey } from "./client.ts";
import { MinimalCluster } from "./minimal-cluster.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { storageKit } from "./storage-kit.ts";

export async function deploySimulatedMinimal(options: DeployOptions): Promise<StorageDeployment> {
  const world = new SimulatedWorld(storageKit(rotatedByKey), options);
  const cluster = new MinimalCluster({
    nodes: world.founders,
    settings: resolveMinimalSettings(options.settings),
    clock: world.time,
    random: world.random.fork("nodes"),
    transportOf: (id) => world.sealed(world.network.endpoint(id)),
    trace: (id, event) => world.emit(id, event),
  });
  return Promise.resolve(simulatedCalls(world, cluster, refuseMoment));
}

function refuseMoment(): void {
  throw new UsageError("Cannot place a fault at a message between minimal nodes: they send none, they call each other");
}
