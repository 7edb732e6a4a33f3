/** The settings of a production scheduler, as a comparison gives them to all implementations. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveSettings } from "../../scheduler/production/defaults.ts";
import { refuseLargeQuotas } from "../../scheduler/production/shares.ts";
import type { SchedulerSettings } from "../../scheduler/production/defaults.ts";

/** @throws UsageError as `resolveProductionSettings`, and where a quota is more than so many nodes have. */
export function resolveDeploymentSettings(overrides: DeployOptions["settings"], nodes: number): SchedulerSettings {
  const settings = resolveSettings(overrides);
  refuseLargeQuotas(settings, nodes);
  return settings;
}

/** @throws UsageError naming the setting, its value and what is allowed. */
export function resolveProductionSettings(overrides: DeployOptions["settings"] = {}): SchedulerSettings {
  return resolveSettings(overrides);
}
