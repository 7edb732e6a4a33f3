/**
 * What a scheduler's trace tells of single attempts: which task ran on which worker from when to when, and how it
 * ended.
 *
 * An attempt's end is when its worker was through with it, not when its home took note of that. An attempt that nobody
 * ended (its process died) stays open.
 */

import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { AttemptEnd, SchedulerEvent } from "../../implementations/scheduler/contract.ts";

/** An event of any module, at milliseconds since the load began. */
export interface AnyTimedEvent {
  readonly ms: Millis;
  readonly node: NodeId;
  readonly event: { readonly kind: string };
}

export interface SchedulerTimedEvent extends AnyTimedEvent {
  readonly event: SchedulerEvent;
}

export interface Attempt {
  readonly task: string;
  readonly token: number;
  /** Where it ran; a home may be another node. */
  readonly node: NodeId;
  readonly worker: number;
  /** Whose queue it was taken from; -1: the shared one. */
  readonly lane: number;
  readonly startMs: Millis;
  /** From when it got ready. */
  readonly waitMs: Millis;
  /** Whether the task had no attempt before. */
  readonly isFirst: boolean;
  readonly end: AttemptEnd | "open";
  /** Missing while it is open. */
  readonly endMs?: Millis;
  /** From the request to yield to the checkpoint. */
  readonly yieldMs?: Millis;
}

/** What a task was accepted as, and where: its home. */
export interface AcceptedTask {
  readonly task: string;
  readonly home: NodeId;
  readonly ms: Millis;
  readonly tenant: string;
  readonly priority: number;
  /** -1: any worker's. */
  readonly lane: number;
  readonly dependencies: readonly string[];
}

/** Returns those of `trace` that are a scheduler's; a block's trace may be of any module. */
export function schedulerEvents(trace: readonly AnyTimedEvent[]): readonly SchedulerTimedEvent[] {
  return trace.filter(isOfScheduler);
}

const kinds: ReadonlySet<string> = new Set<SchedulerEvent["kind"]>([
  "accepted",
  "ready",
  "leased",
  "started",
  "preempting",
  "ended",
  "committed",
]);

function isOfScheduler(each: AnyTimedEvent): each is SchedulerTimedEvent {
  return kinds.has(each.event.kind);
}

/** Returns every attempt of `trace` in the order of their starts. */
export function attemptsOf(trace: readonly AnyTimedEvent[]): readonly Attempt[] {
  const attempts = new Map<string, Attempt>();
  const begun = new Set<string>();
  for (const { ms, node, event } of schedulerEvents(trace)) {
    if (event.kind === "started") {
      const { task, token, worker, lane, waitMs } = event;
      const isFirst = !begun.has(task);
      begun.add(task);
      attempts.set(`${task} ${token}`, { task, token, node, worker, lane, startMs: ms, waitMs, isFirst, end: "open" });
    } else if (event.kind === "ended") {
      const key = `${event.task} ${event.token}`;
      const attempt = attempts.get(key);
      if (attempt === undefined || attempt.end !== "open") continue;
      const { end, ranMs, yieldMs } = event;
      const endMs = attempt.startMs + ranMs;
      attempts.set(key, { ...attempt, end, endMs, ...(yieldMs === undefined ? {} : { yieldMs }) });
    }
  }
  return [...attempts.values()];
}

/** Returns the tasks that were accepted, by name, in the order of their acceptance. */
export function acceptedTasks(trace: readonly AnyTimedEvent[]): ReadonlyMap<string, AcceptedTask> {
  const tasks = new Map<string, AcceptedTask>();
  for (const { ms, node, event } of schedulerEvents(trace)) {
    if (event.kind !== "accepted" || tasks.has(event.task)) continue;
    const { task, tenant, priority, lane, dependencies } = event;
    tasks.set(task, { task, home: node, ms, tenant, priority, lane, dependencies });
  }
  return tasks;
}
