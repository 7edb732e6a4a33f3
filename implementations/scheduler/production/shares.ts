/** What one node may use for each tenant, as the run queue and the admission want it. */

import type { Resources } from "../contract.ts";
import type { SchedulerSettings } from "./defaults.ts";
import { parseTenants, shareOf } from "./tenants.ts";

export interface QueueShare extends Resources {
  readonly weight: number;
}

/** By tenant number; the last one are the guests, tasks of other homes, whose quota their homes hold. */
export function sharesOf({ tenants }: SchedulerSettings, nodes: number): readonly QueueShare[] {
  const own = parseTenants(tenants).map((tenant) => ({ weight: tenant.weight, ...shareOf(tenant, nodes) }));
  return [...own, { weight: 1, cpuMilli: Infinity, memoryMb: Infinity }];
}

/** What the tasks of a node may hold together. */
export function capacityOf({ cpuMilli, memoryMb, workers }: SchedulerSettings): Resources {
  return { cpuMilli: cpuMilli === 0 ? 1000 * workers : cpuMilli, memoryMb };
}

/** By tenant name: what a single task may hold, or it could never start. */
export function allowancesOf(settings: SchedulerSettings, nodes: number): ReadonlyMap<string, Resources> {
  const capacity = capacityOf(settings);
  return new Map(
    parseTenants(settings.tenants).map((tenant) => {
      const share = shareOf(tenant, nodes);
      const cpuMilli = Math.min(share.cpuMilli, capacity.cpuMilli);
      const memoryMb = Math.min(share.memoryMb, capacity.memoryMb);
      return [tenant.name, { cpuMilli, memoryMb }];
    }),
  );
}

/** By tenant name. */
export function tenantNumbersOf({ tenants }: SchedulerSettings): ReadonlyMap<string, number> {
  return new Map(parseTenants(tenants).map(({ name }, number) => [name, number]));
}

/** Places in the run queue: for all tasks that have not ended, for guests, and for attempts that are void. */
export const queueSlots = ({ queueLimit, workers }: SchedulerSettings): number => queueLimit + 64 + 8 * workers;
