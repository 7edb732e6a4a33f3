/** The minimal cluster in the simulated substrate. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import type { ConsensusDeployment } from "../../consensus/contract.ts";
import { simulatedCalls } from "../simulated/simulated-calls.ts";
import { SimulatedWorld } from "../simulated/world.ts";
import { consensusKit } from "./consensus-kit.ts";
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
  const deployment = simulatedCalls(world, cluster, (moment, reached) => cluster.arm(moment, reached));
  const observeViews: ConsensusDeployment["observeViews"] = (listener) => views.observe(listener);
  return Promise.resolve(Object.assign(deployment, { observeViews }));
}
