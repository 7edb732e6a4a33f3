/** The consensus implementations: what each can be subjected to, and how it is deployed. */

import { fileURLToPath } from "node:url";
import type { DeployOptions } from "../../foundation/deployment.ts";
import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusDeployment, ConsensusImplementation } from "../../consensus/contract.ts";
import { resolveSettings } from "../../consensus/production/defaults.ts";
import { deployCluster } from "../cluster/process-cluster.ts";
import type { ClusterLayout } from "../cluster/process-cluster.ts";
import { consensusKit } from "./consensus-kit.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { deploySimulatedMinimal } from "./simulated-minimal.ts";
import { deploySimulatedProduction } from "./simulated-production.ts";

const { process: processFaults, partition, packet, disk, clock, membership } = faultKinds;

/** TCP repairs what duplicate and reorder do before anyone above it could notice: they do not exist in the cluster. */
const tcpPacketFaults = packet.filter((kind) => kind !== "duplicate" && kind !== "reorder");
/** Direct calls take no time and carry no bytes: see `call-gate.ts`. */
const callFaults = ["loss", "duplicate", "reorder"] as const satisfies readonly FaultKind[];

export const minimalConsensus: ConsensusImplementation = {
  module: "consensus",
  name: "minimal",
  faults: {
    simulated: new Set<FaultKind>([...processFaults, ...partition, ...callFaults, ...clock]),
    cluster: new Set<FaultKind>([...processFaults, ...partition, ...callFaults, ...clock]),
  },
  durable: false,
  keepsLeaders: false,
  tracesLog: true,
  checkSettings: (settings) => void resolveMinimalSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedMinimal(options);
    minimalConsensus.checkSettings(options.settings ?? {}); // Bad input is refused before anything is started.
    const layout = {
      entry: fileURLToPath(new URL("./minimal-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => [nodes],
      networked: false,
    };
    return deployConsensus(layout, options);
  },
};

export const productionConsensus: ConsensusImplementation = {
  module: "consensus",
  name: "production",
  faults: {
    simulated: new Set<FaultKind>([...processFaults, ...partition, ...packet, ...disk, ...clock, ...membership]),
    cluster: new Set<FaultKind>([...processFaults, ...partition, ...tcpPacketFaults, ...disk, ...clock, ...membership]),
  },
  durable: true,
  keepsLeaders: true,
  tracesLog: true,
  checkSettings: (settings) => void resolveSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedProduction(options);
    productionConsensus.checkSettings(options.settings ?? {}); // Bad input is refused before anything is started.
    const layout = {
      entry: fileURLToPath(new URL("./production-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => nodes.map((node) => [node]),
      networked: true,
    };
    return deployConsensus(layout, options);
  },
};

async function deployConsensus(layout: ClusterLayout, options: DeployOptions): Promise<ConsensusDeployment> {
  const deployment = await deployCluster(consensusKit, layout, options);
  // Real processes have no moment between two steps at which another process could look at them.
  return Object.assign(deployment, { observeViews: () => undefined });
}
