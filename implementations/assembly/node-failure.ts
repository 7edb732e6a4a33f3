/** Whose error it is when something is thrown in a simulated node: the node's, unless the harness asked for it. */

import { HarnessError, NodeFailure, UsageError } from "../foundation/errors.ts";
import type { Millis, NodeId } from "../foundation/units.ts";

/** Lines of the node's stack that help to find the place. */
const shownStackLines = 6;

/** Returns `error` as the failure of `node`; errors of the harness, and failures that have their node, as they are. */
export function failureOf(node: NodeId, timeMs: Millis, error: unknown): unknown {
  if (error instanceof NodeFailure || error instanceof HarnessError || error instanceof UsageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new NodeFailure(node, timeMs, message, { cause: error });
}

/** The failure as people read it: what, where, when, and where in the code. */
export function describeFailure(failure: NodeFailure): string {
  const { cause, node, timeMs, message } = failure;
  const stack = cause instanceof Error ? (cause.stack ?? "").split("\n").slice(1, 1 + shownStackLines) : [];
  return [
    `${timeMs.toFixed(3)} ms: ${node}: ${message}`,
    ...stack.map((line) => line.replace(/\(?file:\S*\/(?=(implementations|harness)\/)/, "(")),
  ].join("\n");
}
