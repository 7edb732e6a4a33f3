/** What this process uses, as its node's resources. */

import type { NodeResources } from "../../foundation/deployment.ts";

export function ownUsage(): Pick<NodeResources, "residentBytes" | "cpuMs"> {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 };
}

/** Where the memory of this process is. */
export function ownMemory(): Readonly<Record<string, number>> {
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    "heap bytes": heapTotal,
    "heap bytes used": heapUsed,
    "external bytes": external,
    "buffer bytes": arrayBuffers,
  };
}

/** Returns the counters of a part of a node under names that say which part. */
export function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix} ${name}`, value]));
}
