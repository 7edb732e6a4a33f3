/** The settings of a minimal store, checked once at the door. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveNumbers } from "../resolve-numbers.ts";
import type { AllowedRange } from "../resolve-numbers.ts";

export interface MinimalStorageSettings {
  /** Parts of each node's keys. */
  readonly shards: number;
  /** What a shard may hold, deleted keys included; one more is CAPACITY_EXCEEDED. */
  readonly maxKeysPerShard: number;
}

const defaults = { shards: 16, maxKeysPerShard: 100_000 } as const;

const ranges: Readonly<Record<keyof MinimalStorageSettings, AllowedRange>> = {
  shards: { low: 1, high: 4096, isWhole: true },
  maxKeysPerShard: { low: 1, high: 10_000_000, isWhole: true },
};

export const minimalSettingNames: readonly string[] = Object.keys(ranges);

/** @throws UsageError naming the setting, its value and what is allowed. Settings of production are passed over. */
export function resolveMinimalSettings(overrides: DeployOptions["settings"]): MinimalStorageSettings {
  return resolveNumbers<keyof MinimalStorageSettings>(defaults, ranges, overrides);
}
