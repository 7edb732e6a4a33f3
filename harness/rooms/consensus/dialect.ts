/** The workloads' operations in the words of consensus. */

import type { HistoryValue } from "../../history/event.ts";
import type { KeyWorkloadSpec } from "../../plan/plan.ts";
import { valueText } from "../../workload/value-text.ts";
import { scalarOf } from "../../workload/workload.ts";
import type { Dialect } from "../../workload/workload.ts";
import type { ConsensusTypes } from "./room.ts";

export function consensusDialect({ valueBytes }: Pick<KeyWorkloadSpec, "valueBytes">): Dialect<ConsensusTypes> {
  const textOf = (value: number): string => valueText(value, valueBytes);
  return {
    read: (key) => ({ operation: { kind: "read", key }, f: "read", key, value: null }),
    write: (key, value) => ({ operation: { kind: "write", key, value: textOf(value) }, f: "write", key, value }),
    cas: (key, from, to) => {
      const fromText = from === null ? null : textOf(from);
      return { operation: { kind: "cas", key, from: fromText, to: textOf(to) }, f: "cas", key, value: [from, to] };
    },
    append: (value) => ({
      operation: { kind: "append", value: textOf(value) },
      f: "append",
      key: undefined,
      value,
    }),
    completion: (call, result) => {
      const valueOf = (): HistoryValue => {
        if (result.kind === "append") return result.position;
        return result.kind === "read" ? scalarOf(result.value) : call.value;
      };
      return { value: valueOf() };
    },
  };
}
