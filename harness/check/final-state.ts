/**
 * Judges what the nodes hold when all is over against what the clients were told.
 *
 * - convergence: all nodes in service hold the same state.
 * - final-list: every acknowledged append is at its position, nothing is there twice, nothing that was never asked for
 *   or definitely failed.
 * - final-registers: every register holds the value of a write that nothing must have overwritten (durability.ts).
 *
 * What reads saw in between is the linearizability checker's matter.
 */

import type { NodeState } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusState } from "../../implementations/consensus/contract.ts";
import { describeDifference, firstDifference } from "../diff/canonical-diff.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { describeOperation } from "./counterexample.ts";
import { finalProblems } from "./durability.ts";
import { resultOfProblems } from "./problems.ts";
import { registerValue } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import type { CheckResult } from "./verdict.ts";

export interface FinalStateInput {
  readonly history: readonly HistoryEvent[];
  readonly states: ReadonlyMap<NodeId, NodeState<ConsensusState>>;
  /** Turns stored text into the history's number; undefined when it is nobody's value. */
  readonly decodeValue: (text: string) => number | undefined;
}

/** Judges the final states; three verdicts. Without any node in service all are unknown. */
export function checkFinalState({ history, states, decodeValue }: FinalStateInput): readonly CheckResult[] {
  const held = [...states].flatMap(([node, state]) => (state.kind === "state" ? [{ node, state: state.state }] : []));
  const operations = pairOperations(history);
  const appends = operations.filter(({ f }) => f === "append");
  const writes = operations.filter(({ f }) => f === "write" || f === "cas");
  const problemsIn = (check: (state: ConsensusState) => readonly string[]): readonly string[] => {
    // Nodes that agree are one finding.
    const distinct = held.filter(
      ({ state }, index) => index === 0 || firstDifference(held[0]?.state, state) !== undefined,
    );
    return distinct.flatMap(({ node, state }) => check(state).map((problem) => `${node}: ${problem}`));
  };
  const list = problemsIn((state) =>
    listProblems(
      state.list.map((text) => registerText(decodeValue, text)),
      appends,
    ),
  );
  const registers = problemsIn((state) => finalProblems(decodedRegisters(state, decodeValue), writes));
  const isNobody = held.length === 0;
  return [
    convergence(states, held),
    resultOf("final-list", appends.length, "appends", list, isNobody),
    resultOf("final-registers", writes.length, "writes", registers, isNobody),
  ];
}

function convergence(
  states: FinalStateInput["states"],
  held: readonly { readonly node: NodeId; readonly state: ConsensusState }[],
): CheckResult {
  const common = { id: "convergence", count: held.length, unit: "nodes" } as const;
  const [first, ...others] = held;
  if (first === undefined) return { ...common, validity: "unknown", summary: "no node is in service" };
  for (const { node, state } of others) {
    const difference = firstDifference(first.state, state);
    if (difference === undefined) continue;
    const summary = `${node} and ${first.node} hold different states`;
    const counterexample = describeDifference(difference, first.node, node);
    return { ...common, validity: "invalid", summary, counterexample };
  }
  const out = states.size - held.length;
  const summary = `${held.length} nodes hold one state${out === 0 ? "" : `, ${out} are out of service`}`;
  return { ...common, validity: "valid", summary };
}

function listProblems(list: readonly string[], appends: readonly Operation[]): readonly string[] {
  const problems: string[] = [];
  const positions = new Map<string, number>();
  list.forEach((value, index) => {
    const earlier = positions.get(value);
    if (earlier !== undefined) problems.push(`value ${value} stands at positions ${earlier} and ${index + 1}`);
    else positions.set(value, index + 1);
  });
  const asked = new Set<string>();
  for (const append of appends) {
    const value = String(registerValue(append.argument));
    asked.add(value);
    const position = positions.get(value);
    const name = `client ${append.process}'s ${describeOperation(append)}`;
    if (append.outcome === "fail" && position !== undefined) problems.push(`${name}, yet it stands at ${position}`);
    if (append.outcome !== "ok") continue;
    if (position === undefined) problems.push(`${name} is lost`);
    else if (append.result !== null && position !== append.result) problems.push(`${name} stands at ${position}`);
  }
  for (const [value, position] of positions) {
    if (!asked.has(value)) problems.push(`value ${value} at position ${position} was never appended`);
  }
  return problems;
}

function decodedRegisters(
  { registers }: ConsensusState,
  decodeValue: FinalStateInput["decodeValue"],
): ReadonlyMap<string, RegisterValue> {
  return new Map(registers.map(([key, text]) => [key, registerText(decodeValue, text)]));
}

/** The value as the models hold it; damaged text as itself, so that the problem shows it. */
function registerText(decodeValue: FinalStateInput["decodeValue"], text: string): string {
  const value = decodeValue(text);
  return value === undefined ? `damaged text ${JSON.stringify(text.slice(0, 40))}` : String(value);
}

function resultOf(
  id: string,
  count: number,
  unit: string,
  problems: readonly string[],
  isNobody: boolean,
): CheckResult {
  if (isNobody) return { id, count, unit, validity: "unknown", summary: "no node is in service" };
  const result = resultOfProblems(id, count, unit, problems);
  // Nothing asked for and nothing there is as it should be.
  return result.validity === "unknown" ? { ...result, validity: "valid" } : result;
}
