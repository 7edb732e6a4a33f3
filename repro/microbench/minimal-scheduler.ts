/**
 * Micro-benchmarks of the minimal scheduler within one process: what it costs to take tasks in, to choose the next one
 * and to be told of its end, without anybody who executes them.
 */

import type { TaskBody, TaskSpec } from "../../implementations/scheduler/contract.ts";
import { Scheduler } from "../../implementations/scheduler/minimal.ts";

const workers = 2;
const body: TaskBody = { kind: "spin", ms: 0 };
const completed = { kind: "completed", result: null } as const;
const nothing = (): boolean => false;

/** One task from its submission to its end. */
export function submitScheduleComplete(): () => unknown {
  const scheduler = emptyScheduler();
  let submitted = 0;
  return () => {
    submitted++;
    submitOne(scheduler, { id: `bench.${submitted}`, body, priority: submitted % 10 });
    return endOne(scheduler);
  };
}

/** 1,000 tasks, one submission each. */
export function submit1000(): () => unknown {
  const tasks = tasksOf(1000, (index) => index % 10);
  return () => {
    const scheduler = emptyScheduler();
    for (const task of tasks) submitOne(scheduler, task);
    return scheduler;
  };
}

/** 1,000 tasks, submitted, started and ended. */
export function process1000(): () => unknown {
  const tasks = tasksOf(1000, (index) => index % 10);
  return () => {
    const scheduler = emptyScheduler();
    for (const task of tasks) submitOne(scheduler, task);
    let last: string | undefined;
    for (let ended = 0; ended < tasks.length; ended++) last = endOne(scheduler);
    return last;
  };
}

/** 100 tasks of low priority, then 100 of middle, then 100 of high priority: the last ones have to run first. */
export function reversed300(): () => unknown {
  const tasks = tasksOf(300, (index) => Math.floor(index / 100));
  return () => {
    const scheduler = emptyScheduler();
    for (const task of tasks) submitOne(scheduler, task);
    let highAmongFirst100 = 0;
    for (let ended = 0; ended < tasks.length; ended++) {
      const index = Number(endOne(scheduler).slice("bench.".length));
      if (ended < 100 && index >= 200) highAmongFirst100++;
    }
    if (highAmongFirst100 !== 100) throw new Error(`Cannot time a wrong order: ${highAmongFirst100} of 100 were high`);
    return highAmongFirst100;
  };
}

/** It remembers few ended tasks: what keeping many costs is the garbage collector's work, not the scheduler's. */
function emptyScheduler(): Scheduler {
  return new Scheduler({ workers, life: 1, maxLiveTasks: 65_536, rememberedTasks: 1000 });
}

function tasksOf(count: number, priorityOf: (index: number) => number): readonly TaskSpec[] {
  return Array.from({ length: count }, (_, index) => ({ id: `bench.${index}`, body, priority: priorityOf(index) }));
}

function submitOne(scheduler: Scheduler, task: TaskSpec): void {
  const refusal = scheduler.submit([task], 0, nothing);
  if (refusal !== undefined) throw new Error(`Cannot time a submission that was refused: ${refusal.reason}`);
}

/** @returns the task that has ended. */
function endOne(scheduler: Scheduler): string {
  const assignment = scheduler.schedule(0);
  if (assignment === undefined) throw new Error("Cannot time a scheduler that has nothing to do");
  if (!scheduler.complete(assignment.worker, assignment.token, completed, 0))
    throw new Error("The attempt was refused");
  return assignment.task;
}
