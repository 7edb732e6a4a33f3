/**
 * Probes of schedulers: how long tasks wait, who gets how much of the workers, how evenly these are used, what yielding
 * takes, and whether dependencies were kept.
 *
 * They read the trace alone, so they serve blocks of load and scripts of submissions alike.
 */

import type { Millis } from "../../implementations/foundation/units.ts";
import { acceptedTasks, attemptsOf, schedulerEvents } from "./attempts.ts";
import type { AnyTimedEvent, Attempt } from "./attempts.ts";
import { nearestRank, sorted } from "./order.ts";
import type { Measurement } from "./probes.ts";
import type { Moment } from "./timeline-probes.ts";

/** A run as these probes see it. */
export interface TracedRun {
  readonly trace: readonly AnyTimedEvent[];
}
export type ScheduleProbe = (run: TracedRun) => readonly Measurement[];

/** From `fromMs` to `toMs` since the load began. */
export interface Window {
  readonly fromMs: Millis;
  readonly toMs: Millis;
}

export interface CountedWaits {
  /** Which tasks, by their names; all unless it is said. */
  readonly isCounted?: (task: string) => boolean;
  /** The end of a run that leaves tasks waiting: what they have waited by then counts, and is less than it would be. */
  readonly untilMs?: Millis;
}

/**
 * How long tasks waited from when they got ready to their first attempt: the median, higher percentiles and the mean.
 *
 * @param name what the measurements begin with.
 */
export function waitsOf(name: string, { isCounted = () => true, untilMs }: CountedWaits = {}): ScheduleProbe {
  return ({ trace }) => {
    const started = attemptsOf(trace).filter(({ task, isFirst }) => isFirst && isCounted(task));
    const left = untilMs === undefined ? [] : stillWaitingMs(trace, isCounted, untilMs);
    const waits = [...started.map(({ waitMs }) => waitMs), ...left];
    if (waits.length === 0) return [];
    const ordered = sorted(waits);
    const at = (label: string, quantile: number): Measurement => ({
      ...{ metric: `${name}-${label}-ms`, value: nearestRank(ordered, quantile), unit: "ms" },
    });
    const mean = waits.reduce((sum, each) => sum + each, 0) / waits.length;
    return [
      { metric: `${name}-mean-ms`, value: mean, unit: "ms" },
      ...[at("p50", 0.5), at("p90", 0.9), at("p99", 0.99), at("p999", 0.999), at("max", 1)],
      { metric: `${name}-count`, value: waits.length, unit: "tasks" },
    ];
  };
}

/** Which part of the accepted tasks completed. */
export const completedTasks: ScheduleProbe = ({ trace }) => {
  const accepted = acceptedTasks(trace).size;
  if (accepted === 0) return [];
  const completed = new Set(
    schedulerEvents(trace).flatMap(({ event }) =>
      event.kind === "committed" && event.end === "completed" ? [event.task] : [],
    ),
  );
  return [
    { metric: "tasks-accepted", value: accepted, unit: "tasks" },
    { metric: "tasks-completed-ratio", value: completed.size / accepted, unit: "ratio" },
  ];
};

/** Which part of `workers` workers' time in the window went into attempts. */
export function utilisation(workers: number, window: Window): ScheduleProbe {
  return ({ trace }) => {
    const busyMs = attemptsOf(trace).reduce((sum, attempt) => sum + overlapMs(attempt, window), 0);
    return [{ metric: "utilisation", value: busyMs / (workers * (window.toMs - window.fromMs)), unit: "ratio" }];
  };
}

/** How tenants, or whoever tasks belong to, are told apart; and what they are entitled to. */
export interface Entitlement {
  /** By the task's name; undefined: nobody's who counts. */
  readonly ownerOf: (task: string) => string | undefined;
  readonly weights: Readonly<Record<string, number>>;
}

/**
 * Who got which part of the attempts' time in a window in which everybody wanted more, and how far the shares lie from
 * what the weights entitle to.
 *
 * @returns `share@OWNER`; `share-deviation`, the largest |share / entitled - 1|; `least-share`, the smallest
 *   share / entitled.
 */
