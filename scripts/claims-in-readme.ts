/**
 * `npm run claims`: writes the claim table into README.md from the declarations under `repro/claims`. With `--check` it
 * writes nothing and fails when the table is not current; `npm run ok` runs that.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../repro/catalogue.ts";
import { claimTable, withClaimTable } from "./claim-table.ts";
import { root } from "./project-files.ts";

const path = join(root, "README.md");
const readme = readFileSync(path, "utf8");
const current = withClaimTable(readme, claimTable(catalogue.claims));

if (current === readme) {
  console.log(`README.md shows all ${catalogue.claims.length} claims as they are declared`);
} else if (process.argv.includes("--check")) {
  console.error("README.md: the claim table differs from the declarations; run `npm run claims`");
  process.exitCode = 1;
} else {
  writeFileSync(path, current);
  console.log(`README.md: wrote ${catalogue.claims.length} claims`);
}
