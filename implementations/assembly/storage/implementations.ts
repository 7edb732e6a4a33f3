/** The storage implementations: what each can be subjected to, and how it is deployed. */

import { fileURLToPath } from "node:url";
import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { StorageDeployment, StorageImplementation } from "../../storage/contract.ts";
import { deployCluster } from "../cluster/process-cluster.ts";
import { rotatedByKey } from "./client.ts";
import { EngineServer } from "./engine-server.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { ringPreference } from "./ring-preference.ts";
import { deploySimulatedMinimal } from "./simulated-minimal.ts";
import { deploySimulatedProduction } from "./simulated-production.ts";
import { storageKit } from "./storage-kit.ts";

/** "leader" is left out: a store has none. */
const partitionFaults = faultKinds.partition.filter((kind) => kind !== "leader");
/** A peer is reached for a whole operation or not at all: there is no single message to lose, and no clock matters. */
const minimalFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([...faultKinds.process, ...partitionFaults]);

/** A store has no office to hand over. */
const memberFaults = faultKinds.membership.filter((kind) => kind !== "transfer");

/** What can be done to an engine that writes through the operating system: see `node-engine.ts`. */
const engineFaults = ["read-error", "write-error", "full", "slow", "bit-flip"] as const satisfies readonly FaultKind[];

/** TCP repairs what duplicate and reorder do before anyone above it could notice: they do not exist in the cluster. */
const tcpPacketFaults = faultKinds.packet.filter((kind) => kind !== "duplicate" && kind !== "reorder");

export const minimalStorage: StorageImplementation = {
  module: "storage",
  name: "minimal",
  faults: { simulated: minimalFaults, cluster: minimalFaults },
  durable: false,
  converges: false,
  checkSettings: (settings) => void resolveMinimalSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedMinimal(options);
    minimalStorage.checkSettings(options.settings ?? {}); // Bad input is refused before anything is started.
    const layout = {
      entry: fileURLToPath(new URL("./minimal-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => [nodes],
      networked: false,
    };
    return deployCluster(storageKit(rotatedByKey), layout, options);
  },
};

export const productionStorage: StorageImplementation = {
  module: "storage",
  name: "production",
  faults: {
    simulated: new Set<FaultKind>([
      ...faultKinds.process,
      ...partitionFaults,
      ...faultKinds.packet,
      ...faultKinds.disk,
      ...faultKinds.clock,
      ...memberFaults,
    ]),
    cluster: new Set<FaultKind>([
      ...faultKinds.process,
      ...partitionFaults,
      ...tcpPacketFaults,
      ...engineFaults,
      ...faultKinds.clock,
      ...memberFaults,
    ]),
  },
  durable: true,
  converges: true,
  checkSettings: (settings) => void resolveProductionSettings(settings),
  refusalOf: (fault, settings) => {
    const { engine } = resolveProductionSettings(settings);
    if (fault !== "bit-flip" || engine === "rocksdb") return undefined;
    return `only files of rocksdb are damaged, and the engine is ${engine}; set engine=rocksdb`;
  },
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedProduction(options);
    const settings = resolveProductionSettings(options.settings); // Bad input is refused before anything is started.
    const layout = {
      entry: fileURLToPath(new URL("./production-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => nodes.map((node) => [node]),
      networked: true,
    };
    const kit = storageKit(ringPreference(settings));
    if (settings.engine !== "postgresql" || settings.postgresqlUrl !== "") return deployCluster(kit, layout, options);
    const server = await EngineServer.start(options.directory, options.nodes);
    try {
      const deployed = { ...options, settings: { ...options.settings, postgresqlUrl: server.url } };
      const deployment = await deployCluster(kit, layout, deployed);
      return endingWith(deployment, () => server.close());
    } catch (error) {
      await server.close();
      throw error;
    }
  },
};

/** @param end what is to be ended once the deployment has stopped. */
function endingWith(deployment: StorageDeployment, end: () => Promise<void>): StorageDeployment {
  const stop = deployment.stop.bind(deployment);
  let stopping: Promise<void> | undefined;
  return Object.assign(deployment, { stop: () => (stopping ??= stop().then(end)) });
}
