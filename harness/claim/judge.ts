/**
 * Judges claims: each of its measures, then the claim as a whole.
 *
 * A claim holds when all of its measures do. An absolute number is only compared on the machine it was published for;
 * on any other, or when none is stated, our value is shown beside the published one with the word whether it would lie
 * inside, and the verdict is "not comparable".
 */

import { edges, holds } from "./band.ts";
import type { Claim, Machine, Verdict } from "./claim.ts";
import type { Evidence } from "./evidence.ts";
import { judgeMeasure } from "./judge-measure.ts";
import type { MeasureVerdict } from "./judge-measure.ts";

export interface ClaimVerdict {
  readonly claim: Claim;
  readonly verdict: Verdict;
  /** One line: of the measure that decided. */
  readonly reason: string;
  /** Measures and judges the claim again. */
  readonly command: string;
  readonly measures: readonly MeasureVerdict[];
}

/** Returns the verdict of `claim` on what a run left. Depends on its arguments alone. */
export function judgeClaim(claim: Claim, evidence: Evidence): ClaimVerdict {
  const measures = claim.measures.map((measure) => {
    const judged = judgeMeasure(measure, claim.experiments, evidence);
    return claim.class === "absolute" ? onThisMachine(claim, judged, evidence.machine) : judged;
  });
  return { claim, ...together(measures), command: commandOf(claim), measures };
}

/** Returns the command that measures and judges `claim` again. */
export function commandOf({ experiments }: Claim): string {
  return `npm run repro -- --only ${experiments.join(" ")}`;
}

/**
 * Returns the exit code the verdicts ask for: 1 when a claim is not reproduced, 2 when one is inconclusive, else 0.
 * What was not run, or cannot be compared here, is shown and is no failure.
 */
export function exitCodeOfVerdicts(verdicts: Iterable<Verdict>): 0 | 1 | 2 {
  let code: 0 | 1 | 2 = 0;
  for (const verdict of verdicts) {
    if (verdict === "not reproduced") return 1;
    if (verdict === "inconclusive") code = 2;
  }
  return code;
}

function onThisMachine(claim: Claim, judged: MeasureVerdict, machine: Machine | undefined): MeasureVerdict {
  const why = whyNotComparable(claim.machine, machine);
  if (why === undefined || judged.verdict === "not run" || judged.estimate === undefined) return judged;
  return { ...judged, verdict: "not comparable", reason: `${why}; our value would lie ${sideOf(judged)}` };
}

function whyNotComparable(published: Machine | undefined, ours: Machine | undefined): string | undefined {
  if (published === undefined) return "the published documents do not state their machine";
  if (ours === undefined) return "this machine could not be read";
  if (published.cpuModel === ours.cpuModel && published.logicalCpus === ours.logicalCpus) return undefined;
  return `published for ${published.logicalCpus} x ${published.cpuModel}, run on ${ours.logicalCpus} x ${ours.cpuModel}`;
}

function sideOf({ measure, estimate = 0 }: MeasureVerdict): string {
  if (measure.kind === "check" || holds(measure.band, estimate)) return "inside the band";
  return estimate > edges(measure.band).low ? "above the band" : "below the band";
}

/**
 * One refuted measure refutes the claim; one undecided leaves it open. A claim of which only a part was run is open as
 * well: half a tradeoff is not shown.
 */
function together(measures: readonly MeasureVerdict[]): Pick<ClaimVerdict, "verdict" | "reason"> {
  const first = (verdict: Verdict): MeasureVerdict | undefined =>
    measures.find((measure) => measure.verdict === verdict);
  const because = (verdict: Verdict, judged: MeasureVerdict): Pick<ClaimVerdict, "verdict" | "reason"> => ({
    verdict,
    reason:
      measures.length === 1
        ? judged.reason
        : `${judged.measure.label} (${judged.measure.implementation}): ${judged.reason}`,
  });
  const refuted = first("not reproduced");
  if (refuted !== undefined) return because("not reproduced", refuted);
  const open = first("inconclusive");
  if (open !== undefined) return because("inconclusive", open);
  const missing = first("not run");
  if (missing !== undefined) {
    const all = measures.every(({ verdict }) => verdict === "not run");
    return all
      ? { verdict: "not run", reason: missing.reason }
      : because("inconclusive", { ...missing, reason: `not run: ${missing.reason}` });
  }
  const elsewhere = first("not comparable");
  if (elsewhere !== undefined) return because("not comparable", elsewhere);
  const reasons = measures.map(({ reason }) => reason);
  return {
    verdict: "reproduced",
    reason: measures.length === 1 ? (reasons[0] ?? "") : `all ${measures.length} measures hold`,
  };
}
