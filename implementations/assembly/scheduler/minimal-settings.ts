/** The settings of a minimal scheduler, checked once at the door. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveNumbers } from "../resolve-numbers.ts";
import type { AllowedRange } from "../resolve-numbers.ts";

export interface MinimalSchedulerSettings {
  /** Of each node. */
  readonly workers: number;
}

const defaults = { workers: 2 } as const;

const ranges: Readonly<Record<keyof MinimalSchedulerSettings, AllowedRange>> = {
  workers: { low: 1, high: 64, isWhole: true },
};

/** @throws UsageError naming the setting, its value and what is allowed. Settings of production are passed over. */
export function resolveMinimalSettings(overrides: DeployOptions["settings"]): MinimalSchedulerSettings {
  return resolveNumbers<keyof MinimalSchedulerSettings>(defaults, ranges, overrides);
}
