/**
 * A key's string value with get, put and append (to the string), an absent key reading as the empty string: the model
 * of key-value histories as Porcupine's examples have them.
 *
 * Where every text is written once, kv-zones.ts decides; otherwise the strings are searched, within the budget.
 */

import type { HistoryFunction, HistoryValue } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";
import { KvLookahead } from "./kv-lookahead.ts";
import { judgeUniqueTexts } from "./kv-zones.ts";
import type { Model } from "./model.ts";

const functions: ReadonlySet<HistoryFunction> = new Set(["get", "put", "append"]);

export function kvModel(): Model<string> {
  return {
    name: "kv",
    functions,
    initial: "",
    step: stepKv,
    identity: (state) => state,
    isObservation: (operation) => operation.f === "get",
    effectOf: ({ f, argument }) => `${f} ${textOf(argument)}`,
    lookahead: (operations) => new KvLookahead(operations),
    shortcut: judgeUniqueTexts,
    describe: (state) => JSON.stringify(state.length <= 80 ? state : `...${state.slice(-77)}`),
  };
}

function stepKv(state: string, operation: Operation): string | undefined {
  if (operation.f === "get") return textOf(operation.result) === state ? state : undefined;
  const value = textOf(operation.argument);
  return operation.f === "put" ? value : state + value;
}

function textOf(value: HistoryValue): string {
  return value === null ? "" : String(value);
}
