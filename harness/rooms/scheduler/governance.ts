/**
 * What a deployment's settings promise about shares, quotas and capacity, read from the plan and not from the
 * implementation that is judged by it.
 *
 * A tenant's quota is the whole deployment's; each node may give out its part of it, rounded down.
 */

import { UsageError } from "../../../implementations/foundation/errors.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { defaultTenant } from "../../../implementations/scheduler/contract.ts";
import type { Resources, SchedulerImplementation } from "../../../implementations/scheduler/contract.ts";
import type { Plan } from "../../plan/plan.ts";
import { settingsOf } from "../../plan/settings-of.ts";

export interface TenantShare {
  readonly weight: number;
  /** What it may hold on one node, and in all; Infinity: no quota. */
  readonly perNode: Resources;
  readonly whole: Resources;
}

export interface Governance {
  /** Threads of a node that execute tasks. */
  readonly workers: number;
  /** Those of one home; without tenants one home has all workers of the deployment. */
  readonly lanes: number;
  /** What tasks may hold on one node at a time; undefined: the implementation knows no resources. */
  readonly capacity: Resources | undefined;
  readonly tenants: ReadonlyMap<string, TenantShare>;
  /** Tasks of one home that have not ended; Infinity: nobody says how many. */
  readonly queueLimit: number;
  /** In which a waiting task gains a level of priority; 0: tasks do not age. */
  readonly ageingMs: Millis;
  /** Whether workers of one lane take from another's. */
  readonly isStealing: boolean;
  /** Whether nodes execute each other's tasks. */
  readonly isLending: boolean;
}

const defaults = { workers: 2, memoryMb: 1024, ageingMs: 30_000 } as const;

export function governanceOf(
  { settings, nodes }: Pick<Plan, "settings" | "nodes">,
  { name, abilities }: Pick<SchedulerImplementation, "name" | "abilities">,
): Governance {
  const own = settingsOf(name, settings);
  const numberOf = (setting: string, otherwise: number): number => {
    const value = own[setting];
    return typeof value === "number" ? value : otherwise;
  };
  const workers = numberOf("workers", defaults.workers);
  if (!abilities.has("tenants")) {
    const lanes = nodes * workers;
    const free = { capacity: undefined, tenants: new Map(), queueLimit: Infinity, ageingMs: 0 } as const;
    return { workers, lanes, ...free, isStealing: true, isLending: true };
  }
  const cpuMilli = numberOf("cpuMilli", 0);
  const capacity = {
    cpuMilli: cpuMilli === 0 ? workers * 1000 : cpuMilli,
    memoryMb: numberOf("memoryMb", defaults.memoryMb),
  };
  const ageingMs = numberOf("ageingMs", defaults.ageingMs);
  const tenants = tenantsOf(String(own["tenants"] ?? ""), nodes);
  const isStealing = own["stealing"] !== false;
  const isLending = nodes > 1 && own["remoteStealing"] !== false;
  const queueLimit = numberOf("queueLimit", Infinity);
  return { workers, lanes: workers, capacity, tenants, queueLimit, ageingMs, isStealing, isLending };
}

/**
 * @param text "a:2:1000:512,b:1", or with ";" between: name, weight, and quotas of thousandths of a processor and of
 *   megabytes.
 */
export function tenantsOf(text: string, nodes: number): ReadonlyMap<string, TenantShare> {
  const shares = text === "" ? [] : text.split(/[,;]/).map((each) => tenantOf(each, nodes));
  const tenants = new Map(shares);
  if (!tenants.has(defaultTenant)) tenants.set(...tenantOf(`${defaultTenant}:1`, nodes));
  return tenants;
}

function tenantOf(text: string, nodes: number): readonly [name: string, share: TenantShare] {
  const [name = "", ...rest] = text.split(":");
  const [weight = 1, cpuMilli = Infinity, memoryMb = Infinity] = rest.map((part) =>
    part === "" ? undefined : Number(part),
  );
  if (name === "" || [weight, cpuMilli, memoryMb].some((each) => !(each >= 0))) {
    throw new UsageError(`tenants: "${text}" is no tenant; allowed: NAME:WEIGHT[:CPUMILLI[:MEMORYMB]]`);
  }
  const perNode = { cpuMilli: Math.floor(cpuMilli / nodes), memoryMb: Math.floor(memoryMb / nodes) };
  return [name, { weight, perNode, whole: { cpuMilli, memoryMb } }];
}
