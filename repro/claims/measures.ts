/** Shorthand for the measures the claims are declared with; each is a row of `measurements`, folded per block. */

import type { Band } from "../../harness/claim/band.ts";
import type { CheckMeasure, Fold, RatioMeasure, Source, ValueMeasure } from "../../harness/claim/claim.ts";

export interface Where {
  readonly implementation: string;
  readonly substrate?: "simulated" | "cluster";
}

/** A named measurement. */
export function metric(name: string, where: Where, perBlock: Fold): Source {
  return { table: "measurements", column: "value", where: { metric: name, ...where }, perBlock };
}

/** Every run of the check must be valid on `implementation`. */
export function check(id: string, implementation: string, label: string, minimumCount = 1): CheckMeasure {
  return { kind: "check", label, implementation, check: id, minimumCount };
}

/** Nothing of what `name` counts may ever happen. */
export function never(name: string, where: Where, label: string): ValueMeasure {
  const value = metric(name, where, "sum");
  const band = { kind: "equals", value: 0 } as const;
  return {
    kind: "value",
    label,
    implementation: where.implementation,
    value,
    across: "every",
    band,
    unit: "count",
    countsViolations: true,
  };
}

/** Each value of `name` in every block must lie in `band`, which is open on one side or a single value. */
export function always(name: string, where: Where, band: Band, unit: string, label: string): ValueMeasure {
  const upper = band.kind === "below" || band.kind === "at-most";
  const value = metric(name, where, upper ? "maximum" : "minimum");
  return { kind: "value", label, implementation: where.implementation, value, across: "every", band, unit };
}

/** The quotient of two measurements of each block must lie in `band`. */
export function quotient(of: Source, to: Source, implementation: string, band: Band, label: string): RatioMeasure {
  return { kind: "ratio", label, implementation, of, to, across: "every", band, unit: "ratio" };
}

/** The median over blocks of `value`, folded per block, must lie in `band`. */
export function typical(
  name: string,
  where: Where,
  band: Band,
  unit: string,
  label: string,
  perBlock: Fold = "median",
): ValueMeasure {
  const value = metric(name, where, perBlock);
  return { kind: "value", label, implementation: where.implementation, value, across: "median", band, unit };
}

/** How many times as large `name` is on one implementation as on another, block by block. */
export function timesAsLarge(name: string, of: string, to: string, band: Band, label: string): RatioMeasure {
  const source = (implementation: string): Source => metric(name, { implementation, substrate: "cluster" }, "mean");
  return inTheSameBlock(`${of}, ${to}`, source(of), source(to), band, label);
}

/** `of` as a multiple of `to`, block by block. */
export function inTheSameBlock(
  implementation: string,
  of: Source,
  to: Source,
  band: Band,
  label: string,
): RatioMeasure {
  return { kind: "ratio", label, implementation, of, to, across: "paired", band, unit: "ratio" };
}
