/** The settings of a minimal deployment, checked once at the door. */

import { UsageError } from "../../foundation/errors.ts";
import { minimalDefaults } from "./minimal-cluster.ts";
import type { MinimalSettings } from "./minimal-cluster.ts";

const ranges: Readonly<Record<keyof MinimalSettings, readonly [low: number, high: number]>> = {
  electionTimeoutMs: [1, 60_000],
  heartbeatIntervalMs: [1, 30_000],
  maxLogEntries: [1, 50_000_000],
};

/** @throws UsageError naming the setting, its value and what is allowed. Settings of production are passed over. */
export function resolveMinimalSettings(
  overrides: Readonly<Record<string, number | boolean | string>> | undefined,
): MinimalSettings {
  const settings: Record<keyof MinimalSettings, number> = { ...minimalDefaults };
  for (const name of Object.keys(ranges) as (keyof MinimalSettings)[]) {
    const value = overrides?.[name];
    if (value === undefined) continue;
    const [low, high] = ranges[name];
    if (typeof value !== "number" || !(value >= low && value <= high)) {
      throw new UsageError(`Cannot use ${name} ${value}: allowed is a number in [${low}, ${high}]`);
    }
    settings[name] = value;
  }
  return settings;
}
