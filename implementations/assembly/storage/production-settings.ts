/** The settings of a production store, as a comparison gives them to all implementations. */

import type { DeployOptions } from "../../foundation/deployment.ts";
import { resolveSettings } from "../../storage/production/defaults.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import { minimalSettingNames } from "./minimal-settings.ts";

/** @throws UsageError naming the setting, its value and what is allowed. Settings of minimal alone are passed over. */
export function resolveProductionSettings(overrides: DeployOptions["settings"] = {}): StorageSettings {
  return resolveSettings(
    Object.fromEntries(Object.entries(overrides).filter(([name]) => !minimalSettingNames.includes(name))),
  );
}
