/** Liveness: once everything is healed, all operations end, all keys can be read, and the nodes agree. */

import type { NodeState } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { Plan } from "../plan/plan.ts";
import type { CheckResult } from "./verdict.ts";

export interface RecoveredRun<State> {
  readonly plan: Plan;
  readonly states: ReadonlyMap<NodeId, NodeState<State>>;
  /** Whether the nodes agreed in time. */
  readonly converged: boolean;
  readonly convergenceMs: number;
  /** Whether every final read was answered. */
  readonly finalReads: boolean;
  /** Whether every operation of the load ended. */
  readonly loadEnded: boolean;
  readonly describeState: (state: State) => string;
}

export function checkRecovery<State>(run: RecoveredRun<State>): CheckResult {
  const { converged, convergenceMs, finalReads, loadEnded, states, plan, describeState } = run;
  const common = { id: "recovery", count: states.size, unit: "nodes" } as const;
  if (converged) {
    const out = [...states.values()].filter(({ kind }) => kind === "out-of-service").length;
    const outText = out === 0 ? "" : `, ${out} out of service`;
    const summary = `all nodes agree ${Math.round(convergenceMs)} ms after the last fault${outText}`;
    return { ...common, validity: "valid", summary };
  }
  const what = !loadEnded
    ? "operations never ended"
    : finalReads
      ? "the nodes do not agree"
      : "final reads found no answer";
  const described = [...states].map(([node, state]) =>
    state.kind === "state" ? `${node}: ${describeState(state.state)}` : `${node}: out of service: ${state.reason}`,
  );
  return {
    ...common,
    validity: "invalid",
    summary: `Did not recover: ${what} within ${plan.convergenceMs} ms of the last fault`,
    counterexample: described.join("\n"),
  };
}
