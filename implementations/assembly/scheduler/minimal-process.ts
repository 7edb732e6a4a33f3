/** The entry point of the one process that hosts a whole minimal scheduler, and executes its tasks. */

import { seededRandom } from "../../foundation/prng.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { openOneProcess } from "../cluster/one-process-host.ts";
import { runNodeProcess } from "../cluster/process-entry.ts";
import { anyNode } from "./client.ts";
import { inlineExecutor } from "./inline-executor.ts";
import { MinimalHost } from "./minimal-host.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";

runNodeProcess(schedulerKit(anyNode), (configuration, reports) => {
  const { hosted, settings, seed, life } = configuration;
  return openOneProcess(
    configuration,
    (node) => reports.started(node, []),
    (transportOf) =>
      new MinimalHost({
        nodes: hosted,
        settings: resolveMinimalSettings(settings),
        clock: nodeClock,
        random: seededRandom(`${seed}/minimal/life ${life}/nodes`),
        life,
        // Between two tasks clients and the driver get a turn.
        executor: inlineExecutor({ clock: nodeClock, defer: setImmediate }),
        transportOf,
        trace: (id, event) => reports.trace(id, event),
      }),
  );
});