export function sharesOf({ ownerOf, weights }: Entitlement, window: Window): ScheduleProbe {
  return ({ trace }) => {
    const ran = new Map(Object.keys(weights).map((owner) => [owner, 0]));
    for (const attempt of attemptsOf(trace)) {
      const owner = ownerOf(attempt.task);
      const before = owner === undefined ? undefined : ran.get(owner);
      if (owner !== undefined && before !== undefined) ran.set(owner, before + overlapMs(attempt, window));
    }
    const total = [...ran.values()].reduce((sum, each) => sum + each, 0);
    if (total === 0) return [];
    const allWeights = Object.values(weights).reduce((sum, each) => sum + each, 0);
    const relative = [...ran].map(([owner, ms]) => ms / total / ((weights[owner] ?? 0) / allWeights));
    return [
      ...[...ran].map(([owner, ms]) => ({ metric: `share@${owner}`, value: ms / total, unit: "ratio" })),
      { metric: "share-deviation", value: Math.max(...relative.map((each) => Math.abs(each - 1))), unit: "ratio" },
      { metric: "least-share", value: Math.min(...relative), unit: "ratio" },
    ];
  };
}

/** Who had which part of the attempts' time in each window of `windowMs`, seen at its middle. */
export function sharesOverTime(ownerOf: Entitlement["ownerOf"], windowMs: Millis, untilMs: Millis) {
  return ({ trace }: TracedRun): readonly Moment[] => {
    const attempts = attemptsOf(trace);
    const owners = [...new Set(attempts.flatMap(({ task }) => ownerOf(task) ?? []))].sort();
    return Array.from({ length: Math.floor(untilMs / windowMs) }, (_, index) => index * windowMs).flatMap((fromMs) => {
      const window = { fromMs, toMs: fromMs + windowMs };
      const ran = new Map(owners.map((owner) => [owner, 0]));
      for (const attempt of attempts) {
        const owner = ownerOf(attempt.task);
        if (owner !== undefined) ran.set(owner, (ran.get(owner) ?? 0) + overlapMs(attempt, window));
      }
      const total = [...ran.values()].reduce((sum, each) => sum + each, 0);
      if (total === 0) return [];
      const ms = fromMs + windowMs / 2;
      return [...ran].map(([owner, ownMs]) => ({
        ...{ node: "all", ms, metric: `share@${owner}`, value: ownMs / total, unit: "ratio" },
      }));
    });
  };
}

/**
 * The largest difference between what two owners had got per weight at any time of a window in which both wanted more,
 * in units of the longest attempt: what a bound on virtual times bounds.
 */
export function virtualTimeSpread({ ownerOf, weights }: Entitlement, window: Window): ScheduleProbe {
  return ({ trace }) => {
    const owned = attemptsOf(trace).flatMap((attempt) => {
      const owner = ownerOf(attempt.task);
      const weight = owner === undefined ? undefined : weights[owner];
      const startMs = Math.max(attempt.startMs, window.fromMs);
      const endMs = Math.min(attempt.endMs ?? window.toMs, window.toMs);
      return owner === undefined || weight === undefined || endMs <= startMs ? [] : [{ owner, weight, startMs, endMs }];
    });
    const longestMs = Math.max(0, ...owned.map(({ startMs, endMs }) => endMs - startMs));
    if (longestMs === 0) return [];
    const changes = owned
      .flatMap(({ owner, weight, startMs, endMs }) => [
        { ms: startMs, owner, rate: 1 / weight },
        { ms: endMs, owner, rate: -1 / weight },
      ])
      .toSorted((a, b) => a.ms - b.ms);
    const got = new Map(Object.keys(weights).map((owner) => [owner, { virtualMs: 0, rate: 0 }]));
    let nowMs = window.fromMs;
    let spreadMs = 0;
    for (const { ms, owner, rate } of changes) {
      for (const each of got.values()) each.virtualMs += each.rate * (ms - nowMs);
      nowMs = ms;
      const virtual = [...got.values()].map(({ virtualMs }) => virtualMs);
      spreadMs = Math.max(spreadMs, Math.max(...virtual) - Math.min(...virtual));
      const own = got.get(owner);
      if (own !== undefined) own.rate += rate;
    }
    return [{ metric: "virtual-time-spread", value: spreadMs / longestMs, unit: "longest tasks" }];
  };
}

/**
 * How unevenly `workers` workers of one node were used until the last attempt ended: how much more than the mean the
 * busiest worked, to the mean. Of two workers that share work 90 to 10 it is 0.8. And how many tasks were stolen.
 */
