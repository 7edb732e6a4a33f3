/** Schedulers as the harness knows them. */

import type { Random } from "../../../implementations/foundation/effects.ts";
import { schedulerImplementations } from "../../../implementations/assembly/registry.ts";
import { mergeStates } from "../../../implementations/scheduler/contract.ts";
import type {
  SchedulerDeployment,
  SchedulerEvent,
  SchedulerImplementation,
  SchedulerOperation,
  SchedulerResult,
  SchedulerState,
  TaskBody,
  TaskSpec,
} from "../../../implementations/scheduler/contract.ts";
import type { TaskLoad, TaskWorkloadSpec } from "../../plan/plan.ts";
import type { Room, States } from "../room.ts";
import { agree } from "./agree.ts";
import { describeEvent } from "./describe-event.ts";
import { Doomed } from "./doomed.ts";
import { messageOf } from "./job-text.ts";
import { judge } from "./judge.ts";
import { siegePlan, sweepPlan } from "./sweep-plan.ts";
import { TaskWorkload } from "./task-workload.ts";
import { SchedulerWatch } from "./watch.ts";

export interface SchedulerTypes {
  readonly workload: TaskWorkloadSpec;
  readonly operation: SchedulerOperation;
  readonly result: SchedulerResult;
  readonly state: SchedulerState;
  readonly event: SchedulerEvent;
  readonly implementation: SchedulerImplementation;
  readonly deployment: SchedulerDeployment;
}

export const schedulerRoom: Room<SchedulerTypes> = {
  module: "scheduler",
  implementations: schedulerImplementations,
  workloads: {
    tasks: "each client submits jobs of tasks that depend on each other, and waits until they have ended",
    confluent: "the same, repeated until it is definite: every task ends in one way, whatever the interleaving",
  },
  // What every implementation can do.
  comparedWorkload: (id) => ({ id, tasks: comparedLoad }),
  createWorkload: (spec, _clients, random) => new TaskWorkload(spec, random),
  probe: () => ({ kind: "status", task: "settled.0" }),
  watch: (options) => new SchedulerWatch(options),
  agree: (states) => agree(states),
  judge,
  describeState: ({ tasks }) => {
    const open = tasks.filter(([, , end]) => end === null).length;
    return `${tasks.length} tasks, ${open} that have not ended`;
  },
  describeEvent,
  atRest: (states) => new Map([["all nodes", { kind: "state", state: mergeStates(statesOf(states)) }]]),
  afterStep: async (deployment) => {
    const states = statesOf(await deployment.states());
    return { ...mergeStates(states), starts: states.map(({ starts }) => starts) };
  },
  steps,
  sweepPlans: { swarm: sweepPlan, siege: siegePlan },
};

const comparedLoad: TaskLoad = {
  tasksPerJob: 8,
  separateFraction: 0.2,
  kinds: [
    { share: 3, kind: "spin", ms: 1 },
    { share: 1, kind: "sleep", ms: 2 },
  ],
  throwFraction: 0.05,
  forGoodFraction: 0.5,
};

function statesOf(states: States<SchedulerTypes>): readonly SchedulerState[] {
  return [...states.values()].flatMap((state) => (state.kind === "state" ? [state.state] : []));
}

const stepTasks = { fewest: 2, most: 30 } as const;
const stepPriorities = 10;
const longestStepMs = 20;
const rememberedStepTasks = 40;

/** Each step is a job of tasks that depend on each other and on those of earlier steps. */
function steps(count: number, random: Random): readonly SchedulerOperation[] {
  const earlier: string[] = [];
  const doomed = new Doomed();
  return Array.from({ length: count }, (_, step) => {
    const tasks: TaskSpec[] = [];
    const wanted = stepTasks.fewest + random.below(stepTasks.most - stepTasks.fewest + 1);
    for (let index = 0; index < wanted; index++)
      tasks.push(doomed.enter(stepTask(`step${step}.${index}`, tasks, earlier, random)));
    earlier.push(...tasks.map(({ id }) => id));
    earlier.splice(0, earlier.length - rememberedStepTasks);
    return { kind: "submit", tasks, untilEnded: true };
  });
}

function stepTask(id: string, job: readonly TaskSpec[], earlier: readonly string[], random: Random): TaskSpec {
  const dependencies = new Set<string>();
  for (let count = random.below(3); count > 0 && job.length > 0; count--) {
    dependencies.add(job[random.below(job.length)]!.id);
  }
  if (random.below(5) === 0 && earlier.length > 0) dependencies.add(earlier[random.below(earlier.length)]!);
  // So fine that no two workers end at the same instant: which of them is the first nobody could say.
  const ms = random.below(longestStepMs * 1_000_000 + 1) / 1_000_000;
  const fails = random.below(10) === 0;
  const kind = random.below(2) === 0 ? "spin" : "sleep";
  const body: TaskBody = fails ? { kind: "fail", ms, message: messageOf(id) } : { kind, ms, returns: id };
  return { id, body, priority: random.below(stepPriorities), dependencies: [...dependencies] };
}
