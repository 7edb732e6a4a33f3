/** A whole cluster in one thread, as its substrate sees it: nodes that call each other directly. */

import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";

export interface CallingCluster<State> {
  /** Faults between and of the nodes; those on client links are the substrate's. */
  inject(fault: Fault): FaultHandle;
  states(): ReadonlyMap<NodeId, NodeState<State>>;
  resources(): readonly NodeResources[];
}
