/**
 * A node has at most `queueLimit` tasks that have not ended: a submission that would be too much is refused as a whole.
 *
 * A home tells of ends and acceptances in the order in which it wrote them down, so what has ended when a submission
 * was taken is told before it. A task whose end was decided when its home stopped may have ended.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

export class QueueLimit implements TraceCheck {
  readonly #limit: number;
  readonly #findings: Findings;
  /** By home: tasks that were accepted and whose end was not told. */
  readonly #open = new Map<NodeId, Set<string>>();
  #most = 0;

  constructor({ queueLimit }: Governance, recent: RecentEvents) {
    this.#limit = queueLimit;
    this.#findings = new Findings("queue-limit", "tasks accepted", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "damage") this.lost(node);
    if (event.kind === "committed") this.#open.get(node)?.delete(event.task);
    if (event.kind !== "accepted") return;
    this.#findings.judged++;
    const open = this.#open.get(node) ?? new Set();
    this.#open.set(node, open);
    open.add(event.task);
    if (open.size > this.#limit) for (const id of open) if (tasks.find(id)?.isUncertain === true) open.delete(id);
    this.#most = Math.max(this.#most, open.size);
    if (open.size <= this.#limit) return;
    const what = `accepts ${event.task}, and has ${open.size} tasks that have not ended`;
    this.#findings.violate(timeMs, node, `${what}; allowed are ${this.#limit}`);
  }

  /** The node's disk is gone. */
  lost(node: NodeId): void {
    this.#open.delete(node);
  }

  result(): CheckResult | undefined {
    return this.#findings.result(`, at most ${this.#most} of a node open at a time`);
  }
}
