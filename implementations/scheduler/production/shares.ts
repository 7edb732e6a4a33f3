/** What one node may use for each tenant, as the run queue and the admission want it. */

import { UsageError } from "../../foundation/errors.ts";
import { defaultTenant } from "../contract.ts";
import type { Resources } from "../contract.ts";
import type { AdmittedTask } from "./admitted-task.ts";
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

/** @throws UsageError when a tenant's quota is more than `nodes` nodes have together. */
export function refuseLargeQuotas(settings: SchedulerSettings, nodes: number): void {
  const capacity = capacityOf(settings);
  for (const { name: tenant, quota } of parseTenants(settings.tenants)) {
    for (const name of ["cpuMilli", "memoryMb"] as const) {
      const most = nodes * capacity[name];
      if (quota[name] === Infinity || quota[name] <= most) continue;
      const what = `Cannot use tenants ${JSON.stringify(settings.tenants)}: the quota of ${tenant} is ${name} ${quota[name]}`;
      throw new UsageError(`${what}; allowed is at most ${most}, ${capacity[name]} on each of ${nodes} nodes`);
    }
  }
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

/**
 * Returns what a task is charged while it runs: what it needs, and no more than there is.
 *
 * Admission refuses a task that needs more, but a node may have been started again with less than when it accepted one.
 * Such a task could never start, and the others would wait for it: instead it holds all there is while it runs. To
 * refuse the start, or to fail the task, would punish work that was right when it was accepted. A quota of nothing is
 * no mistake: its tenant's tasks wait until it is raised, and nobody waits for them.
 */
export function chargesOf(
  settings: SchedulerSettings,
  nodes: number,
): (task: Pick<AdmittedTask, "tenant" | "resources">) => Resources {
  const capacity = capacityOf(settings);
  const shares = new Map(parseTenants(settings.tenants).map((tenant) => [tenant.name, shareOf(tenant, nodes)]));
  return ({ tenant, resources }) => {
    const share = shares.get(tenant) ?? shares.get(defaultTenant);
    const charge = (name: keyof Resources): number => {
      const quota = share?.[name] ?? Infinity;
      return Math.min(resources[name], capacity[name], quota === 0 ? Infinity : quota);
    };
    return { cpuMilli: charge("cpuMilli"), memoryMb: charge("memoryMb") };
  };
}

/** By tenant name. */
export function tenantNumbersOf({ tenants }: SchedulerSettings): ReadonlyMap<string, number> {
  return new Map(parseTenants(tenants).map(({ name }, number) => [name, number]));
}

/** Places in the run queue: for all tasks that have not ended, for guests, and for attempts that are void. */
export const queueSlots = ({ queueLimit, workers }: SchedulerSettings): number => queueLimit + 64 + 8 * workers;
