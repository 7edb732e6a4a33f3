/** The peers of the scheduler: what each can be subjected to, whether it is here, and how it is deployed. */

import { fileURLToPath } from "node:url";
import type { DeployOptions } from "../../../foundation/deployment.ts";
import { UsageError } from "../../../foundation/errors.ts";
import type { NodeId } from "../../../foundation/units.ts";
import { findExecutable } from "../../../platform/node/executable.ts";
import { redisProgram, redisRefusal } from "../../../platform/node/redis-server.ts";
import type { SchedulerDeployment, SchedulerImplementation } from "../../../scheduler/contract.ts";
import { deployCluster } from "../../cluster/process-cluster.ts";
import { singleServerFaults } from "../../single-server/single-server-faults.ts";
import { anyNode } from "../client.ts";
import { schedulerKit } from "../scheduler-kit.ts";
import { bullmqRules, piscinaRules, pQueueRules } from "./abilities.ts";
import { deployBullmq } from "./deploy-bullmq.ts";
import type { PeerRules } from "./peer-rules.ts";
import { resolveBullmqSettings, resolvePeerSettings } from "./peer-settings.ts";

export const pQueueScheduler: SchedulerImplementation = {
  ...common(pQueueRules),
  // What it knows it knows in memory.
  durable: false,
  checkSettings: (settings) => void resolvePeerSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    resolvePeerSettings(options.settings); // Bad input is refused before anything is started.
    return deployHost("p-queue", options);
  },
};

export const piscinaScheduler: SchedulerImplementation = {
  ...common(piscinaRules),
  durable: false,
  checkSettings: (settings) => void resolvePeerSettings(settings),
  available: () => Promise.resolve(true),
  deploy: async (options) => {
    resolvePeerSettings(options.settings);
    return deployHost("piscina", options);
  },
};

export const bullmqScheduler: SchedulerImplementation = {
  ...common(bullmqRules),
  durable: true,
  checkSettings: (settings) => void resolveBullmqSettings(settings),
  available: () => Promise.resolve(found().refusal ?? true),
  deploy: async (options) => {
    resolveBullmqSettings(options.settings);
    const { binary, refusal } = found();
    if (binary === undefined) throw new UsageError(`Cannot run bullmq: ${refusal ?? notInstalled}`);
    refuseSimulation("bullmq", options);
    return deployBullmq(binary, options, (hostOptions) => deployHost("bullmq", hostOptions));
  },
};

export const schedulerPeers: readonly SchedulerImplementation[] = [bullmqScheduler, piscinaScheduler, pQueueScheduler];

function common({
  name,
  abilities,
}: PeerRules): Pick<SchedulerImplementation, "module" | "name" | "faults" | "abilities" | "tracesTasks"> {
  return { module: "scheduler", name, faults: { cluster: singleServerFaults }, abilities, tracesTasks: true };
}

/** One node, however many a plan asks for: several would be schedulers that know nothing of each other. */
function deployHost(name: "p-queue" | "piscina" | "bullmq", options: DeployOptions): Promise<SchedulerDeployment> {
  refuseSimulation(name, options);
  const layout = {
    entry: fileURLToPath(entries[name]),
    processes: (nodes: readonly NodeId[]) => [nodes],
    networked: false,
  };
  return deployCluster(schedulerKit(anyNode), layout, { ...options, nodes: 1 });
}

const entries = {
  "p-queue": new URL("./p-queue-process.ts", import.meta.url),
  piscina: new URL("./piscina-process.ts", import.meta.url),
  bullmq: new URL("./bullmq-process.ts", import.meta.url),
} as const;

function refuseSimulation(name: string, { substrate }: DeployOptions): void {
  if (substrate !== "cluster") throw new UsageError(`Cannot run ${name} in the simulator: it has threads or processes`);
}

const notInstalled =
  "redis is not installed: run `npm run peers` (Debian: apt-get install redis-server), or name its binary in GREY_REDIS";

function found(): { readonly binary?: string; readonly refusal?: string } {
  const binary = findExecutable(redisProgram);
  if (binary === undefined) return { refusal: notInstalled };
  const refusal = redisRefusal(binary);
  return refusal === undefined ? { binary } : { refusal };
}
