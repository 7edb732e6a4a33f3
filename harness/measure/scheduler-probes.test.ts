/**
 * Goal: the probes of schedulers measure what their names say.
 *
 * Method: traces of a few attempts, written by hand so that every number can be worked out in the head.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptEnd } from "../../implementations/scheduler/contract.ts";
import { attemptsOf } from "./attempts.ts";
import type { SchedulerTimedEvent } from "./attempts.ts";
import {
  completedTasks,
  completionTime,
  dependenciesKept,
  imbalance,
  preemptions,
  sharesOf,
  sharesOverTime,
  utilisation,
  virtualTimeSpread,
  waitsOf,
  workDone,
} from "./scheduler-probes.ts";
import type { ScheduleProbe } from "./scheduler-probes.ts";

interface Ran {
  readonly task: string;
  readonly from: number;
  readonly to: number;
  readonly worker?: number;
  readonly lane?: number;
  readonly waitMs?: number;
  readonly end?: AttemptEnd;
  readonly yieldMs?: number;
  readonly token?: number;
}

/** The events of attempts, in the order of time. */
function ran(...attempts: readonly Ran[]): SchedulerTimedEvent[] {
  return attempts
    .flatMap(({ task, from, to, worker = 0, lane = -1, waitMs = 0, end = "completed", yieldMs, token = 1 }) => [
      { ms: from, node: "n1", event: { kind: "started", task, token, worker, lane, waitMs } as const },
      {
        ms: to,
        node: "n1",
        event: {
          ...({ kind: "ended", task, token, worker, end, ranMs: to - from } as const),
          ...(yieldMs === undefined ? {} : { yieldMs }),
        },
      },
    ])
    .toSorted((a, b) => a.ms - b.ms);
}

function accepted(
  task: string,
  node = "n1",
  dependencies: readonly string[] = [],
  ms = 0,
  lane = -1,
): SchedulerTimedEvent {
  const resources = { cpuMilli: 1000, memoryMb: 0 };
  return {
    ms,
    node,
    event: { kind: "accepted", task, order: 0, tenant: "t", priority: 0, lane, ...resources, dependencies },
  };
}

function committed(task: string, ms: number, end: "completed" | "failed" = "completed"): SchedulerTimedEvent {
  return { ms, node: "n1", event: { kind: "committed", task, token: 1, end } };
}

function valuesOf(probe: ScheduleProbe, trace: readonly SchedulerTimedEvent[]): Readonly<Record<string, number>> {
  return Object.fromEntries(probe({ trace }).map(({ metric, value }) => [metric, value]));
}

const ownerOf = (task: string): string | undefined => /^[ab]/.exec(task)?.[0];

test("an attempt ends after what it ran, not when its home heard of it, and a stray end changes nothing", () => {
  const [started, ended] = ran({ task: "a.1", from: 10, to: 30 });
  assert.ok(started !== undefined && ended !== undefined);
  const late = { ...ended, ms: 90 };
  const again = { ...late, event: { ...late.event, end: "lost" } } as SchedulerTimedEvent;
  const stranger = { ...late, event: { ...late.event, token: 9 } } as SchedulerTimedEvent;
  const [attempt, ...rest] = attemptsOf([started, stranger, late, again]);
  assert.deepEqual([attempt?.startMs, attempt?.endMs, attempt?.end], [10, 30, "completed"]);
  assert.equal(rest.length, 0);
  assert.equal(attemptsOf([started])[0]?.end, "open");
});

test("waits: of first attempts only, and of those that count", () => {
  const waits = Array.from({ length: 100 }, (_, index) => ({ task: `a.${index}`, from: 0, to: 1, waitMs: index + 1 }));
  const again = { task: "a.0", from: 5, to: 6, waitMs: 10_000, token: 2 };
  const other = { task: "b.0", from: 5, to: 6, waitMs: 20_000 };
  const values = valuesOf(waitsOf("wait", { isCounted: (task) => task.startsWith("a") }), ran(...waits, again, other));
  assert.deepEqual(values, {
    ...{ "wait-mean-ms": 50.5, "wait-p50-ms": 50, "wait-p90-ms": 90, "wait-p99-ms": 99, "wait-p999-ms": 100 },
    ...{ "wait-max-ms": 100, "wait-count": 100 },
  });
  assert.deepEqual(valuesOf(waitsOf("wait"), []), {});
  const ready = ["a.0", "a.left"].map((task) => ({
    ...{ ms: 40, node: "n1", event: { kind: "ready", task, token: 1, rank: 0 } as const },
  }));
  const left = valuesOf(waitsOf("wait", { untilMs: 100 }), [
    ...ready,
    ...ran({ task: "a.0", from: 50, to: 60, waitMs: 10 }),
  ]);
  assert.deepEqual([left["wait-count"], left["wait-mean-ms"]], [2, 35]);
});

test("completed: a task that failed or never ended is none, one told twice is one", () => {
  const tasks = ["a.1", "a.2", "a.3", "a.4"].map((task) => accepted(task));
  const ends = [committed("a.1", 5), committed("a.1", 6), committed("a.2", 5), committed("a.3", 5, "failed")];
  assert.deepEqual(valuesOf(completedTasks, [...tasks, ...ends]), {
    ...{ "tasks-accepted": 4, "tasks-completed-ratio": 0.5 },
  });
});

test("utilisation: what lies in the window, of attempts that are still open too", () => {
  const trace = [...ran({ task: "a.1", from: 0, to: 60 }, { task: "a.2", from: 90, to: 200 })];
  const open = ran({ task: "a.3", from: 80, to: 90, worker: 1 }).slice(0, 1);
  // 10 of the first, 10 of the second, 20 of the open one, of 2 x 50.
  assert.deepEqual(valuesOf(utilisation(2, { fromMs: 50, toMs: 100 }), [...trace, ...open]), { utilisation: 0.4 });
});

