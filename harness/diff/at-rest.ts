/**
 * Second comparison of implementations: after a confluent workload under faults, whatever the interleaving was, every
 * node of every implementation holds one and the same canonical state. The first implementation's first node in
 * service is the reference.
 *
 * A node out of service (down, or refusing damaged data) has no state to compare; an implementation without any node
 * in service leaves the verdict unknown.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { NodeState } from "../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import { describeDifference, firstDifference } from "./canonical-diff.ts";
import { comparisonOf } from "./divergence.ts";
import type { Comparison, Divergence } from "./divergence.ts";

export interface RestingRun {
  readonly implementation: string;
  readonly states: ReadonlyMap<NodeId, NodeState<unknown>>;
}

/** @returns `compared` counts the states compared with the reference. */
export function compareAtRest(runs: readonly RestingRun[]): Comparison {
  assert(runs.length > 0, "there is a run to compare");
  const held = runs.flatMap(({ implementation, states }) =>
    [...states].flatMap(([node, state]) =>
      state.kind === "state" ? [{ implementation, node, state: state.state }] : [],
    ),
  );
  const idle = runs.find(({ implementation }) => !held.some((one) => one.implementation === implementation));
  const missing = idle === undefined ? undefined : `no node of ${idle.implementation} is in service`;
  const [reference, ...others] = held;
  const divergences: Divergence[] = [];
  for (const { implementation, node, state } of others) {
    const difference = reference === undefined ? undefined : firstDifference(reference.state, state);
    if (reference === undefined || difference === undefined) continue;
    const name = `${implementation} ${node}`;
    const description = describeDifference(difference, `${reference.implementation} ${reference.node}`, name);
    divergences.push({
      implementation,
      reference: reference.implementation,
      where: `final state of ${name} against ${reference.implementation} ${reference.node}`,
      description,
    });
  }
  return comparisonOf("at-rest", others.length, "final states", divergences, missing);
}
