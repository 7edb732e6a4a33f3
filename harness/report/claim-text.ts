/** Texts of a claim that HTML, Markdown and LaTeX share, so that the three never tell different stories. */

import { formatCount, formatQuantity, formatRange } from "./number-text.ts";
import { claimVerdicts } from "./report-input.ts";
import type { ClaimVerdict, ReportClaim, ReportInput } from "./report-input.ts";

/** A verdict is never told by colour alone. */
export const verdictSigns = {
  reproduced: "✓",
  "not reproduced": "✗",
  inconclusive: "?",
  "not comparable": "≠",
  "not run": "–",
} as const satisfies Record<ClaimVerdict, string>;

/** Returns the measured value; a dash when there is none. */
export function measuredText({ measured }: ReportClaim): string {
  return measured === "" ? "–" : measured;
}

/** Returns `90 % interval 8,100 – 8,900, 10 samples`, as far as there is any of it. */
export function evidenceText({ low, high, samples }: ReportClaim): string {
  const parts = [
    low === undefined || high === undefined ? "" : `90 % interval ${formatRange(low, high)}`,
    samples === undefined ? "" : formatQuantity(samples, "sample"),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Returns where the claim was published. */
export function sourceText({ sourceDocument, section }: ReportClaim): string {
  return [sourceDocument, section].filter((part) => part !== "").join(", ");
}

/** From what decides a claim to what does not: a claim with several rows has the verdict of the first found here. */
const weightiest: readonly ClaimVerdict[] = [
  "not reproduced",
  "inconclusive",
  "not run",
  "not comparable",
  "reproduced",
];

/** Returns how many claims got each verdict, every verdict included. The two sides of a tradeoff are one claim. */
export function countVerdicts(claims: readonly ReportClaim[]): ReadonlyMap<ClaimVerdict, number> {
  const rows = [...Map.groupBy(claims, ({ claim }) => claim).values()];
  const verdicts = rows.map((sides) => weightiest.find((verdict) => sides.some((row) => row.verdict === verdict)));
  return new Map(claimVerdicts.map((verdict) => [verdict, verdicts.filter((each) => each === verdict).length]));
}

/** Returns the report in one sentence: `21 of 24 claims reproduced; 1 not reproduced, 2 not run.` */
export function headline(claims: readonly ReportClaim[]): string {
  const counts = countVerdicts(claims);
  const total = new Set(claims.map(({ claim }) => claim)).size;
  const first = `${formatCount(counts.get("reproduced") ?? 0)} of ${formatQuantity(total, "claim")} reproduced`;
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