test("shares: of what ran in the window, against what weights entitle to", () => {
  const entitled = { ownerOf, weights: { a: 1, b: 3 } };
  const trace = ran(
    { task: "a.1", from: 0, to: 50 },
    { task: "b.1", from: 0, to: 100 },
    { task: "x.1", from: 0, to: 9 },
  );
  assert.deepEqual(valuesOf(sharesOf(entitled, { fromMs: 0, toMs: 50 }), trace), {
    ...{ "share@a": 0.5, "share@b": 0.5, "share-deviation": 1, "least-share": 2 / 3 },
  });
  const moments = sharesOverTime(ownerOf, 50, 100)({ trace });
  assert.deepEqual(
    moments.map(({ ms, metric, value }) => [ms, metric, value]),
    [
      [25, "share@a", 0.5],
      [25, "share@b", 0.5],
      [75, "share@a", 0],
      [75, "share@b", 1],
    ],
  );
});

test("virtual time: the largest difference at any time, per weight and in the longest tasks", () => {
  const entitled = { ownerOf, weights: { a: 1, b: 2 } };
  // a leads by 20 at 20; then b gets 80 at weight 2, so a trails by 20 at 100.
  const trace = ran(
    { task: "a.1", from: 0, to: 20 },
    { task: "b.1", from: 20, to: 60 },
    { task: "b.2", from: 60, to: 100 },
  );
  const window = { fromMs: 0, toMs: 100 };
  assert.deepEqual(valuesOf(virtualTimeSpread(entitled, window), trace), { "virtual-time-spread": 0.5 });
});

test("imbalance: 90 to 10 is 0.8, even is 0, and another's lane is stolen from", () => {
  const [a1, a2, a3, a4] = [0, 1, 0, -1].map((lane, index) => accepted(`a.${index + 1}`, "n1", [], 0, lane));
  assert.ok(a1 !== undefined && a2 !== undefined && a3 !== undefined && a4 !== undefined);
  const uneven = ran({ task: "a.1", from: 0, to: 90, lane: 0 }, { task: "a.2", from: 0, to: 10, worker: 1, lane: 1 });
  const values = valuesOf(imbalance(2), [a1, a2, ...uneven]);
  assert.ok(Math.abs((values["imbalance"] ?? 0) - 0.8) < 1e-9);
  assert.deepEqual([values["stolen-tasks"], values["makespan-ms"]], [0, 90]);
  // The third is taken into the thief's own lane first.
  const even = ran({ task: "a.1", from: 0, to: 50, lane: 0 }, { task: "a.3", from: 0, to: 50, worker: 1, lane: 1 });
  const shared = ran({ task: "a.4", from: 50, to: 60, worker: 1 }, { task: "a.2", from: 50, to: 60, lane: 1 });
  assert.deepEqual(valuesOf(imbalance(2), [a1, a2, a3, a4, ...even, ...shared]), {
    ...{ imbalance: 0, "stolen-tasks": 2, "makespan-ms": 60 },
  });
});

test("preemption: what yielded, how long that took, and what was done again", () => {
  const trace = ran(
    { task: "a.1", from: 0, to: 30, end: "yielded", yieldMs: 4 },
    { task: "a.1", from: 50, to: 130, token: 2 },
    { task: "a.2", from: 0, to: 100, end: "lost" },
  );
  assert.deepEqual(valuesOf(preemptions, trace), { preemptions: 1, "yield-p99-ms": 4 });
  assert.deepEqual(valuesOf(preemptions, []), { preemptions: 0 });
  assert.deepEqual(
    valuesOf(
      workDone(() => 100),
      trace,
    ),
    { "work-done-ratio": 1.1 },
  );
});

test("dependencies: a start before the end of one is a violation, and another home's are counted", () => {
  const tasks = [accepted("a.1"), accepted("b.1", "n2", ["a.1"]), accepted("b.2", "n2", ["b.1"])];
  const kept = ran(
    { task: "a.1", from: 0, to: 10 },
    { task: "b.1", from: 10, to: 20 },
    { task: "b.2", from: 20, to: 30 },
  );
  const counts = { homes: 2, "dependencies-across-homes": 1, "dependencies-judged": 2 };
  // Equal times: the end stands before the start, as it happened.
  const inOrder = kept.toSorted((a, b) => a.ms - b.ms || (a.event.kind === "ended" ? -1 : 1));
  assert.deepEqual(valuesOf(dependenciesKept, [...tasks, ...inOrder]), { ...counts, "dependency-violations": 0 });
  const early = ran({ task: "b.1", from: 0, to: 10 }, { task: "b.2", from: 5, to: 20 });
  assert.deepEqual(valuesOf(dependenciesKept, [...tasks, ...early]), { ...counts, "dependency-violations": 2 });
  const failed = ran({ task: "a.1", from: 0, to: 10, end: "threw" }, { task: "b.1", from: 20, to: 30 });
  assert.equal(valuesOf(dependenciesKept, [...tasks, ...failed])["dependency-violations"], 1);
});

test("completion: from the first acceptance to the last end", () => {
  const trace = [
    accepted("a.1", "n1", [], 500),
    accepted("a.2", "n1", [], 700),
    committed("a.1", 900),
    committed("a.2", 3500),
  ];
  assert.deepEqual(valuesOf(completionTime, trace), { "completion-s": 3 });
});
