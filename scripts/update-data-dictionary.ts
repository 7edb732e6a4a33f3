/** Writes the current data dictionary into `results/README.md`: run it after a change of `tables.ts`. */

import { readFileSync, writeFileSync } from "node:fs";

import { withDataDictionary } from "../harness/report/data-dictionary.ts";

const readme = new URL("../results/README.md", import.meta.url);
writeFileSync(readme, withDataDictionary(readFileSync(readme, "utf8")));
