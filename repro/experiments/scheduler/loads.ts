/** Loads that several experiments of the scheduler share. */

import type { TaskWorkloadSpec } from "../../../harness/plan/plan.ts";

/** Everything a task may be, in jobs that depend on each other. */
export const everything: TaskWorkloadSpec = {
  id: "tasks",
  tasks: {
    tasksPerJob: 8,
    separateFraction: 0.3,
    statusFraction: 0.1,
    kinds: [
      { share: 5, kind: "spin", ms: 1 },
      { share: 3, kind: "sleep", ms: 10 },
      { share: 1, kind: "sleep", ms: 100 },
    ],
    checkpointMs: 5,
    topPriority: 9,
    throwFraction: 0.05,
    crashFraction: 0.02,
    forGoodFraction: 0.3,
    callFraction: 0.1,
    dependencyFraction: 0.4,
    earlierFraction: 0.2,
  },
};

/** What both can do, and how it ends is decided by the tasks alone. */
export const confluent: TaskWorkloadSpec = {
  id: "confluent",
  tasks: {
    tasksPerJob: 6,
    separateFraction: 0.3,
    kinds: [
      { share: 3, kind: "spin", ms: 1 },
      { share: 2, kind: "sleep", ms: 15 },
    ],
    topPriority: 9,
    throwFraction: 0.1,
    crashFraction: 0.05,
    forGoodFraction: 0.4,
    dependencyFraction: 0.4,
    earlierFraction: 0.2,
  },
};
