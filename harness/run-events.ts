/**
 * What a run tells while it is under way. Logic yields these events and prints nothing; only `harness/cli` draws them.
 *
 * Order: one `planned`, then per experiment `experiment-started`, its blocks one after the other, and
 * `experiment-finished`. `note` and `written` may come at any time.
 */

import type { Validity } from "./check/verdict.ts";

export type RunEvent =
  | {
      readonly kind: "planned";
      /** Where results are written; undefined when the run writes nothing. */
      readonly directory: string | undefined;
      readonly experiments: readonly PlannedExperiment[];
    }
  | {
      readonly kind: "experiment-started";
      readonly id: string;
      readonly title: string;
      readonly blocks: number;
    }
  | {
      readonly kind: "block-started";
      readonly experiment: string;
      /** From 0. */
      readonly block: number;
      readonly blocks: number;
      readonly label: string;
    }
  | {
      readonly kind: "block-progress";
      readonly experiment: string;
      readonly block: number;
      /** How much of the block is done, in [0, 1]. */
      readonly fraction: number;
      readonly text: string;
    }
  | {
      readonly kind: "block-finished";
      readonly experiment: string;
      readonly block: number;
      /** `void`: the block measured nothing that may be used, and `summary` says why. */
      readonly validity: Validity | "void";
      readonly summary: string;
      readonly durationS: number;
    }
  | {
      readonly kind: "experiment-finished";
      readonly id: string;
      readonly validity: Validity;
      readonly summary: string;
    }
  | { readonly kind: "note"; readonly level: "info" | "warning"; readonly text: string }
  | { readonly kind: "written"; readonly path: string };

export interface PlannedExperiment {
  readonly id: string;
  readonly title: string;
  readonly blocks: number;
  readonly estimateS: number;
}
