/**
 * Judges a finished run of a store by its history and its final states.
 *
 * At majority and all the history of every key has to be linearizable, as the executable specification says what an
 * operation does. At one that is not promised: only that what is there was written, and that the nodes agree in the
 * end.
 */

import { checkLinearizability } from "../../check/linearizability.ts";
import { registerModel } from "../../check/register-model.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { JudgedBlock } from "../room.ts";
import type { StorageTypes } from "./room.ts";

export function judge({ plan, history }: JudgedBlock<StorageTypes>): readonly CheckResult[] {
  const { events } = history;
  if (plan.workload.level === "one") return [];
  return [checkLinearizability(events, registerModel())];
}
