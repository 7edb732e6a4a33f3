/**
 * `npm run ok`: everything that judges the sources without running them. All checks run even when one fails; the output
 * of those that failed is shown, then one summary.
 *
 * `npm run ok -- types tidy` runs only those.
 */

import { $, within } from "zx";
import { root } from "./project-files.ts";

const checks = {
  format: ["prettier", "--check", "--log-level", "warn", "."],
  types: ["tsc", "-p", "."],
  lint: ["oxlint", "--type-aware", "--quiet"],
  "dead code": ["knip", "--no-progress"],
  tiers: ["node", "scripts/tiers.ts"],
  tidy: ["node", "scripts/tidy.ts"],
  readme: ["node", "scripts/claims-in-readme.ts", "--check"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

type CheckName = keyof typeof checks;

interface Checked {
  readonly name: CheckName;
  readonly ok: boolean;
  readonly seconds: string;
  readonly output: string;
}

const names = Object.keys(checks) as CheckName[];
const wanted = process.argv.slice(2);
const unknown = wanted.find((word) => !names.some((name) => name === word));
if (unknown !== undefined) {
  console.error(`npm run ok: unknown check "${unknown}"; allowed: ${names.join(", ")}`);
  process.exit(3);
}

const chosen = wanted.length === 0 ? names : names.filter((name) => wanted.includes(name));
const results = await within(async () => {
  $.cwd = root;
  $.preferLocal = true; // The tools of this clone, also when started outside of npm.
  $.nothrow = true;
  $.quiet = true;
  const done: Checked[] = [];
  for (const name of chosen) {
    const result = await run(name);
    done.push(result);
    if (!result.ok) console.log(`${name}\n${indented(result.output)}\n`);
  }
  return done;
});

for (const { name, ok, seconds } of results) {
  console.log(`${ok ? "ok    " : "FAILED"}  ${name.padEnd(9)}  ${seconds} s`);
}
const failed = results.filter(({ ok }) => !ok);
console.log(failed.length === 0 ? "All checks passed." : `${failed.length} of ${results.length} checks failed.`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function run(name: CheckName): Promise<Checked> {
  const result = await $`${checks[name]}`;
  return { name, ok: result.ok, seconds: (result.duration / 1000).toFixed(1), output: result.stdall.trimEnd() };
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
