/** The settings of a minimal deployment, checked once at the door. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveNumbers } from "../resolve-numbers.ts";
import type { AllowedRange } from "../resolve-numbers.ts";
import { minimalDefaults } from "./minimal-cluster.ts";
import type { MinimalSettings } from "./minimal-cluster.ts";

const ranges: Readonly<Record<keyof MinimalSettings, AllowedRange>> = {
  electionTimeoutMs: { low: 1, high: 60_000 },
  heartbeatIntervalMs: { low: 1, high: 30_000 },
  maxLogEntries: { low: 1, high: 50_000_000 },
};

/** @throws UsageError naming the setting, its value and what is allowed. Settings of production are passed over. */
export function resolveMinimalSettings(overrides: DeployOptions["settings"]): MinimalSettings {
  return resolveNumbers({ ...minimalDefaults }, ranges, overrides);
}
