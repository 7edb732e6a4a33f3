/** The implementation's own assertions, as a check: one that fails is a finding like any other. */

import type { NodeFailure } from "../../implementations/foundation/errors.ts";
import { describeFailure } from "../../implementations/assembly/node-failure.ts";
import type { CheckResult } from "./verdict.ts";

/** @param failure how the run ended; undefined when no node failed. */
export function noAssertionBroken(failure: NodeFailure | undefined): CheckResult {
  const common = { id: "no-assertion-broken", count: 1, unit: "runs" } as const;
  if (failure === undefined) return { ...common, validity: "valid", summary: "no node failed by itself" };
  const { node, timeMs, message } = failure;
  const summary = `${node} failed at ${timeMs.toFixed(1)} ms: ${message}`;
  return { ...common, validity: "invalid", summary, counterexample: describeFailure(failure) };
}
