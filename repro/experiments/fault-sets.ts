/** Groups of faults that the experiments draw from. */

import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";

const threadFaults: ReadonlySet<FaultKind> = new Set(faultKinds.thread);

/** Everything production can be subjected to in the simulator; only a scheduler executes tasks on threads. */
export const everyFault: readonly FaultKind[] = Object.values(faultKinds)
  .flat()
  .filter((kind) => !threadFaults.has(kind));

/** What leaves a memory intact, of nodes that call each other directly: minimal is claimed to be right under these. */
export const memorySparingFaults: readonly FaultKind[] = ["pause", ...faultKinds.partition];

/** The same of nodes that send each other messages and read clocks. */
export const memorySparingMessageFaults: readonly FaultKind[] = [
  ...memorySparingFaults,
  "loss",
  "duplicate",
  "reorder",
  ...faultKinds.clock,
];
