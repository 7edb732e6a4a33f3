/**
 * Acknowledged writes that a store lost: keys whose final value is not one that the history allows. A key is counted
 * once, whatever was lost of it; what every read in between saw is the linearizability checker's matter.
 */

import { mergeStates } from "../../implementations/storage/contract.ts";
import type { StorageState } from "../../implementations/storage/contract.ts";
import { checkFinalState } from "../check/final-state.ts";
import { valueNumber } from "../workload/value-text.ts";
import type { Probe } from "./probes.ts";

export const lostWrites: Probe = ({ states, history }) => {
  const held = [...states.values()].flatMap((state): StorageState[] =>
    state.kind === "state" && "entries" in state.state ? [state.state] : [],
  );
  const acknowledged = history.events.filter(({ type, f }) => type === "ok" && (f === "write" || f === "cas")).length;
  const registers = mergeStates(held).entries.map(([key, value]) => [key, value] as const);
  const together = new Map([["all nodes", { kind: "state", state: { registers, list: [] } } as const]]);
  const checks = checkFinalState({ history: history.events, states: together, decodeValue: valueNumber });
  const lost = checks.find(({ id }) => id === "final-registers");
  const count = lost?.validity === "invalid" ? (lost.counterexample ?? "").split("\n").length : 0;
  return [
    { metric: "lost-acknowledged-writes", value: count, unit: "count" },
    { metric: "acknowledged-writes", value: acknowledged, unit: "count" },
  ];
};