export function imbalance(workers: number): ScheduleProbe {
  return ({ trace }) => {
    const attempts = attemptsOf(trace);
    const busyMs = Array.from({ length: workers }, () => 0);
    for (const { worker, startMs, endMs = startMs } of attempts) {
      busyMs[worker % workers] = (busyMs[worker % workers] ?? 0) + endMs - startMs;
    }
    const meanMs = busyMs.reduce((sum, each) => sum + each, 0) / workers;
    if (meanMs === 0) return [];
    // A thief may take several into its own lane at once, so what counts is where they were meant to wait.
    const accepted = acceptedTasks(trace);
    const stolen = attempts.filter(({ task, worker }) => {
      const lane = accepted.get(task)?.lane ?? -1;
      return lane >= 0 && lane % workers !== worker;
    }).length;
    const endMs = Math.max(...attempts.map((attempt) => attempt.endMs ?? 0));
    return [
      { metric: "imbalance", value: Math.max(...busyMs) / meanMs - 1, unit: "ratio" },
      { metric: "stolen-tasks", value: stolen, unit: "tasks" },
      { metric: "makespan-ms", value: endMs - Math.min(...attempts.map(({ startMs }) => startMs)), unit: "ms" },
    ];
  };
}

/** How many attempts yielded, and how long that took from the request to the checkpoint. */
export const preemptions: ScheduleProbe = ({ trace }) => {
  const yields = attemptsOf(trace).filter(({ end }) => end === "yielded");
  const times = sorted(yields.flatMap(({ yieldMs }) => yieldMs ?? []));
  return [
    { metric: "preemptions", value: yields.length, unit: "count" },
    ...(times.length === 0 ? [] : [{ metric: "yield-p99-ms", value: nearestRank(times, 0.99), unit: "ms" }]),
  ];
};

/** How long all attempts of the completed tasks ran, to what `nominalMs` says the tasks take: what was done again. */
export function workDone(nominalMs: (task: string) => Millis): ScheduleProbe {
  return ({ trace }) => {
    const attempts = attemptsOf(trace);
    const completed = new Set(attempts.flatMap(({ task, end }) => (end === "completed" ? [task] : [])));
    const ranMs = attempts.reduce(
      (sum, { task, startMs, endMs = startMs }) => (completed.has(task) ? sum + endMs - startMs : sum),
      0,
    );
    const wantedMs = [...completed].reduce((sum, task) => sum + nominalMs(task), 0);
    return wantedMs === 0 ? [] : [{ metric: "work-done-ratio", value: ranMs / wantedMs, unit: "ratio" }];
  };
}

/**
 * On how many nodes tasks have their homes, how many dependencies lead from one home to another, and how many tasks
 * started before all they depend on had completed.
 */
export const dependenciesKept: ScheduleProbe = ({ trace }) => {
  const accepted = acceptedTasks(trace);
  const completed = new Set<string>();
  let violations = 0;
  let judged = 0;
  for (const { event } of schedulerEvents(trace)) {
    if (event.kind === "ended" && event.end === "completed") completed.add(event.task);
    if (event.kind !== "started") continue;
    const dependencies = accepted.get(event.task)?.dependencies ?? [];
    judged += dependencies.length;
    violations += dependencies.filter((each) => !completed.has(each)).length;
  }
  const across = [...accepted.values()].flatMap(({ home, dependencies }) =>
    dependencies.filter((each) => (accepted.get(each)?.home ?? home) !== home),
  ).length;
  return [
    { metric: "homes", value: new Set([...accepted.values()].map(({ home }) => home)).size, unit: "nodes" },
    { metric: "dependencies-across-homes", value: across, unit: "count" },
    { metric: "dependencies-judged", value: judged, unit: "count" },
    { metric: "dependency-violations", value: violations, unit: "count" },
  ];
};

/** From the acceptance of the first task to the end of the last. */
export const completionTime: ScheduleProbe = ({ trace }) => {
  const events = schedulerEvents(trace);
  const accepted = events.filter(({ event }) => event.kind === "accepted").map(({ ms }) => ms);
  const committed = events.filter(({ event }) => event.kind === "committed").map(({ ms }) => ms);
  if (accepted.length === 0 || committed.length === 0) return [];
  return [{ metric: "completion-s", value: (Math.max(...committed) - Math.min(...accepted)) / 1000, unit: "s" }];
};

function overlapMs({ startMs, endMs }: Attempt, { fromMs, toMs }: Window): Millis {
  return Math.max(0, Math.min(endMs ?? toMs, toMs) - Math.max(startMs, fromMs));
}

/** Of the tasks that are ready and never started: from then until `untilMs`. */
function stillWaitingMs(trace: TracedRun["trace"], isCounted: (task: string) => boolean, untilMs: Millis): Millis[] {
  const readyMs = new Map<string, Millis>();
  for (const { ms, event } of schedulerEvents(trace)) {
    if (event.kind === "ready" && isCounted(event.task) && !readyMs.has(event.task)) readyMs.set(event.task, ms);
  }
  for (const { task } of attemptsOf(trace)) readyMs.delete(task);
  return [...readyMs.values()].map((ms) => Math.max(0, untilMs - ms));
}
