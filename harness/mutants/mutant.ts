/**
 * Mutants: known mistakes, planted one at a time, that the harness must find.
 *
 * A check is worth what it finds. Each mutant is a bug that somebody really made (or that a paper warns of), as an
 * exact change of the sources. One that survives is a hole in the harness: its faults do not provoke the bug, or its
 * checks do not see it.
 *
 * @see DeMillo, Lipton & Sayward 1978, "Hints on test data selection".
 */

import type { Module } from "../../implementations/foundation/deployment.ts";
import type { StressName } from "../stress/stress-share.ts";

/** `before` stands in the file exactly once and becomes `after`. */
export interface Replacement {
  /** From the root: "implementations/consensus/production/raft.ts". */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export interface Mutant {
  /** "M-CON-01" */
  readonly id: string;
  readonly module: Module;
  /** The implementation that gets the bug. */
  readonly implementation: string;
  /** What it does wrong. */
  readonly mistake: string;
  /** What that breaks. */
  readonly violates: string;
  /** Who made it, or warned of it. */
  readonly origin: string;
  /** Where it shows: in a sweep of the simulator, unless it takes threads that really race. */
  readonly foundBy?: "sweep" | StressName;
  readonly replacements: readonly Replacement[];
}
