/** What the tasks of a load call that call something. */

import type { JsonValue, TaskContext } from "../../../implementations/scheduler/contract.ts";

/** Returns what it is given. */
export function echo(_context: TaskContext, value: JsonValue): JsonValue {
  return value;
}
