/** The consensus implementations: what each can be subjected to, and how it is deployed. */

import { fileURLToPath } from "node:url";
import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import type { ConsensusImplementation } from "../../consensus/contract.ts";
import { deployCluster } from "../cluster/process-cluster.ts";
import { deploySimulatedMinimal } from "./simulated-minimal.ts";
import { deploySimulatedProduction } from "./simulated-production.ts";

const { process: processFaults, partition, packet, disk, clock } = faultKinds;

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
  available: () => Promise.resolve(true),
  deploy: (options) =>
    options.substrate === "simulated"
      ? deploySimulatedMinimal(options)
      : deployCluster(
          {
            entry: fileURLToPath(new URL("../cluster/minimal-process.ts", import.meta.url)),
            processes: (nodes) => [nodes],
            networked: false,
          },
          options,
        ),
};

export const productionConsensus: ConsensusImplementation = {
  module: "consensus",
  name: "production",
  faults: {
    simulated: new Set<FaultKind>([...processFaults, ...partition, ...packet, ...disk, ...clock]),
    cluster: new Set<FaultKind>([...processFaults, ...partition, ...tcpPacketFaults, ...disk, ...clock]),
  },
  available: () => Promise.resolve(true),
  deploy: (options) =>
    options.substrate === "simulated"
      ? deploySimulatedProduction(options)
      : deployCluster(
          {
            entry: fileURLToPath(new URL("../cluster/production-process.ts", import.meta.url)),
            processes: (nodes) => nodes.map((node) => [node]),
            networked: true,
          },
          options,
        ),
};
