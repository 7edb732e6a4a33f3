/** Claims of the Stress Test Results about the scheduler: mixed load, starvation, chains, stealing. */

import type { Band } from "../../../harness/claim/band.ts";
import type { Claim } from "../../../harness/claim/claim.ts";
import { always, check, never, typical } from "../measures.ts";

const simulated = { implementation: "production", substrate: "simulated" } as const;
const threads = { implementation: "production", substrate: "cluster" } as const;
const below = (limit: number): Band => ({ kind: "below", limit });
const atLeast = (limit: number): Band => ({ kind: "at-least", limit });

type Rest = Omit<Claim, "module" | "source" | "code">;

function stress(section: string, rest: Rest): Claim {
  return {
    module: "scheduler",
    source: { document: "Stress Test Results", section },
    code: "implementations/scheduler/production",
    ...rest,
  };
}

const imbalances = ["90-10", "80-20", "70-30"] as const;

export const schedulerStressClaims: readonly Claim[] = [
  stress("2.1 Mixed workload", {
    id: "N-ST-7",
    statement: "40/30/20/10% tasks of 10/100/1000/10000 ms: over 99% complete",
    class: "shape",
    published: { metric: "completed", value: "0.9975", unit: "ratio", band: ">0.99" },
    bandReason: "as published, of the tasks that were accepted, in every block",
    experiments: ["scheduler-mixed"],
    measures: [
      always("tasks-completed-ratio", simulated, { kind: "above", limit: 0.99 }, "ratio", "completed of accepted"),
    ],
    expected: "reproduced",
  }),
  stress("2.1 Mixed workload", {
    id: "N-ST-8",
    statement: "queue wait p50, p99, p99.9",
    class: "shape",
    published: { metric: "wait", value: "45; 890; 4200", unit: "ms", band: "<100; <2000; <10000" },
    bandReason: "as published, in every block; how many workers share the load is not published, 30 do here",
    experiments: ["scheduler-mixed"],
    measures: [
      always("queue-wait-p50-ms", simulated, below(100), "ms", "queue wait, p50"),
      always("queue-wait-p99-ms", simulated, below(2000), "ms", "queue wait, p99"),
      always("queue-wait-p999-ms", simulated, below(10_000), "ms", "queue wait, p99.9"),
    ],
    expected: "reproduced",
    notes: "durations are virtual: what is measured is what the order of starts makes of them, not how fast it is",
  }),
  stress("2.1 Mixed workload", {
    id: "N-ST-9",
    statement: "workers are 78% busy",
    class: "shape",
    published: { metric: "utilization", value: "0.78", unit: "ratio", band: "0.70-0.85" },
    bandReason: "as published, in every block; arrivals are drawn at the rate that keeps 78 % of the workers busy",
    experiments: ["scheduler-mixed"],
    measures: [
      always("utilisation", simulated, atLeast(0.7), "ratio", "workers' time in attempts"),
      always("utilisation", simulated, { kind: "at-most", limit: 0.85 }, "ratio", "workers' time in attempts"),
    ],
    expected: "reproduced",
  }),
  stress("2.2 Priority starvation", {
    id: "N-ST-10",
    statement: "a tenfold flood of low priority adds 20% to the high-priority wait",
    class: "shape",
    published: { metric: "increase", value: "0.20", unit: "ratio", band: "<=0.30" },
    bandReason: "as published, on the mean wait; without the flood low priority keeps all workers busy already",
    experiments: ["scheduler-flood"],
    measures: [
      always("high-wait-increase", simulated, { kind: "at-most", limit: 0.3 }, "ratio", "mean wait with the flood"),
      always("high-wait-p99-ms@flood", simulated, below(50), "ms", "p99 of the wait with the flood"),
    ],
    expected: "reproduced",
  }),
  stress("2.3 Dependency chains", {
    id: "N-ST-11",
    statement: "chains of depth 10 to 500 run in the right order, every cyclic submission is refused",
    class: "behaviour",
    published: { metric: "violations", value: "0", unit: "count", band: "=0" },
    bandReason: "as published; cycles of 1 to 256 tasks, all that a submission may hold",
    experiments: ["scheduler-chains"],
    measures: [
      never("dependency-violations@depth-500", simulated, "starts before a dependency completed, depth 500"),
      always("dependencies-judged@depth-500", simulated, atLeast(499), "count", "dependencies judged, depth 500"),
      check("dependencies-respected", "production", "no start before all dependencies completed, at every depth"),
      // A cycle that is accepted, or refused with anything but its own error, makes it invalid.
      check("script", "production", "cycles are refused, everything else is accepted and ends"),
      check("script", "minimal", "cycles are refused, everything else is accepted and ends"),
    ],
    expected: "reproduced",
  }),
  stress("2.3 Dependency chains", {
    id: "N-ST-12",
    statement: "completion time is linear in the depth (10, 50, 100, 500)",
    class: "shape",
    published: { metric: "time", value: "12.3; 58.7; 118.4; 542.1", unit: "s", band: "R^2>=0.99" },
    bandReason: "as published, of a straight line through the four depths; each task takes a second",
    experiments: ["scheduler-chains"],
    measures: [always("chain-linearity", simulated, atLeast(0.99), "ratio", "R^2 of completion against depth")],
    expected: "reproduced",
  }),
  stress("2.4 Work stealing", {
    id: "N-ST-13",
    statement: "stealing reduces an imbalance of 90/10, 80/20, 70/30 by 93, 91, 95%",
    class: "shape",
    published: { metric: "reduction", value: "0.93; 0.91; 0.95", unit: "ratio", band: ">=0.9" },
    bandReason: "as published; imbalance is how much more than the mean the busier of two workers works",
    experiments: ["scheduler-balance"],
    measures: imbalances.map((split) =>
      always(
        `imbalance-reduction@${split}`,
        simulated,
        atLeast(0.9),
        "ratio",
        `${split.replace("-", "/")}: imbalance that stealing takes away`,
      ),
    ) as unknown as Claim["measures"],
    expected: "reproduced",
  }),
  stress("2.4 Work stealing", {
    id: "N-ST-14",
    statement: "stealing latency, average and p99",
    class: "absolute",
    published: { metric: "time", value: "12; 45", unit: "ms", band: "<=" },
    bandReason: "as published, from when the thief was free and the task was ready to the task's start",
    experiments: ["scheduler-pools"],
    measures: [
      typical("steal-mean-ms", threads, { kind: "at-most", limit: 12 }, "ms", "from idle to a stolen start, mean"),
      typical("steal-p99-ms", threads, { kind: "at-most", limit: 45 }, "ms", "from idle to a stolen start, p99"),
    ],
    expected: "not comparable",
  }),
];
