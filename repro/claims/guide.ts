/**
 * Claims of the Reference Implementation Guide about all modules: the size of minimal, and its agreement with
 * production. And what the guide's claims about a single module share.
 */

import type { Claim, Measure } from "../../harness/claim/claim.ts";
import { always } from "./measures.ts";

export const guide = "Reference Implementation Guide";

export const guideWideClaims: readonly Claim[] = [
  {
    id: "S-1",
    module: "all",
    source: { document: guide, section: "Extending the Reference" },
    statement: "every minimal module stays under 500 lines",
    class: "exact",
    published: { metric: "lines of the longest", value: "500", unit: "lines", band: "<500" },
    bandReason: "as published; every line of the file counts, comments too",
    experiments: ["minimal-size"],
    measures: [
      always(
        "minimal-lines",
        { implementation: "minimal" },
        { kind: "below", limit: 500 },
        "lines",
        "lines of the longest minimal module",
      ),
    ],
    expected: "reproduced",
    code: "implementations/consensus/minimal.ts",
    notes: "judged on the modules that exist",
  },
  {
    id: "S-2",
    module: "all",
    source: { document: guide, section: "Comparison Testing" },
    statement: "minimal and production reach the same state under the same operations",
    class: "behaviour",
    published: { metric: "divergences", value: "0", unit: "count", band: "=0" },
    bandReason: "canonical states are equal or they are not; a comparison of no states would show nothing",
    experiments: [
      "consensus-step-by-step",
      "consensus-at-rest",
      "scheduler-step-by-step",
      "scheduler-at-rest",
      "storage-step-by-step",
      "storage-at-rest",
    ],
    measures: [
      divergences("step-by-step", "states that differ after an operation, no fault"),
      compared("step-by-step", "states compared after each operation"),
      divergences("at-rest", "final states that differ, under faults"),
      compared("at-rest", "final states compared"),
    ],
    expected: "reproduced",
    code: "implementations",
    notes: "for the modules that exist",
  },
];

/** Returns how the correctness claims about `module` are declared: statement, what is counted, measures. */
export function correctnessOf(
  module: Claim["module"],
  common: Pick<Claim, "experiments" | "bandReason" | "code">,
): (id: string, statement: string, counted: string, measures: readonly [Measure, ...Measure[]]) => Claim {
  return (id, statement, counted, measures) => ({
    id,
    module,
    source: { document: guide, section: "Correctness Claims" },
    statement,
    class: "behaviour",
    published: { metric: counted, value: "0", unit: "count", band: "=0" },
    measures,
    expected: "reproduced",
    ...common,
  });
}

/** Returns how the documented tradeoffs of `module` are declared; their measures say it of both sides. */
export function tradeoffOf(
  module: Claim["module"],
): (
  id: string,
  statement: string,
  rest: Pick<Claim, "experiments" | "measures" | "bandReason" | "code"> & Pick<Partial<Claim>, "notes">,
) => Claim {
  return (id, statement, rest) => ({
    id,
    module,
    source: { document: guide, section: "Tradeoffs" },
    statement,
    class: "behaviour",
    published: { metric: "demonstrated on both sides", value: "yes", unit: "", band: "" },
    expected: "reproduced",
    ...rest,
  });
}

type Mode = "step-by-step" | "at-rest";
type DiffMeasure = Extract<Claim["measures"][number], { kind: "value" }>;

function divergences(mode: Mode, label: string): DiffMeasure {
  return {
    kind: "value",
    label,
    implementation: "minimal, production",
    value: { table: "diffs", column: "divergences", where: { mode }, perBlock: "sum" },
    across: "every",
    band: { kind: "equals", value: 0 },
    unit: "count",
    countsViolations: true,
  };
}

function compared(mode: Mode, label: string): DiffMeasure {
  return {
    kind: "value",
    label,
    implementation: "minimal, production",
    value: { table: "diffs", column: "compared", where: { mode }, perBlock: "minimum" },
    across: "every",
    band: { kind: "at-least", limit: 1 },
    unit: "states",
  };
}
