/** The scheduler implementations: what each can be subjected to, and how it is deployed. */

import { fileURLToPath } from "node:url";
import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { SchedulerImplementation } from "../../scheduler/contract.ts";
import { deployCluster } from "../cluster/process-cluster.ts";
import { anyNode } from "./client.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";
import { deploySimulatedMinimal } from "./simulated-minimal.ts";

/** "leader" is left out: a scheduler has none. */
const partitionFaults = faultKinds.partition.filter((kind) => kind !== "leader");
/** Nodes reach each other by calls: there is no single message to lose, and no clock or disk that matters. */
const minimalFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...faultKinds.process,
  ...partitionFaults,
  ...faultKinds.thread,
]);

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
