/**
 * A task whose deadline has passed is over: it gets ready no more, starts no more, and no attempt ends it; and it does
 * not fail for that reason before.
 *
 * The deadline counts from the acceptance, which lies between the client's first request and the moment at which the
 * home tells of it. The time in which the home was down does not count, and how much of the last life does is for the
 * journal to say: after a restart a task is given its whole time again at most.
 *
 * Judged where clocks are right and events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

/** How late a home may be that has a lot to do. */
const allowanceMs: Millis = 50;
const roundingMs: Millis = 0.01;

type OfTask = Extract<SchedulerEvent, { readonly task: string }>;

export class Deadlines implements TraceCheck {
  readonly #findings: Findings;
  readonly #acceptedMs = new Map<string, Millis>();
  readonly #startedMs = new Map<NodeId, Millis>();

  constructor(recent: RecentEvents) {
    this.#findings = new Findings("deadlines", "tasks with a deadline", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "start") this.#startedMs.set(node, timeMs);
    if (!("task" in event)) return;
    const offered = tasks.offeredAs(event.task);
    const deadlineMs = offered?.spec.deadlineMs;
    if (offered === undefined || deadlineMs === undefined) return;
    if (event.kind === "accepted") {
      this.#findings.judged++;
      this.#acceptedMs.set(event.task, timeMs);
      return;
    }
    if (tasks.find(event.task)?.home !== node) return;
    if (isForItsDeadline(event, tasks)) {
      const earlyMs = offered.atMs + deadlineMs - timeMs;
      if (earlyMs <= roundingMs) return;
      const since = `asked for at ${offered.atMs.toFixed(3)} ms`;
      const what = `ends ${event.task} for its deadline of ${deadlineMs} ms, ${since}`;
      return this.#findings.violate(timeMs, node, `${what}: ${earlyMs.toFixed(3)} ms too early`);
    }
    const acceptedMs = this.#acceptedMs.get(event.task);
    if (acceptedMs === undefined || !goesOn(event)) return;
    const sinceMs = Math.max(acceptedMs, this.#startedMs.get(node) ?? 0);
    const lateMs = timeMs - sinceMs - deadlineMs;
    if (lateMs <= allowanceMs) return;
    const since = `known since ${sinceMs.toFixed(3)} ms`;
    const what = `goes on (${event.kind}) with ${event.task}, ${since}`;
    this.#findings.violate(timeMs, node, `${what}: ${lateMs.toFixed(3)} ms after its deadline of ${deadlineMs} ms`);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }
}

function goesOn(event: OfTask): boolean {
  if (event.kind === "ended") return event.end !== "expired" && event.end !== "lost";
  return event.kind === "ready" || event.kind === "started" || event.kind === "leased";
}

/** Nothing else can have ended it so. */
function isForItsDeadline(event: OfTask, tasks: ObservedTasks): boolean {
  if (event.kind === "ended") return event.end === "expired";
  if (event.kind !== "committed" || event.end !== "failed") return false;
  const task = tasks.find(event.task);
  const isOfAttempt = task?.lastEnd?.end === "threw" || task?.lastEnd?.end === "crashed";
  return !isOfAttempt && task?.accepted?.dependencies.length === 0;
}
