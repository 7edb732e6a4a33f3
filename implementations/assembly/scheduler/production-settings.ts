/** The settings of a production scheduler, as a comparison gives them to all implementations. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveSettings } from "../../scheduler/production/defaults.ts";
import type { SchedulerSettings } from "../../scheduler/production/defaults.ts";

/** @throws UsageError naming the setting, its value and what is allowed. */
export function resolveProductionSettings(overrides: DeployOptions["settings"] = {}): SchedulerSettings {
  return resolveSettings(overrides);
}
