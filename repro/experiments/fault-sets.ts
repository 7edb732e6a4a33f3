/** Groups of faults that the experiments draw from. */

import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";

const threadFaults: ReadonlySet<FaultKind> = new Set(faultKinds.thread);

/** Everything production can be subjected to in the simulator; only a scheduler executes tasks on threads. */
export const everyFault: readonly FaultKind[] = Object.values(faultKinds)
  .flat()
  .filter((kind) => !threadFaults.has(kind));

/** What leaves a memory intact: faults that minimal, which keeps its log in memory, is claimed to be correct under. */
export const memorySparingFaults: readonly FaultKind[] = [
  "pause",
  ...faultKinds.partition,
  "loss",
  "duplicate",
  "reorder",
  ...faultKinds.clock,
];
