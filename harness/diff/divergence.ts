/** What a comparison of implementations gives: how many states were compared, where they differ, and the verdict. */

import type { CheckResult } from "../check/verdict.ts";

/** One state (or result) in which an implementation differs from the first one. */
export interface Divergence {
  readonly implementation: string;
  /** The implementation it is compared with. */
  readonly reference: string;
  /** What was compared: "state after step 4, append "v4"", "final state of n2". */
  readonly where: string;
  /** The first difference, several lines. */
  readonly description: string;
}

export interface Comparison {
  /** States and results compared with the reference's. */
  readonly compared: number;
  /** In order; at most `keptDivergences` of them. */
  readonly divergences: readonly Divergence[];
  readonly check: CheckResult;
}

/** Once states diverge, everything after them does: the first few tell. */
export const keptDivergences = 20;

/** The comparison as a check: `what` was compared, in `unit`; a reason makes a verdict without divergence `unknown`. */
export function comparisonOf(
  id: string,
  compared: number,
  unit: string,
  divergences: readonly Divergence[],
  missing: string | undefined,
): Comparison {
  const common = { id, count: compared, unit } as const;
  const first = divergences[0];
  if (first !== undefined) {
    const { implementation, reference, where } = first;
    const summary = `${implementation} and ${reference} differ: ${where}`;
    const check = {
      ...common,
      validity: "invalid",
      summary,
      counterexample: `${where}\n${first.description}`,
    } as const;
    return { compared, divergences: divergences.slice(0, keptDivergences), check };
  }
  if (missing !== undefined)
    return { compared, divergences, check: { ...common, validity: "unknown", summary: missing } };
  const summary = `all ${compared} ${unit} are equal`;
  return { compared, divergences, check: { ...common, validity: "valid", summary } };
}
