/** Claims of the Reference Implementation Guide about the scheduler, and what formal methods state of it. */

import type { Claim } from "../../../harness/claim/claim.ts";
import { correctnessOf, tradeoffOf } from "../guide.ts";
import { always, check, never } from "../measures.ts";

const minimal = { implementation: "minimal" } as const;
const production = { implementation: "production" } as const;
const simulatedMinimal = { ...minimal, substrate: "simulated" } as const;
const simulated = { ...production, substrate: "simulated" } as const;
const none = { kind: "equals", value: 0 } as const;
const some = { kind: "at-least", limit: 1 } as const;

const correctness = correctnessOf("scheduler", {
  experiments: ["scheduler-safety"],
  bandReason: "one counterexample refutes it; minimal is judged under faults that spare its memory",
  code: "implementations/scheduler",
});

export const schedulerCorrectnessClaims: readonly Claim[] = [
  correctness("C-SCH-1", "Priority ordering: among ready tasks a higher priority starts first", "violations", [
    check("priority-order", "minimal", "starts in the order of priority, then submission"),
    check("priority-order", "production", "the same within a tenant and a lane, priorities aged"),
  ]),
  correctness("C-SCH-2", "Dependency respect: no task starts before all its dependencies completed", "violations", [
    check("dependencies-respected", "minimal", "no start before all dependencies completed"),
    check("dependencies-respected", "production", "no start before all dependencies completed, of other homes too"),
  ]),
  correctness("C-SCH-3", "Progress: every ready task eventually runs", "tasks never run", [
    check("every-task-ends", "minimal", "every accepted task ends"),
    check("every-task-ends", "production", "every accepted task ends, threads and processes killed meanwhile"),
  ]),
];

const tradeoff = tradeoffOf("scheduler");

export const schedulerTradeoffClaims: readonly Claim[] = [
  tradeoff("T-SCH-1", "priority queue: minimal has binary heap; production has lock-free skip list", {
    experiments: ["scheduler-lock-freedom"],
    measures: [
      always("blocking-places", minimal, some, "count", "places at which whoever stops blocks all others, heap"),
      always("stopping-places", production, some, "count", "places at which an operation on the skip list can stop"),
      always("blocking-places", production, none, "count", "those at which whoever stops blocks all others"),
    ],
    bandReason: "what lock-free means: a thread that stops anywhere is in nobody's way; tried at every place",
    code: "implementations/scheduler/production/skip-list.ts",
    notes: "minimal is a heap that one thread owns: under a lock it stands for what it would be among several",
  }),
  tradeoff("T-SCH-2", "dependencies: minimal has simple DAG; production has distributed dependency tracking", {
    experiments: ["scheduler-homes"],
    measures: [
      always("homes", simulatedMinimal, { kind: "at-most", limit: 1 }, "nodes", "schedulers that tasks live on"),
      always("dependencies-across-homes", simulatedMinimal, none, "count", "dependencies from one to another"),
      never("dependency-violations", simulatedMinimal, "starts before a dependency completed"),
      always("homes", simulated, { kind: "at-least", limit: 2 }, "nodes", "schedulers that tasks live on"),
      always("dependencies-across-homes", simulated, some, "count", "dependencies from one to another"),
      never("dependency-violations", simulated, "starts before a dependency completed"),
    ],
    bandReason: "the same jobs, whose tasks depend on each other's",
    code: "implementations/scheduler/production",
  }),
  tradeoff("T-SCH-3", "fairness: minimal has priority only; production has multi-tenant fair scheduling", {
    experiments: ["scheduler-tenants"],
    measures: [
      always(
        "least-share@contended",
        simulatedMinimal,
        { kind: "at-most", limit: 0.1 },
        "ratio",
        "what a tenant gets beside a flood, to what it is entitled to",
      ),
      always(
        "least-share@contended",
        simulated,
        { kind: "at-least", limit: 0.9 },
        "ratio",
        "what a tenant gets beside a flood, to what it is entitled to",
      ),
    ],
    bandReason: "a flood that was there first, while everybody has tasks waiting",
    code: "implementations/scheduler/production",
  }),
  tradeoff("T-SCH-4", "preemption: minimal has none; production has cooperative preemption", {
    experiments: ["scheduler-preemption"],
    measures: [
      always("preemptions", simulatedMinimal, none, "count", "attempts that yielded"),
      always(
        "urgent-wait-p50-ms",
        simulatedMinimal,
        { kind: "at-least", limit: 200 },
        "ms",
        "an urgent task's wait while long ones hold every worker, median",
      ),
      always("preemptions", simulated, some, "count", "attempts that yielded"),
      always(
        "urgent-wait-p50-ms",
        simulated,
        { kind: "at-most", limit: 20 },
        "ms",
        "an urgent task's wait while long ones hold every worker, median",
      ),
      always(
        "work-done-ratio",
        simulated,
        { kind: "at-most", limit: 1.05 },
        "ratio",
        "time of all attempts to the tasks' own: they go on where they yielded",
      ),
    ],
    bandReason: "tasks of 2 s with a checkpoint every 10 ms: an urgent one waits for a checkpoint, or for an end",
    code: "implementations/scheduler/production",
  }),
];

function formal(
  section: string,
  rest: Omit<Claim, "module" | "source" | "code" | "expected" | "published"> & {
    readonly published: readonly [metric: string, value: string, unit: string, band: string];
  },
): Claim {
  const [metric, value, unit, band] = rest.published;
  return {
    module: "scheduler",
    source: { document: "Formal Verification", section },
    code: "implementations/scheduler/production",
    expected: "reproduced",
    ...rest,
    published: { metric, value, unit, band },
  };
}

export const schedulerFormalClaims: readonly Claim[] = [
  formal("2.4", {
    id: "N-FV-2",
    statement: "no tenant ever exceeds its quota and the capacity is never overcommitted",
    class: "exact",
    published: ["violations", "0", "count", "=0"],
    bandReason: "judged at every admission and every start of the sweeps, per node and over all nodes",
    experiments: ["scheduler-safety"],
    measures: [check("quotas", "production", "quotas and capacity hold at every instant, under faults")],
  }),
  formal("2.4", {
    id: "N-FV-3",
    statement: "the virtual times of two backlogged tenants differ by a bounded amount",
    class: "exact",
    published: ["bound", "100 x largest task", "", "holds"],
    bandReason: "as published, for every pair of tenants for as long as both are backlogged",
    experiments: ["scheduler-safety", "scheduler-tenants"],
    measures: [
      check("fairness", "production", "what two backlogged tenants were given, under faults"),
      always(
        "virtual-time-spread@contended",
        simulated,
        { kind: "at-most", limit: 100 },
        "longest tasks",
        "largest difference of virtual times beside a flood",
      ),
    ],
  }),
  formal("3.3", {
    id: "N-FV-4",
    statement: "no task is ever lost",
    class: "behaviour",
    published: ["lost", "0", "count", "=0"],
    bandReason: "one counterexample refutes it",
    experiments: ["scheduler-safety"],
    measures: [
      check("every-task-ends", "production", "every accepted task ends, under every kind of fault"),
      check("recovery", "production", "all ends are agreed on once faults stop"),
      check("effects-once", "production", "no task has two effects"),
    ],
  }),
];
