/**
 * Experiments: what is run for a claim, as stages that each yield rows for the tables.
 *
 * A stage is one observation: it runs every implementation through the same plan, in an order drawn for that stage, or
 * measures something that is no run at all (the length of a file). Stages are independent of each other, so a run can
 * stop after any of them and go on later.
 */

import type { Module } from "../../implementations/foundation/deployment.ts";
import type { Validity } from "../check/verdict.ts";
import type { ImplementationRecord } from "../record/manifest.ts";
import type { Row, TableName } from "../record/tables.ts";

export const profiles = ["smoke", "quick", "full"] as const;
/** How much is run: smoke in under a minute, quick in under ten, full in under sixty, on two cores. */
export type Profile = (typeof profiles)[number];

/** What a stage may use of the run it belongs to. */
export interface StageContext {
  /** A directory of this stage's own for processes' data; removed afterwards. */
  readonly workDirectory: string;
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number, text: string) => void;
}

export type StageRows = { readonly [Name in TableName]?: readonly Row<Name>[] };

/** A file a stage leaves beside the tables, under the results directory. */
export interface StageFile {
  /** "histories/consensus-safety-0-production.ndjson" */
  readonly path: string;
  readonly content: string;
}

export interface StageResult {
  readonly rows: StageRows;
  /** In the order in which they ran; void ones with the reason. */
  readonly implementations: readonly ImplementationRecord[];
  readonly files: readonly StageFile[];
  /** `void`: nothing was learnt, and `summary` says why. */
  readonly validity: Validity | "void";
  readonly summary: string;
}

export interface Stage {
  /** What runs, for a person: "production, 3 nodes, leader killed". */
  readonly label: string;
  readonly seed: string;
  readonly estimateS: number;
  readonly run: (context: StageContext) => Promise<StageResult>;
}

export interface Experiment {
  readonly id: string;
  readonly module: Module | "all";
  readonly title: string;
  /** What question it answers. */
  readonly purpose: string;
  /** The stages of a profile; equal for equal seeds. Numbered from 0 by position. */
  stages(profile: Profile, seed: string): readonly Stage[];
}
