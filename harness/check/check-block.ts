/**
 * Everything a finished block is judged by: its history, the trace's invariants, its final states, and whether it came
 * to rest. A checker that cannot say gives `unknown`, and a system that does not recover fails a check of its own.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { NodeState } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import { applyToRegister } from "../../implementations/assembly/consensus/sequential-model.ts";
import type { ConsensusState } from "../../implementations/consensus/contract.ts";
import type { HistoryRecorder } from "../history/recorder.ts";
import type { Plan } from "../plan/plan.ts";
import { valueNumber } from "../workload/value-text.ts";
import { checkAppendList } from "./append-list.ts";
import { checkFinalState } from "./final-state.ts";
import { checkLinearizability } from "./linearizability.ts";
import { registerModel } from "./register-model.ts";
import type { CheckResult } from "./verdict.ts";

export interface JudgedBlock {
  readonly plan: Plan;
  readonly history: HistoryRecorder;
  readonly states: ReadonlyMap<NodeId, NodeState<ConsensusState>>;
  readonly invariants: readonly CheckResult[];
  /** Whether all nodes in service held one state in time. */
  readonly converged: boolean;
  readonly convergenceMs: number;
  /** Whether every final read was answered. */
  readonly finalReads: boolean;
  /** Whether every operation of the load ended. */
  readonly loadEnded: boolean;
}

/** Returns the verdict of every check that applies to the block's workload. */
export function checkBlock(block: JudgedBlock): readonly CheckResult[] {
  const { history, states, invariants } = block;
  const { events } = history;
  const finalState = checkFinalState({ history: events, states, decodeValue: valueNumber });
  const byHistory = block.plan.workload.id === "append" ? checkAppendList(events) : checkLinearizability(events, model);
  return [...invariants, byHistory, ...finalState, recovery(block)];
}

/** The executable specification is the model: what it would have answered is what is right. */
const model = registerModel((value, operation) => {
  assert(operation.kind !== "append", "a history of registers has no appends");
  return applyToRegister(value, operation);
});

/** Liveness: once everything is healed, all operations end, all keys can be read, and all nodes agree. */
function recovery({ converged, convergenceMs, finalReads, loadEnded, states, plan }: JudgedBlock): CheckResult {
  const common = { id: "recovery", count: states.size, unit: "nodes" } as const;
  if (converged) {
    const out = [...states.values()].filter(({ kind }) => kind === "out-of-service").length;
    const outText = out === 0 ? "" : `, ${out} out of service`;
    return {
      ...common,
      validity: "valid",
      summary: `all nodes agree ${Math.round(convergenceMs)} ms after the last fault${outText}`,
    };
  }
  const what = !loadEnded
    ? "operations never ended"
    : finalReads
      ? "the nodes do not agree"
      : "final reads found no answer";
  return {
    ...common,
    validity: "invalid",
    summary: `Did not recover: ${what} within ${plan.convergenceMs} ms of the last fault`,
    counterexample: [...states].map(([node, state]) => describe(node, state)).join("\n"),
  };
}

function describe(node: NodeId, state: NodeState<ConsensusState>): string {
  if (state.kind === "out-of-service") return `${node}: out of service: ${state.reason}`;
  return `${node}: ${state.state.registers.length} registers, ${state.state.list.length} list entries`;
}
