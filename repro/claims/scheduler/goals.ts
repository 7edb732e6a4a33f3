/** What this project itself sets out to reach with its scheduler, judged by the same rules as what was published. */

import type { Band } from "../../../harness/claim/band.ts";
import type { Claim } from "../../../harness/claim/claim.ts";
import { goalsDocument } from "../consensus/goals.ts";
import { check, metric, timesAsLarge, typical } from "../measures.ts";

const minimal = { implementation: "minimal" } as const;
const production = { implementation: "production" } as const;
const threads = { ...production, substrate: "cluster" } as const;
const atLeast = (limit: number): Band => ({ kind: "at-least", limit });
const atMost = (limit: number): Band => ({ kind: "at-most", limit });

type Rest = Omit<Claim, "module" | "source" | "code"> & Pick<Partial<Claim>, "code">;

function goal(rest: Rest): Claim {
  return {
    module: "scheduler",
    source: { document: goalsDocument, section: "Scheduler" },
    code: "implementations/scheduler/production",
    ...rest,
  };
}

const onTwoCores = "the goal, on a machine of two cores";

export const schedulerGoalClaims: readonly Claim[] = [
  goal({
    id: "P-SCH-1",
    statement: "minimal submits and completes 700,000 tasks/s",
    class: "absolute",
    published: { metric: "cycles", value: "700000", unit: "tasks/s", band: ">=700000" },
    bandReason: onTwoCores,
    experiments: ["scheduler-in-process"],
    measures: [typical("cycles-per-s", minimal, atLeast(700_000), "tasks/s", "tasks submitted, scheduled, completed")],
    expected: "not comparable",
    code: "implementations/scheduler/minimal.ts",
  }),
  goal({
    id: "P-SCH-2",
    statement: "two threads do 1,000,000 mixed operations/s on the skip list",
    class: "absolute",
    published: { metric: "operations", value: "1000000", unit: "ops/s", band: ">=1000000" },
    bandReason: onTwoCores,
    experiments: ["scheduler-skip-list"],
    measures: [
      typical(
        "queue-ops-per-s@2-threads",
        production,
        atLeast(1_000_000),
        "ops/s",
        "inserts and removals of the least",
      ),
    ],
    expected: "not comparable",
    code: "implementations/scheduler/production/skip-list.ts",
  }),
  goal({
    id: "P-SCH-3",
    statement: "two threads do 1.4 times as many operations on the skip list as one",
    class: "ratio",
    published: { metric: "two threads to one", value: "1.4", unit: "ratio", band: ">=1.4" },
    bandReason: "the goal; both in the same block",
    experiments: ["scheduler-skip-list"],
    measures: [
      {
        kind: "ratio",
        label: "operations per second, two threads to one",
        implementation: "production",
        of: metric("queue-ops-per-s@2-threads", production, "mean"),
        to: metric("queue-ops-per-s@1-thread", production, "mean"),
        across: "paired",
        band: atLeast(1.4),
        unit: "ratio",
      },
    ],
    expected: "reproduced",
    code: "implementations/scheduler/production/skip-list.ts",
  }),
  goal({
    id: "P-SCH-4",
    statement: "150,000 empty tasks/s are dispatched to two worker threads and acknowledged",
    class: "absolute",
    published: { metric: "throughput", value: "150000", unit: "tasks/s", band: ">=150000" },
    bandReason: onTwoCores,
    experiments: ["scheduler-pools"],
    measures: [typical("throughput-per-s@empty", threads, atLeast(150_000), "tasks/s", "empty tasks, end to end")],
    expected: "not comparable",
  }),
  goal({
    id: "P-SCH-5",
    statement: "that is at least 3 times p-queue",
    class: "ratio",
    published: { metric: "production to p-queue", value: "3", unit: "ratio", band: ">=3" },
    bandReason: "the goal; both in the same block, with the same number of tasks in flight",
    experiments: ["scheduler-pools"],
    measures: [
      timesAsLarge(
        "throughput-per-s@empty",
        "production",
        "p-queue",
        atLeast(3),
        "empty tasks per second, 1,024 at a time",
      ),
      timesAsLarge("throughput-per-s@backlog", "production", "p-queue", atLeast(3), "the same with 50,000 waiting"),
    ],
    expected: "not reproduced",
    notes:
      "p-queue calls a function on the thread that hands it in, and is at its best with a short queue; with the back-pressure " +
      "that its documentation recommends (onSizeLessThan) it does the 40,000/s that the goal had in mind",
  }),
  goal({
    id: "P-SCH-6",
    statement: "that is at least 10 times BullMQ",
    class: "ratio",
    published: { metric: "production to bullmq", value: "10", unit: "ratio", band: ">=10" },
    bandReason: "the goal; both in the same block, BullMQ with a hundred jobs at a time",
    experiments: ["scheduler-pools"],
    measures: [
      timesAsLarge("throughput-per-s@empty", "production", "bullmq", atLeast(10), "empty tasks per second, end to end"),
    ],
    expected: "reproduced",
    notes: "BullMQ keeps its tasks in Redis; production does this without its journal, as a library of one process",
  }),
  goal({
    id: "P-SCH-7",
    statement: "preemption takes at most one checkpoint interval plus 2 ms at p99",
    class: "shape",
    published: { metric: "beyond the interval, p99", value: "2", unit: "ms", band: "<=2" },
    bandReason: "the goal, on real threads, from the request to yield to the checkpoint",
    experiments: ["scheduler-pools"],
    measures: [
      typical("preemption-beyond-checkpoint-p99-ms", threads, atMost(2), "ms", "p99 of yielding, less the interval"),
    ],
    expected: "reproduced",
  }),
  goal({
    id: "P-SCH-8",
    statement: "tenants of equal weight get within 5 % of each other",
    class: "shape",
    published: { metric: "deviation", value: "0.05", unit: "ratio", band: "<=0.05" },
    bandReason: "the goal, on real threads",
    experiments: ["scheduler-pools"],
    measures: [typical("tenant-deviation", threads, atMost(0.05), "ratio", "deviation, real threads")],
    expected: "reproduced",
  }),
  goal({
    id: "P-SCH-9",
    statement:
      "1,000 seeds with worker, scheduler and message faults: nothing lost, no effect twice, no order or quota broken",
    class: "behaviour",
    published: { metric: "violations", value: "0", unit: "count", band: "=0" },
    bandReason: "one counterexample refutes it; the full profile sweeps 1,100 seeds",
    experiments: ["scheduler-safety"],
    measures: [
      check("every-task-ends", "production", "every accepted task ends"),
      check("effects-once", "production", "no task has two effects"),
      check("priority-order", "production", "starts in order"),
      check("dependencies-respected", "production", "no start before all dependencies completed"),
      check("quotas", "production", "quotas and capacity hold"),
    ],
    expected: "reproduced",
  }),
];
