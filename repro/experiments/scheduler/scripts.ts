/** Pieces that the scripts of several experiments of the scheduler are made of. All their durations are virtual. */

import type { ScheduleProbe } from "../../../harness/measure/scheduler-probes.ts";
import type { Submission } from "../../../harness/plan/task-script.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { limits } from "../../../implementations/scheduler/contract.ts";
import type { TaskSpec } from "../../../implementations/scheduler/contract.ts";

/** A task that holds its worker for `ms`. */
export function sleeping(id: string, ms: Millis, rest: Omit<TaskSpec, "id" | "body"> = {}): TaskSpec {
  return { id, body: { kind: "sleep", ms }, ...rest };
}

/** Times of arrivals at `perS` on average until `untilMs`, with nothing to be learnt from one about the next. */
export function arrivals(perS: number, untilMs: Millis, random: Random): readonly Millis[] {
  const times: Millis[] = [];
  for (let ms = gapMs(perS, random); ms < untilMs; ms += gapMs(perS, random)) times.push(ms);
  return times;
}

function gapMs(perS: number, random: Random): Millis {
  return (-Math.log(1 - random.float()) * 1000) / perS;
}

/** One submission per task, in the order of their times. */
export function oneByOne(tasks: readonly { readonly at: Millis; readonly task: TaskSpec }[]): readonly Submission[] {
  return tasks.toSorted((a, b) => a.at - b.at).map(({ at, task }) => ({ at, tasks: [task] }));
}

/** A backlog of `count` tasks at once: as many jobs, JOB-0, JOB-1, ..., as submissions are needed. */
export function backlog(
  job: string,
  at: Millis,
  count: number,
  taskOf: (id: string, index: number) => TaskSpec,
): readonly Submission[] {
  return Array.from({ length: Math.ceil(count / limits.tasks) }, (_, part) => {
    const first = part * limits.tasks;
    const length = Math.min(limits.tasks, count - first);
    return { at, tasks: Array.from({ length }, (__, index) => taskOf(`${job}-${part}.${index}`, first + index)) };
  });
}

/** In the order of time; those of one time stay in theirs. */
export function merged(...parts: readonly (readonly Submission[])[]): readonly Submission[] {
  const timeOf = ({ at }: Submission): Millis => (at === "answered" ? 0 : at);
  return parts.flat().toSorted((a, b) => timeOf(a) - timeOf(b));
}

/** "flood" of "flood-3.17". */
export function groupOf(task: string): string {
  return task.slice(0, task.search(/[-.]/));
}

/** The same measurements, named METRIC@NAME. */
export function named(name: string, probe: ScheduleProbe): ScheduleProbe {
  return (run) => probe(run).map((each) => ({ ...each, metric: `${each.metric}@${name}` }));
}
