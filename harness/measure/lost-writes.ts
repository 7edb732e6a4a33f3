/**
 * Acknowledged writes that a store lost: keys whose final value is not one that the history allows. A key is counted
 * once, whatever was lost of it; what every read in between saw is the linearizability checker's matter.
 */

import { mergeStates } from "../../implementations/storage/contract.ts";
import type { StorageState } from "../../implementations/storage/contract.ts";
import { finalProblems } from "../check/durability.ts";
import { pairOperations } from "../history/operations.ts";
import { writtenBy } from "../check/register-operation.ts";
import { valueNumber } from "../workload/value-text.ts";
import type { Probe } from "./probes.ts";

export const lostWrites: Probe = ({ states, history }) => {
  const held = [...states.values()].flatMap((state): StorageState[] =>
    state.kind === "state" && "entries" in state.state ? [state.state] : [],
  );
  const changes = pairOperations(history.events).filter((operation) => writtenBy(operation) !== undefined);
  const final = new Map(mergeStates(held).entries.map(([key, text]) => [key, String(valueNumber(text) ?? text)]));
  const lost = held.length === 0 ? [] : finalProblems(final, changes, false);
  const acknowledged = changes.filter(({ outcome }) => outcome === "ok").length;
  return [
    { metric: "lost-acknowledged-writes", value: lost.length, unit: "count" },
    { metric: "acknowledged-writes", value: acknowledged, unit: "count" },
  ];
};
