/**
 * A leader that hands its office over: it takes no more proposals, brings its successor's log up to its own, and then
 * asks it to stand for election at once. If no election follows within an election timeout, the leader goes on.
 *
 * @see Ongaro 2014, section 3.10.
 */

import type { Millis, NodeId } from "../../foundation/units.ts";

export class Handover {
  readonly requestId: number | undefined;
  readonly to: NodeId;
  readonly #dueMs: Millis;
  /** The successor was asked to stand. */
  isAsked = false;

  /** @param requestId undefined when nobody waits for an answer. */
  constructor(requestId: number | undefined, to: NodeId, dueMs: Millis) {
    this.requestId = requestId;
    this.to = to;
    this.#dueMs = dueMs;
  }

  hasFailedAt(nowMs: Millis): boolean {
    return nowMs >= this.#dueMs;
  }
}
