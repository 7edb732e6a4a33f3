/** Named numbers of an implementation: its defaults, with what a person wants otherwise, checked once at the door. */

import type { DeployOptions } from "../foundation/deployment.ts";
import { UsageError } from "../foundation/errors.ts";

export interface AllowedRange {
  readonly low: number;
  readonly high: number;
  readonly isWhole?: boolean;
}

/** @throws UsageError naming the setting, its value and what is allowed. Settings of others are passed over. */
export function resolveNumbers<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
  ranges: Readonly<Record<Name, AllowedRange>>,
  overrides: DeployOptions["settings"],
): Record<Name, number> {
  const settings: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(ranges) as Name[]) {
    const value = overrides?.[name];
    if (value === undefined) continue;
    const { low, high, isWhole = false } = ranges[name];
    if (typeof value !== "number" || !(value >= low && value <= high) || (isWhole && !Number.isInteger(value))) {
      const what = isWhole ? "a whole number" : "a number";
      throw new UsageError(`Cannot use ${name} ${value}: allowed is ${what} in [${low}, ${high}]`);
    }
    settings[name] = value;
  }
  return settings;
}
