/**
 * Clients are told only what a crash cannot take back: that a task was accepted, or how it ended, after its home has
 * said of itself that this is durable.
 *
 * Whether a home crashes just then is chance, and what it then loses often comes about once more; so this is judged at
 * every answer, crash or no crash. An end that was decided when its home stopped may be durable though nobody was left
 * to say so; and of a task that was taken and had failed over a dependency when a node stopped nobody need ever say
 * that it was accepted.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Millis } from "../../../implementations/foundation/units.ts";
import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type {
  SchedulerEvent,
  SchedulerOperation,
  SchedulerResult,
  TaskEnd,
} from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

export class DurableAnswers implements TraceCheck {
  readonly #findings: Findings;
  /** Of a disk that is gone nobody knows what was durable. */
  #isLost = false;
  #stoppedMs: Millis = -Infinity;

  constructor(recent: RecentEvents) {
    this.#findings = new Findings("answers-durable", "tasks that clients were told of", recent);
  }

  observe({ timeMs, event }: Traced<SchedulerEvent>): void {
    if (event.kind === "stop") this.#stoppedMs = timeMs;
    if (event.kind === "damage") this.lost();
  }

  lost(): void {
    this.#isLost = true;
  }

  answered(operation: SchedulerOperation, result: SchedulerResult, timeMs: Millis, tasks: ObservedTasks): void {
    if (this.#isLost) return;
    if (operation.kind === "submit") {
      for (const { id } of operation.tasks) this.#accepted(id, timeMs, tasks);
    }
    if (result.kind !== "status") {
      for (const [task, end] of result.ended) this.#ended(task, end, timeMs, tasks);
    } else if (operation.kind === "status" && result.status !== null) {
      this.#accepted(operation.task, timeMs, tasks);
      if (result.status.end !== undefined) this.#ended(operation.task, result.status.end, timeMs, tasks);
    }
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }

  #accepted(id: string, timeMs: Millis, tasks: ObservedTasks): void {
    this.#findings.judged++;
    const task = tasks.find(id);
    if (task?.accepted !== undefined || (tasks.offeredAs(id)?.atMs ?? 0) <= this.#stoppedMs) return;
    this.#findings.violate(
      timeMs,
      task?.home ?? "a node",
      `has told a client of ${id} before it was accepted for good`,
    );
  }

  #ended(id: string, { state }: TaskEnd, timeMs: Millis, tasks: ObservedTasks): void {
    this.#findings.judged++;
    const task = tasks.find(id);
    if (task === undefined || task.committed?.end === state) return;
    if (task.committed === undefined && task.isUncertain) return;
    const stands =
      task.committed === undefined ? "which is not committed" : `which it committed as ${task.committed.end}`;
    this.#findings.violate(timeMs, task.home, `has told a client that ${id} is ${state}, ${stands}`);
  }
}
