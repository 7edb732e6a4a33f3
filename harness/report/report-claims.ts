/**
 * From the `claims` table, which has a row per measure, to the claims of a report: so that a report can be made again
 * from a results directory alone.
 */

import { numberOf, textOf } from "../chart/figure.ts";
import type { TableRow } from "../chart/figure.ts";
import { assert } from "../../implementations/foundation/assert.ts";
import { verdicts } from "../claim/claim.ts";
import type { Verdict } from "../claim/claim.ts";
import type { ReportClaim, ReportMeasure } from "./report-input.ts";

/** What the table does not hold, by claim id. */
export interface ClaimLinks {
  readonly codeLink?: string | undefined;
  readonly capsule?: string | undefined;
}

/**
 * Returns the claims in the order of their first rows.
 *
 * @throws AssertionError when a cell holds no verdict: the table was not written by the judge.
 */
export function reportClaims(
  rows: readonly TableRow[],
  links: ReadonlyMap<string, ClaimLinks> = new Map(),
): readonly ReportClaim[] {
  return [...Map.groupBy(rows, (row) => textOf(row, "claim"))].flatMap(([id, measures]) => {
    const [first] = measures;
    if (first === undefined) return [];
    const { codeLink, capsule } = links.get(id) ?? {};
    return [
      {
        id,
        class: textOf(first, "class"),
        source: textOf(first, "source"),
        statement: textOf(first, "statement"),
        published: textOf(first, "published"),
        verdict: verdictIn(first, "claim_verdict"),
        measures: measures.map(measureOf),
        experiment: textOf(first, "experiment"),
        command: textOf(first, "command"),
        codeLink,
        capsule,
      },
    ];
  });
}

function measureOf(row: TableRow): ReportMeasure {
  return {
    label: textOf(row, "measure"),
    implementation: textOf(row, "implementation"),
    measured: textOf(row, "measured"),
    low: numberOf(row, "low"),
    high: numberOf(row, "high"),
    samples: numberOf(row, "samples"),
    band: textOf(row, "band"),
    verdict: verdictIn(row, "verdict"),
    reason: textOf(row, "reason"),
  };
}

function verdictIn(row: TableRow, column: string): Verdict {
  const text = textOf(row, column);
  const verdict = verdicts.find((each) => each === text);
  assert(verdict !== undefined, `column ${column} of table claims holds a verdict, not ${JSON.stringify(text)}`);
  return verdict;
}
