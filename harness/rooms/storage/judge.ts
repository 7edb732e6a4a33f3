/**
 * Judges a finished run of a store by its history and its final states.
 *
 * At majority and all the history of every key is linearizable, as the executable specification says what an operation
 * does, versions follow real time, sessions never go back, and what was acknowledged is there at the end. At one only
 * this is promised: what is there was written, and not everything that was acknowledged is gone, unless a disk was
 * lost.
 */

import { applyToEntry } from "../../../implementations/assembly/storage/sequential-model.ts";
import type { ConsensusOperation } from "../../../implementations/consensus/contract.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { mergeStates } from "../../../implementations/storage/contract.ts";
import type { StorageOperation } from "../../../implementations/storage/contract.ts";
import { checkDurability } from "../../check/durability.ts";
import { checkLinearizability } from "../../check/linearizability.ts";
import { registerModel } from "../../check/register-model.ts";
import { checkSessions } from "../../check/session-monotonicity.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { checkVersionOrder } from "../../check/version-order.ts";
import { damagedValue } from "../../workload/workload.ts";
import { valueNumber } from "../../workload/value-text.ts";
import type { JudgedBlock } from "../room.ts";
import type { StorageTypes } from "./room.ts";

const losesDisks: ReadonlySet<FaultKind> = new Set(["wipe", "bit-flip", "misdirect", "replace", "remove"]);

export function judge({ plan, history, states }: JudgedBlock<StorageTypes>): readonly CheckResult[] {
  const { events } = history;
  const final = finalValues(states);
  // Of a run that only reads there is nothing to keep.
  const isChanged = events.some(({ f }) => f !== "read");
  if (plan.workload.level === "one") {
    const isAnyOrder = true;
    const isKept = isChanged && !plan.faults.some(({ kind }) => losesDisks.has(kind));
    return isKept ? [checkDurability({ history: events, final, isAnyOrder })] : [];
  }
  return [
    checkLinearizability(events, model),
    checkVersionOrder(events),
    checkSessions(events),
    ...(isChanged ? [checkDurability({ history: events, final })] : []),
  ];
}

/** By key, what the nodes hold together; undefined when none is in service. */
function finalValues(states: JudgedBlock<StorageTypes>["states"]): ReadonlyMap<string, string> | undefined {
  const held = [...states.values()].flatMap((state) => (state.kind === "state" ? [state.state] : []));
  if (held.length === 0) return undefined;
  return new Map(
    mergeStates(held).entries.map(([key, text]) => [key, String(valueNumber(text) ?? `${damagedValue} ${text}`)]),
  );
}

/** The executable specification is the model: what it would have answered is what is right. */
const model = registerModel(
  (value, operation) => {
    const { entry, reply } = applyToEntry({ value, version: 0 }, inWordsOfAStore(operation));
    if (reply.kind === "error") return { value: entry.value, reply };
    const { result } = reply;
    const told =
      result.kind === "get" ? ({ kind: "read", value: result.value } as const) : ({ kind: "write" } as const);
    return { value: entry.value, reply: { kind: "ok", result: told } };
  },
  "cas-register",
  (value) => {
    const { entry, reply } = applyToEntry({ value, version: 0 }, { kind: "delete", key: "", level: "majority" });
    return { value: entry.value, reply: reply.kind === "ok" ? { kind: "ok" } : reply };
  },
);

/** The rule does not depend on key and level. */
function inWordsOfAStore(operation: ConsensusOperation): StorageOperation {
  const level = "majority";
  switch (operation.kind) {
    case "read":
      return { kind: "get", key: operation.key, level };
    case "write":
      return { kind: "put", key: operation.key, value: operation.value, level };
    case "cas":
      return operation;
    case "append":
      return { kind: "get", key: "", level };
  }
}
