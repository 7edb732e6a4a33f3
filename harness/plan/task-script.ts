/**
 * A script of submissions to a scheduler: which tasks are submitted when, the same for every implementation.
 *
 * A workload draws what clients do next from a seed, and a client waits for what it submitted. A script says all of it
 * beforehand, so that a flood does not stop at the number of clients, a chain has the length it should have, and
 * everybody's backlog lasts for as long as their shares are compared.
 */

import type { ErrorCode } from "../../implementations/foundation/errors.ts";
import type { Millis } from "../../implementations/foundation/units.ts";
import type { TaskSpec } from "../../implementations/scheduler/contract.ts";
import type { Plan } from "./plan.ts";

export interface Submission {
  /** Since the script began; or once everything before it has been answered. */
  readonly at: Millis | "answered";
  /** All of one job. */
  readonly tasks: readonly TaskSpec[];
  /** How it has to be refused, where it must not be accepted. */
  readonly refusedWith?: ErrorCode;
}

export interface TaskScript {
  readonly nodes: number;
  readonly settings: Plan["settings"];
  /** In the order of their times. */
  readonly submissions: readonly Submission[];
  /** When it ends, whatever has ended by then; otherwise with the last task. */
  readonly untilMs?: Millis;
}
