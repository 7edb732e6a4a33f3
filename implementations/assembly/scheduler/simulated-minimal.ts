/** The minimal scheduler in the simulated substrate. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { SchedulerDeployment } from "../../scheduler/contract.ts";
import { simulatedCalls } from "../simulated/simulated-calls.ts";
import { SimulatedWorld } from "../simulated/world.ts";
import { anyNode } from "./client.ts";
import { MinimalHost } from "./minimal-host.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";
import { virtualExecutor } from "./virtual-executor.ts";

export async function deploySimulatedMinimal(options: DeployOptions): Promise<SchedulerDeployment> {
  const world = new SimulatedWorld(schedulerKit(anyNode), options);
  const host = new MinimalHost({
    nodes: world.founders,
    settings: resolveMinimalSettings(options.settings),
    clock: world.time,
    random: world.random.fork("nodes"),
    life: 1,
    executor: virtualExecutor(world.time),
    transportOf: (id) => world.sealed(world.network.endpoint(id)),
    trace: (id, event) => world.emit(id, event),
  });
  return Promise.resolve(simulatedCalls(world, host, refuseMoment));
}

function refuseMoment(): void {
  throw new UsageError("Cannot place a fault at a message between minimal nodes: they send none, they call each other");
}
