/** A run with rows in two tables, for the tests of the results directory. */

import type { BlockRecord } from "./manifest.ts";
import type { BlockRows, RunDescription } from "./results-directory.ts";

export const exampleRun: RunDescription = {
  profile: "quick",
  seed: "7",
  command: ["repro", "--profile", "quick"],
  experiments: ["consensus-latency", "consensus-churn"],
  notRun: {},
  git: { sha: "0123456789abcdef0123456789abcdef01234567", dirty: false },
  startedAt: "2026-01-31T07:45:00.123Z",
};

export function exampleBlock(experiment: string, block: number): BlockRecord {
  return {
    experiment,
    block,
    seed: `7/${experiment}/${block}`,
    implementations: [
      { name: "minimal", status: "sound", voids: [] },
      { name: "production", status: "void", voids: [{ kind: "inert-fault", reason: "kill hit nothing" }] },
    ],
    startedAt: "2026-01-31T07:46:00.000Z",
    finishedAt: "2026-01-31T07:46:09.000Z",
    verdict: "valid",
  };
}

/** Two rows in `measurements`, one in `checks`. */
export function exampleRows(experiment: string, block: number): BlockRows {
  const place = { experiment, block, substrate: "cluster", nodes: 3, seed: `7/${experiment}/${block}` };
  const measured = { ...place, metric: "catch-up-ms", unit: "ms", value: block + 1 / 3 };
  return {
    measurements: [
      { ...measured, implementation: "minimal" },
      { ...measured, implementation: "production" },
    ],
    checks: [
      {
        ...place,
        implementation: "minimal",
        check: "linearizable",
        verdict: "valid",
        count: 9,
        unit: "operations",
        summary: 'all "9", placed',
      },
    ],
  };
}
