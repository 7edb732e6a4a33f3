/**
 * What a sequential model is to the linearizability checker: states, and which operations, with the results clients
 * saw, are possible in which state.
 *
 * A model judges one partition (one key). The two optional parts make judging fast and never change a verdict:
 * `lookahead` cuts branches of the search that cannot succeed, `shortcut` decides without searching.
 */

import type { HistoryFunction } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";

export interface Model<State> {
  /** As in `grey check --model NAME`. */
  readonly name: string;
  /** The operations it knows. */
  readonly functions: ReadonlySet<HistoryFunction>;
  readonly initial: State;
  /**
   * Applies `operation`, whose client saw what it carries.
   *
   * @returns the next state; undefined when the operation cannot have had this outcome here. An operation of unknown
   *   outcome is only asked where it could take effect.
   */
  step(state: State, operation: Operation): State | undefined;
  /** Equal exactly for equal states. */
  identity(state: State): string | null;
  /** Whether the operation leaves every state as it is: a read, a failed cas or delete. */
  isObservation(operation: Operation): boolean;
  /**
   * What a writing operation does, equal for those that do the same in every state: of these the search tries only the
   * one that must be placed first. If another is placed now and this one later, the two can change places.
   */
  effectOf(operation: Operation): string;
  /** The state for a person, one line. */
  describe(state: State): string;
  lookahead?(operations: readonly Operation[]): Lookahead<State>;
  shortcut?(operations: readonly Operation[]): Shortcut;
}

/**
 * Knows which operations are still to be placed, and so which moves lead nowhere. Operations go by their position in
 * the list the lookahead was made from.
 */
export interface Lookahead<State> {
  /** The event by which the operation, which leads to `next`, is wanted, if other than its return. */
  deadlineOf(position: number, next: State): number | undefined;
  /** Whether placing `position` here, moving the state, makes some remaining operation impossible or serves none. */
  refuses(state: State, next: State, position: number): boolean;
  /**
   * Returns `state`, or one state for all those that no remaining operation can tell apart: they have one future.
   * Asked once the operation that leads to it is placed.
   */
  settle(state: State): State;
  /**
   * Whether the operation, of unknown outcome, could only serve to make the state something else: any other such
   * operation that was called does as well, so one is enough to try.
   */
  isSpare(position: number): boolean;
  /** The operation was placed. */
  place(position: number): void;
  /** The newest placed operation was taken back. */
  takeBack(position: number): void;
}

/** What a polynomial decision gives; `open` when it does not apply. */
export type Shortcut =
  | { readonly kind: "linearizable"; readonly order: readonly Operation[] }
  | { readonly kind: "not-linearizable"; readonly reason: string }
  | { readonly kind: "open"; readonly reason: string };

/**
 * Whether the operation constrains a linearization or may take part in one.
 *
 * A definite failure did not happen and says nothing, except a cas that found another value and a delete that found
 * nothing: those are observations.
 * An observation of unknown outcome says nothing either.
 */
export function isJudged(operation: Operation, model: Pick<Model<unknown>, "isObservation">): boolean {
  if (operation.outcome === "ok") return true;
  if (operation.outcome === "fail") {
    if (operation.f === "cas") return operation.error === "PRECONDITION_FAILED";
    return operation.f === "delete" && operation.error === "NOT_FOUND";
  }
  return !model.isObservation(operation);
}
