/** Turns what a checker found into its verdict: the first problems in words, and how many there are. */

import type { CheckResult } from "./verdict.ts";

const shownProblems = 5;

/**
 * Returns the verdict: invalid where there is a problem, unknown where nothing was judged.
 *
 * @param count how much was judged, in `unit`.
 */
export function resultOfProblems(
  id: string,
  count: number,
  unit: string,
  problems: readonly string[],
  nothing = `there are no ${unit}`,
): CheckResult {
  const common = { id, count, unit } as const;
  const first = problems[0];
  if (first === undefined) {
    if (count === 0) return { ...common, validity: "unknown", summary: nothing };
    return { ...common, validity: "valid", summary: `all ${count} ${unit} are accounted for` };
  }
  const more = problems.length > shownProblems ? [`and ${problems.length - shownProblems} more`] : [];
  const counterexample = [...problems.slice(0, shownProblems), ...more].join("\n");
  return { ...common, validity: "invalid", summary: first, counterexample };
}
