/** How a queue in shared memory fares when a thread stops in the middle of an operation, at every place. */

import { stoppedMidway } from "../../../implementations/assembly/scheduler/stopped-midway.ts";
import type { QueueStructure } from "../../../implementations/assembly/scheduler/stopped-midway.ts";
import type { Measurement } from "../../measure/probes.ts";

/** Returns at how many places of an operation a thread can stop, and at how many of them it blocks all others. */
export function lockFreedom(structure: QueueStructure): readonly Measurement[] {
  const { places, blocking } = stoppedMidway(structure);
  return [
    { metric: "stopping-places", value: places, unit: "count" },
    { metric: "blocking-places", value: blocking, unit: "count" },
  ];
}
