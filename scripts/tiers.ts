/**
 * The import-tier check: every import of every source against the table in `tier-of.ts`.
 *
 * Run by `npm run ok`, or alone: `node scripts/tiers.ts`.
 */

import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { importsOf } from "./source-text.ts";
import type { Import, Source } from "./source-text.ts";
import { placeOf, rules, testsMayImport } from "./tier-of.ts";
import type { Place, Target } from "./tier-of.ts";
import { reportViolations } from "./violation.ts";
import type { Violation } from "./violation.ts";

if (import.meta.main) reportViolations(tierViolations);

/** Returns the imports of one file that its tier may not have. `path` is from the root, with forward slashes. */
export function tierViolations(path: string, source: Source): readonly Violation[] {
  const place = placeOf(path);
  if (place === undefined) return [{ path, line: 1, message: "belongs to no tier; see scripts/tier-of.ts" }];
  return importsOf(source).flatMap((each) => {
    const problem = problemWith(each, path, place);
    return problem === undefined ? [] : [{ path, line: each.line, message: problem }];
  });
}

function problemWith(imported: Import, path: string, from: Place): string | undefined {
  const { specifier, typeOnly } = imported;
  if (specifier === undefined) return computed(from);
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith("node:") && path.endsWith(".ts")) return `"${specifier}" is written "node:${specifier}"`;
    return mayImport(from, "node:") ? undefined : refusal(from, "node:", specifier);
  }
  if (!specifier.startsWith("."))
    return mayImportPackage(from, specifier) ? undefined : refusal(from, "package", specifier);
  if (!/\.(ts|js|json)$/.test(specifier)) return `"${specifier}" lacks its extension`;

  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (!target.includes("/")) return mayImport(from, "root") ? undefined : refusal(from, "root", target);
  const to = placeOf(target);
  if (to === undefined) return `"${target}" belongs to no tier`;
  if (to.test && !from.test) return `"${target}" is a test`;
  return mayReach(from, to, typeOnly, path) ? undefined : refusal(from, to.tier, target);
}

function computed(from: Place): string | undefined {
  const free = from.tier === "assembly" || from.tier === "harness" || from.tier === "cli" || from.tier === "scripts";
  return free || from.test ? undefined : "imports something computed, which no check can follow";
}

function mayReach(from: Place, to: Place, typeOnly: boolean, path: string): boolean {
  const rule = rules[from.tier];
  if (mayImport(from, to.tier)) return true;
  if (to.room !== undefined && to.room === from.room) {
    // A test that lies in the room itself judges the whole room: one contract suite runs on every implementation.
    return rule.own.includes(to.tier) || (from.test && posix.dirname(path) === `implementations/${to.room}`);
  }
  if (from.test && from.tier === "platform" && to.tier.startsWith("platform")) return true;
  if (to.tier !== "contract" || !typeOnly || to.room === undefined) return false;
  return rule.contractsByType === "all" || rule.contractsByType.includes(to.room);
}

function mayImport(from: Place, target: Target): boolean {
  return rules[from.tier].any.includes(target) || (from.test && testsMayImport.includes(target));
}

function mayImportPackage(from: Place, specifier: string): boolean {
  const { packages } = rules[from.tier];
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  return from.test || packages === "all" || packages.includes(name);
}

function refusal(from: Place, to: Target, what: string): string {
  const rule = rules[from.tier];
  const allowed = [...rule.any, ...rule.own.map((tier) => `its own ${tier}`)];
  return `${from.tier} may not import ${to} ("${what}"); it may import ${allowed.join(", ")}`;
}
