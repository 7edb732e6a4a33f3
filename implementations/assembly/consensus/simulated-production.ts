/**
 * The production cluster in the simulated substrate: the same node host as in a real process, on simulated ports.
 *
 * A node whose log is damaged or lost stays out of service: restarting cannot help it, and letting it vote again would
 * break its old promises.
 */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { ConsensusDeployment, ConsensusEvent, ConsensusState } from "../../consensus/contract.ts";
import type { ProductionSettings } from "../../consensus/production/defaults.ts";
import { resolveSettings } from "../../consensus/production/defaults.ts";
import type { HostPorts, NodeHost } from "../simulated/node-host.ts";
import { SimulatedCluster } from "../simulated/simulated-cluster.ts";
import { consensusKit } from "./consensus-kit.ts";
import { isBeyondRestart, ProductionNode } from "./production-node.ts";
import { ViewWatch } from "./view-watch.ts";

export async function deploySimulatedProduction(options: DeployOptions): Promise<ConsensusDeployment> {
  const settings = resolveSettings(options.settings);
  const views = new ViewWatch();
  const cluster = new SimulatedCluster(consensusKit, options, (ports) => new RaftHost(ports, settings, views));
  const observeViews: ConsensusDeployment["observeViews"] = (listener) => views.observe(listener);
  return Promise.resolve(Object.assign(cluster.deployment(), { observeViews }));
}

class RaftHost implements NodeHost<ConsensusState> {
  readonly #node: ProductionNode;
  #isCrashed = false;

  constructor(ports: HostPorts<ConsensusEvent>, settings: ProductionSettings, views: ViewWatch) {
    const report = (): void => {
      if (!this.#isCrashed) views.report(ports.id, () => this.#node.view());
    };
    this.#node = new ProductionNode({
      ...ports,
      voters: ports.founders,
      isPeer: (id) => id !== clientsEndpoint,
      settings,
      random: ports.random.fork("raft"),
      onStep: report,
      onStarted: () => {
        ports.onStarted();
        report();
      },
      onFatal: (error) => ports.onFatal(error, isBeyondRestart(error)),
    });
  }

  get isServing(): boolean {
    return this.#node.view() !== undefined;
  }

  state(done: (state: ConsensusState) => void): void {
    done(this.#node.canonical());
  }

  counters(): Readonly<Record<string, number>> {
    return this.#node.counters();
  }

  stop(done: () => void): void {
    this.#node.stop(done);
  }

  crash(): void {
    this.#isCrashed = true;
    this.#node.crash();
  }
}
