/** The entry point of the one process that hosts a whole minimal cluster. */

import { seededRandom } from "../../foundation/prng.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { openOneProcess } from "../cluster/one-process-host.ts";
import { runNodeProcess } from "../cluster/process-entry.ts";
import { consensusKit } from "./consensus-kit.ts";
import { MinimalCluster } from "./minimal-cluster.ts";
import { resolveMinimalSettings } from "./minimal-settings.ts";

runNodeProcess(consensusKit, (configuration, reports) => {
  const { hosted, settings, seed, life } = configuration;
  return openOneProcess(
    configuration,
    (node) => reports.started(node, []),
    (transportOf) =>
      new MinimalCluster({
        nodes: hosted,
        settings: resolveMinimalSettings(settings),
        clock: nodeClock,
        random: seededRandom(`${seed}/minimal/life ${life}/nodes`),
        transportOf,
        trace: (id, event) => reports.trace(id, event),
      }),
  );
});
