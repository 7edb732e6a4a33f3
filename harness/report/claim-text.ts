/** Texts of a claim that HTML, Markdown and LaTeX share, so that the three never tell different stories. */

import { verdicts } from "../claim/claim.ts";
import type { Verdict } from "../claim/claim.ts";
import { formatCount, formatQuantity, formatRange } from "./number-text.ts";
import type { ReportClaim, ReportInput, ReportMeasure } from "./report-input.ts";

/** A verdict is never told by colour alone. */
export const verdictSigns = {
  reproduced: "✓",
  "not reproduced": "✗",
  inconclusive: "?",
  "not comparable": "≠",
  "not run": "–",
} as const satisfies Record<Verdict, string>;

/** Returns the measured value; a dash when there is none. */
export function measuredText({ measured }: ReportMeasure): string {
  return measured === "" ? "–" : measured;
}

/** Returns `lost entries (production), 90 % interval 8 – 9, 10 samples, judged against: 0`, as far as known. */
export function evidenceText({ label, implementation, low, high, samples, band }: ReportMeasure): string {
  const parts = [
    implementation === "" ? label : `${label} (${implementation})`,
    low === undefined || high === undefined ? "" : `90 % interval ${formatRange(low, high)}`,
    samples === undefined ? "" : formatQuantity(samples, "sample"),
    band === "" ? "" : `judged against: ${band}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Returns how many claims got each verdict, every verdict included. */
export function countVerdicts(claims: readonly ReportClaim[]): ReadonlyMap<Verdict, number> {
  return new Map(verdicts.map((verdict) => [verdict, claims.filter((claim) => claim.verdict === verdict).length]));
}

/** Returns the report in one sentence: `21 of 24 claims reproduced; 1 not reproduced, 2 not run.` */
export function headline(claims: readonly ReportClaim[]): string {
  const counts = countVerdicts(claims);
  const first = `${formatCount(counts.get("reproduced") ?? 0)} of ${formatQuantity(claims.length, "claim")} reproduced`;
  const rest = [...counts]
    .filter(([verdict, count]) => verdict !== "reproduced" && count > 0)
    .map(([verdict, count]) => `${formatCount(count)} ${verdict}`);
  return rest.length === 0 ? `${first}.` : `${first}; ${rest.join(", ")}.`;
}

/** Returns what a reader must know before believing anything else. */
export function warnings({ run, experiments, claims }: ReportInput): readonly string[] {
  const found: string[] = [];
  if (run.interrupted) found.push("The run was interrupted: what is missing is shown as not run.");
  if (run.dirty) found.push("The sources differed from the commit: these results cannot be redone from it.");
  if (run.gitSha === undefined) found.push("The commit is unknown: the sources were not under version control.");
  if (claims.length === 0) found.push("No claim was judged.");
  for (const { id, blocks, voidBlocks } of experiments) {
    if (voidBlocks === 0) continue;
    const reason = "a check failed, a fault did nothing, or the load generator was saturated";
    found.push(`${id}: ${formatCount(voidBlocks)} of ${formatQuantity(blocks, "block")} void (${reason}).`);
  }
  return found;
}
