/** The scheduler implementations: what each can be subjected to, and how it is deployed. */

import { fileURLToPath } from "node:url";
import { UsageError } from "../../foundation/errors.ts";
import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { SchedulerImplementation } from "../../scheduler/contract.ts";
import { deployCluster } from "../cluster/process-cluster.ts";
import { anyNode, homeAlone } from "./client.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { resolveDeploymentSettings, resolveProductionSettings } from "./production-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";
import { deploySimulatedMinimal } from "./simulated-minimal.ts";
import { deploySimulatedProduction } from "./simulated-production.ts";

/** "leader" is left out: a scheduler has none. */
const partitionFaults = faultKinds.partition.filter((kind) => kind !== "leader");
/** Nodes reach each other by calls: there is no single message to lose, and no clock or disk that matters. */
const minimalFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...faultKinds.process,
  ...partitionFaults,
  ...faultKinds.thread,
]);

/** Nobody can give back to a home what it alone has accepted: a node that lost its disk is out of service for good. */
const survivedProcessFaults = faultKinds.process.filter((kind) => kind !== "wipe");
/** Bits that were flipped or overwritten are damage, which a home refuses for good: its tasks would never end. */
const survivedDiskFaults = faultKinds.disk.filter((kind) => kind !== "bit-flip" && kind !== "misdirect");
/** TCP repairs what duplicate and reorder do before anyone above it could notice: they do not exist in the cluster. */
const tcpPacketFaults = faultKinds.packet.filter((kind) => kind !== "duplicate" && kind !== "reorder");

export const minimalScheduler: SchedulerImplementation = {
  module: "scheduler",
  name: "minimal",
  faults: { simulated: minimalFaults, cluster: minimalFaults },
  durable: false,
  abilities: new Set(["priorities", "dependencies", "affinity", "calls"]),
  tracesTasks: true,
  checkSettings: (settings) => void resolveMinimalSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedMinimal(options);
    minimalScheduler.checkSettings(options.settings ?? {}); // Bad input is refused before anything is started.
    const layout = {
      entry: fileURLToPath(new URL("./minimal-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => [nodes],
      networked: false,
    };
    return deployCluster(schedulerKit(anyNode), layout, options);
  },
};

export const productionScheduler: SchedulerImplementation = {
  module: "scheduler",
  name: "production",
  faults: {
    simulated: new Set<FaultKind>([
      ...survivedProcessFaults,
      ...partitionFaults,
      ...faultKinds.packet,
      ...survivedDiskFaults,
      ...faultKinds.clock,
      ...faultKinds.thread,
    ]),
    cluster: new Set<FaultKind>([
      ...survivedProcessFaults,
      ...partitionFaults,
      ...tcpPacketFaults,
      ...survivedDiskFaults,
      ...faultKinds.clock,
      ...faultKinds.thread,
    ]),
  },
  durable: true,
  abilities: new Set(["priorities", "dependencies", "tenants", "affinity", "deadlines", "preemption", "calls"]),
  tracesTasks: true,
  checkSettings: (settings, nodes) => {
    if (nodes === undefined) resolveProductionSettings(settings);
    else resolveDeploymentSettings(settings, nodes);
  },
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    if (options.substrate === "simulated") return deploySimulatedProduction(options);
    // Bad input is refused before anything is started.
    const { strict } = resolveDeploymentSettings(options.settings, options.nodes);
    if (strict)
      throw new UsageError("Cannot use strict true: real threads do not wait; allowed is true in the simulator");
    const layout = {
      entry: fileURLToPath(new URL("./production-process.ts", import.meta.url)),
      processes: (nodes: readonly NodeId[]) => nodes.map((node) => [node]),
      networked: true,
    };
    return deployCluster(schedulerKit(homeAlone), layout, options);
  },
};
