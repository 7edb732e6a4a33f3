/**
 * C-SCH-2: no task starts before all its dependencies have ended as completed, wherever they have their home. Another
 * home's end counts once it is durable: until then a crash could take it back, and leave the start.
 *
 * Where events come at the moment they tell of, every start is judged at once. On real processes those of different
 * nodes may overtake each other on their way here: there, at the end, for each start, whether its dependencies were
 * completed no later than a little after it. And a process that is killed takes the last that it had to tell with it: a
 * dependency whose home was killed around that time may have been completed though nobody heard of it, unless it was to
 * run again before the start.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings, at } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { ObservedTask, ObservedTasks } from "./observed-tasks.ts";

/** How far the clocks of nodes and the order of their events may be apart. */
const toleranceMs = 20;
/** How much of what a process had to tell is lost when it is killed (`assembly/cluster/child-channel.ts`, batches). */
const lostMs = 40;

type Started = Traced<SchedulerEvent & { readonly kind: "started" }>;

export class DependencyOrder implements TraceCheck {
  readonly #isOrderExact: boolean;
  readonly #findings: Findings;
  readonly #late: { readonly started: Started; readonly dependency: string }[] = [];
  /** By task: when it first was completed. */
  readonly #completedMs = new Map<string, Millis>();
  /** By node: when it was killed; by task: when it was to run. Kept where events can be lost. */
  readonly #killedMs = new Map<NodeId, Millis[]>();
  readonly #readyMs = new Map<string, Millis[]>();

  constructor(isOrderExact: boolean, recent: RecentEvents) {
    this.#isOrderExact = isOrderExact;
    this.#findings = new Findings("dependencies-respected", "starts of tasks with dependencies", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "ended" && event.end === "completed" && !this.#completedMs.has(event.task)) {
      this.#completedMs.set(event.task, timeMs);
    }
    if (!this.#isOrderExact) this.#note(timeMs, node, event);
    if (event.kind !== "started") return;
    const task = tasks.find(event.task);
    const dependencies = task?.accepted?.dependencies ?? [];
    if (dependencies.length > 0) this.#findings.judged++;
    for (const dependency of dependencies) {
      const other = tasks.find(dependency);
      if (other !== undefined && isDone(other, this.#isOrderExact && other.home !== task?.home)) continue;
      const started = { timeMs, node, event };
      if (this.#isOrderExact) this.#violate(started, dependency, other);
      else this.#late.push({ started, dependency });
    }
  }

  result(_nowMs: Millis, tasks: ObservedTasks): CheckResult | undefined {
    for (const { started, dependency } of this.#late) {
      const completedMs = this.#completedMs.get(dependency) ?? Infinity;
      if (completedMs <= started.timeMs + toleranceMs) continue;
      const other = tasks.find(dependency);
      if (!this.#mayHaveBeenLost(other, started.timeMs)) this.#violate(started, dependency, other);
    }
    this.#late.length = 0;
    return this.#findings.result();
  }

  #note(timeMs: Millis, node: NodeId, event: SchedulerEvent): void {
    if (event.kind === "stop" && !event.orderly) add(this.#killedMs, node, timeMs);
    if (event.kind === "ready") add(this.#readyMs, event.task, timeMs);
  }

  #mayHaveBeenLost(dependency: ObservedTask | undefined, startedMs: Millis): boolean {
    if (dependency === undefined) return false;
    const ready = this.#readyMs.get(dependency.id) ?? [];
    return (this.#killedMs.get(dependency.home) ?? []).some(
      (killedMs) =>
        killedMs <= startedMs + toleranceMs + lostMs && !ready.some((ms) => ms > killedMs && ms <= startedMs),
    );
  }

  #violate({ timeMs, node, event }: Started, dependency: string, other: ObservedTask | undefined): void {
    const end = other?.lastEnd;
    const durable = other?.isCompleted === true ? ", which is not durable yet" : "";
    const how = end === undefined ? "has not ended" : `last ended as ${end.end} at ${at(end.atMs)}${durable}`;
    this.#findings.violate(
      timeMs,
      node,
      `starts ${event.task} (token ${event.token}), whose dependency ${dependency} ${how}`,
    );
  }
}

function add<Key>(times: Map<Key, Millis[]>, key: Key, ms: Millis): void {
  const known = times.get(key);
  if (known === undefined) times.set(key, [ms]);
  else known.push(ms);
}

/** Of a task whose home crashed nobody knows whether its end was durable. */
function isDone({ isCompleted, isUncertain, committed }: ObservedTask, isDurable: boolean): boolean {
  return committed?.end === "completed" || (isCompleted && (!isDurable || isUncertain));
}
