/** Who wants to see a node's state after each of its steps; only the simulated substrate has such moments. */

import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusView } from "../../consensus/contract.ts";

export type ViewListener = (node: NodeId, view: ConsensusView) => void;

export class ViewWatch {
  readonly #listeners: ViewListener[] = [];

  observe(listener: ViewListener): void {
    this.#listeners.push(listener);
  }

  /** @param viewOf is asked only if somebody watches; undefined: there is nothing to see yet. */
  report(node: NodeId, viewOf: () => ConsensusView | undefined): void {
    if (this.#listeners.length === 0) return;
    const view = viewOf();
    if (view !== undefined) for (const listener of this.#listeners) listener(node, view);
  }
}
