/** What the paper brings to the harness: its experiments, claims and figures, as data and small declarations. */

import type { Figure } from "./chart/figure.ts";
import type { Claim } from "./claim/claim.ts";
import type { Mutant } from "./mutants/mutant.ts";
import type { Experiment } from "./plan/experiment.ts";

export interface Catalogue {
  /** In the order in which a run performs them. */
  readonly experiments: readonly Experiment[];
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
  /** Known mistakes, by id. */
  readonly mutants: readonly Mutant[];
}
