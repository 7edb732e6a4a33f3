/** The workloads' operations in the words of a store, all at one quorum level. */

import type { KeyWorkloadSpec } from "../../plan/plan.ts";
import { valueText } from "../../workload/value-text.ts";
import { scalarOf } from "../../workload/workload.ts";
import type { Dialect } from "../../workload/workload.ts";
import type { StorageTypes } from "./room.ts";

export function storageDialect({
  valueBytes,
  level = "majority",
}: Pick<KeyWorkloadSpec, "valueBytes" | "level">): Dialect<StorageTypes> {
  const textOf = (value: number): string => valueText(value, valueBytes);
  return {
    read: (key) => ({ operation: { kind: "get", key, level }, f: "read", key, value: null }),
    write: (key, value) => ({ operation: { kind: "put", key, value: textOf(value), level }, f: "write", key, value }),
    cas: (key, from, to) => {
      const fromText = from === null ? null : textOf(from);
      return { operation: { kind: "cas", key, from: fromText, to: textOf(to) }, f: "cas", key, value: [from, to] };
    },
    delete: (key) => ({ operation: { kind: "delete", key, level }, f: "delete", key, value: null }),
    completion: (call, result) =>
      result.kind === "get"
        ? { value: scalarOf(result.value), version: result.version }
        : { value: call.value, version: result.version },
  };
}
