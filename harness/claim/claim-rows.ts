/**
 * From verdicts to the `claims` table: one row per measure, so that both directions of a tradeoff are there to read.
 */

import type { Row } from "../record/tables.ts";
import { bandText } from "./band.ts";
import type { Claim, Measure } from "./claim.ts";
import type { ClaimVerdict } from "./judge.ts";

export function claimRows(verdicts: readonly ClaimVerdict[]): readonly Row<"claims">[] {
  return verdicts.flatMap(({ claim, verdict, command, measures }) =>
    measures.map((judged) => ({
      claim: claim.id,
      class: claim.class,
      source: `${claim.source.document}, ${claim.source.section}`,
      statement: claim.statement,
      published: publishedText(claim),
      band: measureBandText(judged.measure),
      measure: judged.measure.label,
      implementation: judged.measure.implementation,
      measured: judged.measured,
      estimate: judged.estimate,
      low: judged.low,
      high: judged.high,
      samples: judged.samples,
      verdict: judged.verdict,
      reason: judged.reason,
      claim_verdict: verdict,
      experiment: claim.experiments.join(" "),
      command,
    })),
  );
}

/** Returns the published value with its metric and unit: "time to new leader: 500 ms". */
export function publishedText({ published }: Claim): string {
  return `${published.metric}: ${published.value}${published.unit === "" ? "" : ` ${published.unit}`}`;
}

/** Returns the band of a measure in words. */
export function measureBandText(measure: Measure): string {
  return measure.kind === "check" ? "valid in every checked run" : bandText(measure.band, measure.unit);
}
