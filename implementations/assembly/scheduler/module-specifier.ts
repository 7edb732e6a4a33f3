/** Which modules a call may name: an absolute path, an absolute file URL, or a package of the registry. */

import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";

export const allowedModules = "an absolute path, a file URL or the name of an installed package";

const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(\/[\w./-]+)?$/;

/**
 * Returns what to hand to `import`; undefined when `module` is none of what is allowed. Relative paths would depend on
 * where a scheduler's own files lie, other schemes load code from anywhere.
 */
export function moduleSpecifier(module: string): string | undefined {
  if (module.startsWith("file:///")) return module;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  return packageName.test(module) ? module : undefined;
}
