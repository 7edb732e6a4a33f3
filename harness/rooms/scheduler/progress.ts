/**
 * C-SCH-3, progress: a ready task that any worker may take and nothing keeps from it does not wait while a worker of
 * its node is idle.
 *
 * Of every start without a fault at work: from the moment on when the task was ready, the last fault was over for a
 * while, and a worker was idle, it was started within a bound. Only tasks that hold no memory and whose tenants have no
 * quota are judged, and only while no other task of the node needs memory: those may have to wait for each other.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import { defaultResources } from "../../../implementations/scheduler/contract.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedNode, ObservedTask, ObservedTasks } from "./observed-tasks.ts";

/** How long a start may take though a worker is idle. */
const boundMs: Millis = 100;
/** After a fault, until everybody noticed that it is over. */
const graceMs: Millis = 1000;

export class Progress implements TraceCheck {
  readonly #governance: Governance;
  readonly #findings: Findings;
  /** When all workers of a node were busy for the last time. */
  readonly #busyMs = new Map<NodeId, Millis>();
  #faults = 0;
  #quietMs: Millis = 0;
  #longestMs: Millis = 0;

  constructor(governance: Governance, recent: RecentEvents) {
    this.#governance = governance;
    this.#findings = new Findings("progress", "starts without a fault at work", recent);
  }

  struck(): void {
    this.#faults++;
  }

  healed(atMs: Millis): void {
    this.#faults--;
    this.#quietMs = atMs + graceMs;
  }

  observe({ timeMs, node: id, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    const node = tasks.nodeOf(id);
    if (event.kind === "start" || !this.#isUnhindered(node)) this.#busyMs.set(id, timeMs);
    if (event.kind !== "started" || this.#faults > 0 || timeMs < this.#quietMs) return;
    const task = tasks.find(event.task);
    if (task?.home !== id || task.ready === undefined || task.accepted?.lane !== -1) return;
    this.#findings.judged++;
    const sinceMs = Math.max(task.ready.sinceMs, this.#quietMs, this.#busyMs.get(id) ?? 0);
    this.#longestMs = Math.max(this.#longestMs, timeMs - sinceMs);
    if (timeMs - sinceMs <= boundMs) return;
    const what = `${task.id}, which is ready since ${task.ready.sinceMs.toFixed(3)} ms`;
    this.#findings.violate(timeMs, id, `starts ${what}, though a worker is idle since ${sinceMs.toFixed(3)} ms`);
  }

  result(): CheckResult | undefined {
    return this.#findings.result(`, at most ${this.#longestMs.toFixed(1)} ms beside an idle worker`);
  }

  /** Whether a worker is idle, and every task that waits could be taken. */
  #isUnhindered({ executing, ready }: ObservedNode): boolean {
    return executing.size < this.#governance.workers && [...ready].every((task) => this.#isFree(task));
  }

  #isFree({ accepted }: ObservedTask): boolean {
    if (accepted === undefined || accepted.memoryMb > 0 || accepted.cpuMilli > defaultResources.cpuMilli) return false;
    return (this.#governance.tenants.get(accepted.tenant)?.perNode.cpuMilli ?? Infinity) === Infinity;
  }
}
