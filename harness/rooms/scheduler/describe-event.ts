/** A trace event of a scheduler as people read it. */

import { unreachable } from "../../../implementations/foundation/assert.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";

/** Returns "starts c0-3.1 (token 4194305) on worker 1". */
export function describeEvent(event: SchedulerEvent): string {
  switch (event.kind) {
    case "start":
      return `starts life ${event.life} with ${event.tasks} tasks that have not ended`;
    case "damage":
      return `puts its damaged files aside: ${event.what}`;
    case "accepted": {
      const lane = event.lane < 0 ? "" : `, lane ${event.lane}`;
      const needs = event.dependencies.length === 0 ? "" : `, after ${event.dependencies.join(" ")}`;
      const holds = `${event.cpuMilli} m, ${event.memoryMb} MB`;
      return `accepts ${event.task} as number ${event.order} of ${event.tenant}: priority ${event.priority}, ${holds}${lane}${needs}`;
    }
    case "ready":
      return `has ${event.task} ready (token ${event.token}, rank ${event.rank})`;
    case "leased":
      return `leases ${event.task} (token ${event.token}) to ${event.to}`;
    case "started": {
      const from = event.lane < 0 ? "" : ` from lane ${event.lane}`;
      return `starts ${event.task} (token ${event.token}) on worker ${event.worker}${from} after ${event.waitMs.toFixed(3)} ms`;
    }
    case "preempting":
      return `asks ${event.task} (token ${event.token}) to yield`;
    case "ended":
      return `notes that ${event.task} (token ${event.token}) ${event.end} after ${event.ranMs.toFixed(3)} ms`;
    case "committed":
      return `commits ${event.task} (token ${event.token}) as ${event.end}`;
    case "stop":
      return event.orderly ? "stops" : "crashes";
    default:
      return unreachable(event);
  }
}
