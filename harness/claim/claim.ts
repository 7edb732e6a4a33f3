/**
 * A claim: a published statement, what measures it, and the band that decides.
 *
 * Claims are data. `repro/claims/` declares them; the claim table, the report and the exit code are made from the
 * declarations and the verdicts `judge.ts` gives on them. A claim has one or more measures and holds when all of them
 * do: a tradeoff has measures on either side, so that it is asserted in both directions.
 */

import type { Module } from "../../implementations/foundation/deployment.ts";
import type { TypedRow } from "../record/csv.ts";
import type { VoidKind } from "../record/manifest.ts";
import type { TableName } from "../record/tables.ts";
import type { Band } from "./band.ts";

/**
 * What kind of statement it is, and so what refutes it. `behaviour`: holds in every run. `exact`: seeded and virtual,
 * equal everywhere. `shape`: an ordering, ratio or scaling. `ratio`: paired blocks. `absolute`: a number on a machine.
 */
export const claimClasses = ["behaviour", "exact", "shape", "ratio", "absolute"] as const;
export type ClaimClass = (typeof claimClasses)[number];

export const verdicts = ["reproduced", "not reproduced", "inconclusive", "not comparable", "not run"] as const;
export type Verdict = (typeof verdicts)[number];

export interface Claim {
  /** As in the published table: "N-CS-9". */
  readonly id: string;
  readonly module: Module | "all";
  readonly source: { readonly document: string; readonly section: string };
  readonly statement: string;
  readonly class: ClaimClass;
  /** As published; `band` is the published text, the measures' bands are what it means. */
  readonly published: {
    readonly metric: string;
    readonly value: string;
    readonly unit: string;
    readonly band: string;
  };
  /** Why the bands are what they are, where the published one leaves a choice. */
  readonly bandReason: string;
  /** What is run for it; at least one. */
  readonly experiments: readonly [string, ...string[]];
  readonly measures: readonly [Measure, ...Measure[]];
  /** The verdict we expect on these implementations; the report says when it is another. */
  readonly expected: Verdict;
  /** Path in the repository of the code the claim is about. */
  readonly code: string;
  /** The machine behind an absolute number; undefined: the published documents do not state it. */
  readonly machine?: Machine;
  readonly notes?: string;
}

/** What must be equal for absolute numbers to be compared. */
export interface Machine {
  readonly cpuModel: string;
  readonly logicalCpus: number;
}

export type Measure = CheckMeasure | ValueMeasure | RatioMeasure;

interface MeasureBase {
  /** What is measured, for a person: "lost acknowledged writes after all nodes crashed". */
  readonly label: string;
  /** On what: "minimal", "production", or both as "minimal, production". */
  readonly implementation: string;
  /** Voids that do not keep a block from counting: a run that is expected to fail its checks is evidence. */
  readonly tolerates?: readonly VoidKind[];
}

/** Every run of a checker must be valid. */
export interface CheckMeasure extends MeasureBase {
  readonly kind: "check";
  readonly check: string;
  /** A run that judged fewer (operations, steps) supports nothing; default 1. */
  readonly minimumCount?: number;
}

/** One value per block. */
export interface ValueMeasure extends MeasureBase {
  readonly kind: "value";
  readonly value: Source;
  /** `every`: each block's value must lie in the band. `median`: the interval of the median over blocks decides. */
  readonly across: "every" | "median";
  readonly band: Band;
  readonly unit: string;
  /**
   * The value counts violations (lost writes): one above the band refutes the claim even in a block that is void, since
   * a loss is no less real because another check failed too.
   */
  readonly countsViolations?: boolean;
}

/** The quotient of two values of the same block. */
export interface RatioMeasure extends MeasureBase {
  readonly kind: "ratio";
  readonly of: Source;
  readonly to: Source;
  /** `every`: as above. `paired`: Hodges-Lehmann over the blocks' log ratios. */
  readonly across: "every" | "paired";
  readonly band: Band;
  readonly unit: string;
}

/** Where a block's value comes from: the rows of a table that match `where`, folded into one number per block. */
export type Source = { [Name in TableName]: SourceIn<Name> }[TableName];

export interface SourceIn<Name extends TableName> {
  readonly table: Name;
  readonly column: NumberColumn<Name>;
  /** Cells that must be equal. Rows of different implementations are never folded into one value. */
  readonly where: Partial<TypedRow<Name>>;
  readonly perBlock: Fold;
}

export type Fold = "sum" | "mean" | "median" | "minimum" | "maximum";

type NumberColumn<Name extends TableName> = {
  [Each in keyof TypedRow<Name>]: TypedRow<Name>[Each] extends number | undefined ? Each : never;
}[keyof TypedRow<Name>];
