/**
 * C-SCH-3 and N-FV-4, no task is lost: at the end of a run every task that was accepted has been committed.
 *
 * A node that is not durable forgets its tasks when it stops; those are left out. So is a task whose end may have
 * become durable just before its home stopped, when nobody was left to tell: whether it has ended is judged by the
 * final states. The time from ready to started, once the last fault is over, is part of the summary.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import { standingOf } from "./observed-tasks.ts";
import type { ObservedTask, ObservedTasks } from "./observed-tasks.ts";

export class TaskEnds implements TraceCheck {
  readonly #findings: Findings;
  #accepted = 0;
  #longestWaitMs = 0;
  #healedMs: Millis = -Infinity;
  #faults = 0;

  constructor(recent: RecentEvents) {
    this.#findings = new Findings("every-task-ends", "tasks", recent);
  }

  struck(): void {
    this.#faults++;
    this.#longestWaitMs = 0;
  }

  healed(atMs: Millis): void {
    this.#faults--;
    this.#healedMs = atMs;
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "accepted") this.#accepted++;
    if (event.kind !== "started" || this.#faults > 0) return;
    const ready = tasks.find(event.task)?.ready;
    if (ready?.token !== event.token || tasks.find(event.task)?.home !== node) return;
    this.#longestWaitMs = Math.max(this.#longestWaitMs, timeMs - Math.max(ready.sinceMs, this.#healedMs));
  }

  result(nowMs: Millis, tasks: ObservedTasks): CheckResult | undefined {
    let uncertain = 0;
    for (const task of tasks.tasks) {
      if (task.accepted === undefined) continue;
      this.#findings.judged++;
      if (task.committed !== undefined) continue;
      if (isExcused(task, tasks)) uncertain++;
      else this.#findings.violate(nowMs, task.home, `has not ended ${task.id}: ${standing(task, tasks)}`);
    }
    const wait = `, started at most ${this.#longestWaitMs.toFixed(1)} ms after they were ready`;
    const told = uncertain === 0 ? "" : `, ${uncertain} whose end nobody was left to tell`;
    const result = this.#findings.result(`${wait}${told}`);
    if (result !== undefined || this.#accepted > 0) return result;
    return { id: "every-task-ends", count: 0, unit: "tasks", validity: "unknown", summary: "no task was accepted" };
  }
}

/** Its end was decided when its home stopped, or could have been: one of its dependencies had failed. */
function isExcused(task: ObservedTask, tasks: ObservedTasks): boolean {
  if (!task.isUncertain) return false;
  if (tasks.mayExpire || task.lastEnd !== undefined) return true;
  return (task.accepted?.dependencies ?? []).some((id) => {
    const dependency = tasks.find(id);
    return dependency === undefined || dependency.isUncertain || dependency.committed?.end === "failed";
  });
}

function standing(task: ObservedTask, tasks: ObservedTasks): string {
  const open = (task.accepted?.dependencies ?? []).filter((id) => tasks.find(id)?.committed?.end !== "completed");
  const text = standingOf(task);
  return text === "pending" && open.length > 0 ? `pending on ${open.join(" ")}` : text;
}
