/** The timeline of a history of registers that was found not linearizable, for whoever keeps its capsule. */

import type { HistoryEvent } from "../../history/event.ts";
import { pairOperations } from "../../history/operations.ts";
import type { Operation } from "../../history/operations.ts";
import { checkLinearizability } from "../linearizability.ts";
import { registerModel } from "../register-model.ts";
import type { CheckResult } from "../verdict.ts";
import { renderTimeline } from "./timeline.ts";

/** A page is worth a second look, not a second search without end. */
const maxStates = 500_000;

/**
 * Returns the page, where one of `checks` is a linearizability that does not hold; otherwise undefined.
 *
 * The history is judged once more, by the plain register: the verdict that counts is the one handed in.
 */
export function drawContradiction(
  title: string,
  events: readonly HistoryEvent[],
  checks: readonly CheckResult[],
): string | undefined {
  const verdict = checks.find(({ id, validity }) => id === "linearizable" && validity === "invalid");
  if (verdict === undefined) return undefined;
  const orders = new Map<string, readonly Operation[]>();
  let blocked: Operation | undefined;
  const model = registerModel();
  if (events.every(({ f }) => model.functions.has(f))) {
    checkLinearizability(events, model, {
      maxStates,
      onOrder: (key, order) => orders.set(key, order),
      onBlocked: (operation) => (blocked = operation),
    });
  }
  return renderTimeline({ title, verdict, operations: pairOperations(events), nemesis: [], orders, blocked });
}
