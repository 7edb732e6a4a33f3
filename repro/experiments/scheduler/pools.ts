/** How fast pools of real threads are: ours, minimal, and libraries from elsewhere. */

import { computedStage } from "../../../harness/computed-stage.ts";
import { lockFreedom } from "../../../harness/rooms/scheduler/lock-freedom.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { poolStage } from "../../../harness/pool-stage.ts";
import type { PoolStageOptions } from "../../../harness/pool-stage.ts";

type OfProfile<Value> = Readonly<Record<Profile, Value>>;

const everyPool: PoolStageOptions["contenders"] = {
  production: ["empty", "backlog"],
  minimal: ["empty"],
  piscina: ["empty"],
  "p-queue": ["empty", "backlog"],
  bullmq: ["empty"],
};
const threads: PoolStageOptions["contenders"] = {
  production: ["uniform", "mixed", "scaling", "stealing", "imbalance", "tenants", "preemption", "inversions"],
};

const blocks: OfProfile<number> = { smoke: 0, quick: 1, full: 6 };
const scales: OfProfile<number> = { smoke: 0.05, quick: 0.12, full: 0.35 };
const emptyS: OfProfile<number> = { smoke: 4, quick: 6, full: 12 };
const threadsS: OfProfile<number> = { smoke: 3, quick: 6, full: 13 };

const queueBlocks: OfProfile<number> = { smoke: 0, quick: 1, full: 8 };
const queueS: OfProfile<number> = { smoke: 2, quick: 4, full: 9 };

export const schedulerSkipList: Experiment = {
  id: "scheduler-skip-list",
  module: "scheduler",
  title: "The priority queue alone, by one thread and by two",
  purpose:
    "How many inserts and removals of the least per second do one thread and two do on the skip list in shared memory, and " +
    "on a heap under a lock?",
  stages: (profile, seed) =>
    Array.from({ length: queueBlocks[profile] }, (_, block) =>
      poolStage({
        experiment: "scheduler-skip-list",
        block,
        label: "skip list, and heap under a lock",
        seed: `${seed}/skip-list/${block}`,
        estimateS: queueS[profile],
        contenders: { production: ["queue"], minimal: ["queue"] },
        scale: scales[profile],
      }),
    ),
};

export const schedulerLockFreedom: Experiment = {
  id: "scheduler-lock-freedom",
  module: "scheduler",
  title: "A thread that stops in the middle of an operation",
  purpose:
    "At how many places of an insertion or a removal does a thread that stops for good keep the others from theirs: on " +
    "the skip list, and on a heap under a lock?",
  stages: () => [
    computedStage({
      experiment: "scheduler-lock-freedom",
      block: 0,
      label: "stopped before every atomic access",
      estimateS: 0.1,
      compute: { production: () => lockFreedom("skip-list"), minimal: () => lockFreedom("locked-heap") },
    }),
  ],
};

export const schedulerPools: Experiment = {
  id: "scheduler-pools",
  module: "scheduler",
  title: "Pools of threads side by side",
  purpose:
    "How many tasks per second do pools hand in, run and acknowledge, and what do ours do with mixed tasks, more " +
    "workers, uneven lanes, two tenants, and urgent tasks?",
  stages: (profile, seed) =>
    Array.from({ length: 2 * blocks[profile] }, (_, block) => {
      const isEveryPool = block % 2 === 0;
      return poolStage({
        experiment: "scheduler-pools",
        block,
        label: isEveryPool ? "empty tasks through every pool" : "scenarios of production's threads",
        seed: `${seed}/pools/${block}`,
        estimateS: (isEveryPool ? emptyS : threadsS)[profile],
        contenders: isEveryPool ? everyPool : threads,
        scale: scales[profile],
      });
    }),
};
