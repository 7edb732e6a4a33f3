/**
 * The tenants of a deployment: their weights, and what each may use of it.
 *
 * A quota is the whole deployment's, and every node enforces its share, rounded down: the shares never add up to more
 * than the quota, whatever the nodes know of each other. A tenant whose jobs all live on one node therefore gets that
 * node's share alone; what could be moved between nodes would have to be agreed on while they cannot talk.
 */

import { UsageError } from "../../foundation/errors.ts";
import { defaultTenant } from "../contract.ts";
import type { Resources } from "../contract.ts";

export interface Tenant {
  readonly name: string;
  readonly weight: number;
  /** Of the whole deployment; Infinity: as much as there is. */
  readonly quota: Resources;
}

export const maxTenants = 64;
const maxWeight = 1_000_000;
const form = "NAME:WEIGHT[:CPU_MILLI[:MEMORY_MB]], with commas or semicolons between, as in a:2:1000:512,b:1";

/**
 * Returns the tenants that `text` lists, `defaultTenant` with weight 1 in front unless it is listed.
 *
 * @throws UsageError naming the entry and what is allowed.
 */
export function parseTenants(text: string): readonly Tenant[] {
  const entries = text === "" ? [] : text.split(/[,;]/);
  const tenants = entries.map(parseTenant);
  const names = new Set(tenants.map(({ name }) => name));
  if (names.size < tenants.length) throw refused(text, "a tenant is listed twice");
  if (!names.has(defaultTenant)) tenants.unshift({ name: defaultTenant, weight: 1, quota: unlimited });
  if (tenants.length > maxTenants) throw refused(text, `there are more than ${maxTenants}`);
  return tenants;
}

/** What one of `nodes` nodes may use for the tenant. */
export function shareOf({ quota }: Tenant, nodes: number): Resources {
  return { cpuMilli: Math.floor(quota.cpuMilli / nodes), memoryMb: Math.floor(quota.memoryMb / nodes) };
}

const unlimited: Resources = { cpuMilli: Infinity, memoryMb: Infinity };

function parseTenant(entry: string): Tenant {
  const [name = "", weight, cpuMilli, memoryMb, ...rest] = entry.split(":");
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw refused(entry, "a name is 1 to 64 of A-Z a-z 0-9 _ -");
  if (weight === undefined || rest.length > 0) throw refused(entry, "a name and 1 to 3 numbers are needed");
  return {
    name,
    weight: numberIn(entry, "weight", weight, [0.001, maxWeight]),
    quota: {
      cpuMilli: cpuMilli === undefined ? Infinity : wholeNumberIn(entry, "cpuMilli", cpuMilli),
      memoryMb: memoryMb === undefined ? Infinity : wholeNumberIn(entry, "memoryMb", memoryMb),
    },
  };
}

function wholeNumberIn(entry: string, what: string, text: string): number {
  const value = numberIn(entry, what, text, [0, 2 ** 30]);
  if (!Number.isInteger(value)) throw refused(entry, `${what} is a whole number`);
  return value;
}

function numberIn(entry: string, what: string, text: string, [least, most]: readonly [number, number]): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw refused(entry, `${what} lies in [${least}, ${most}]`);
  return value;
}

function refused(entry: string, why: string): UsageError {
  return new UsageError(`Cannot use tenants ${JSON.stringify(entry)}: ${why}; allowed is ${form}`);
}
