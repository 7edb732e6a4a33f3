/**
 * Commits blocks to the results directory named by its argument until it is killed; for `results-directory.test.ts`.
 */

import { createResults, resumeResults } from "./results-directory.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { exampleBlock, exampleRows, exampleRun } from "./example-run.fixture.ts";

const directory = process.argv[2] ?? "";
const results = existsSync(join(directory, "manifest.json"))
  ? resumeResults(directory)
  : createResults({ out: directory }, exampleRun);
for (let block = 0; block < 100_000; block++) {
  if (!results.has("consensus-latency", block)) {
    results.commitBlock(exampleBlock("consensus-latency", block), exampleRows("consensus-latency", block));
  }
}
