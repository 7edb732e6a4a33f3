/** Published numbers about the scheduler: the guides, the benchmark of minimal and that of the scheduler. */

import { around } from "../../../harness/claim/band.ts";
import type { Band } from "../../../harness/claim/band.ts";
import type { Claim, RatioMeasure } from "../../../harness/claim/claim.ts";
import { always, inTheSameBlock, metric, typical } from "../measures.ts";

const inProcess = { implementation: "minimal" } as const;
const threads = { implementation: "production", substrate: "cluster" } as const;
const simulated = { implementation: "production", substrate: "simulated" } as const;
const asPublished = "as published, on the median over blocks";

type Rest = Omit<Claim, "module" | "source" | "code">;

function claimOf(document: string, code: string) {
  return (rest: Rest): Claim => ({
    module: "scheduler",
    source: { document, section: "Expected Results" },
    code,
    ...rest,
  });
}

const guide = claimOf("Reproducibility Guide", "implementations/scheduler/minimal.ts");
const minimal = claimOf("Minimal benchmark", "implementations/scheduler/minimal.ts");
const benchmark = claimOf("Scheduler benchmark", "implementations/scheduler/production");

export const schedulerGuideClaims: readonly Claim[] = [
  guide({
    id: "N-RG-3",
    statement: "task submit",
    class: "absolute",
    published: { metric: "latency", value: "10", unit: "us", band: "+-25%" },
    bandReason: asPublished,
    experiments: ["scheduler-in-process"],
    measures: [
      typical("submit-us", inProcess, around(10, 0.25), "us", "a submission, one of a thousand, as a function call"),
    ],
    expected: "not comparable",
  }),
  guide({
    id: "N-RG-4",
    statement: "priority scheduling",
    class: "absolute",
    published: { metric: "latency", value: "25", unit: "us", band: "+-20%" },
    bandReason: asPublished,
    experiments: ["scheduler-in-process"],
    measures: [
      typical(
        "schedule-us",
        inProcess,
        around(25, 0.2),
        "us",
        "choice and end of a task, of a thousand that are ready",
      ),
    ],
    expected: "not comparable",
  }),
];

export const minimalSchedulerBenchmarkClaims: readonly Claim[] = [
  minimal({
    id: "N-MB-5",
    statement: "submit 1000 tasks",
    class: "absolute",
    published: { metric: "time", value: "2", unit: "ms", band: "+-20%" },
    bandReason: asPublished,
    experiments: ["scheduler-in-process"],
    measures: [typical("submit-ms@1000-tasks", inProcess, around(2, 0.2), "ms", "1000 tasks, one by one")],
    expected: "not comparable",
  }),
  minimal({
    id: "N-MB-6",
    statement: "process 1000 tasks",
    class: "absolute",
    published: { metric: "time", value: "3", unit: "ms", band: "+-20%" },
    bandReason: asPublished,
    experiments: ["scheduler-in-process"],
    measures: [typical("process-ms@1000-tasks", inProcess, around(3, 0.2), "ms", "1000 tasks scheduled and completed")],
    expected: "not comparable",
  }),
  minimal({
    id: "N-MB-7",
    statement: "300 tasks in reverse priority order: the first 100 run are the 100 high ones",
    class: "exact",
    published: { metric: "high among first 100", value: "100", unit: "count", band: "=100" },
    bandReason: "an order is right or wrong",
    experiments: ["scheduler-priorities"],
    measures: [
      always("high-among-first-100", inProcess, { kind: "at-least", limit: 100 }, "count", "high ones, minimal"),
      always("high-among-first-100", simulated, { kind: "at-least", limit: 100 }, "count", "high ones, production"),
    ],
    expected: "reproduced",
  }),
];

/** Rates of two scenarios of production's threads, in the same block. */
function rates(of: string, to: string, band: Band, label: string): RatioMeasure {
  const source = (scenario: string) => metric(`throughput-per-s@${scenario}`, threads, "mean");
  return inTheSameBlock("production", source(of), source(to), band, label);
}

export const schedulerBenchmarkClaims: readonly Claim[] = [
  benchmark({
    id: "N-BSC-1",
    statement: "uniform 100 us tasks, 8 workers",
    class: "absolute",
    published: { metric: "throughput", value: "50000", unit: "tasks/s", band: "+-25%" },
    bandReason: asPublished,
    experiments: ["scheduler-pools"],
    measures: [
      typical(
        "throughput-per-s@uniform-8-workers",
        threads,
        around(50_000, 0.25),
        "tasks/s",
        "tasks of 100 us per second, 8 threads",
      ),
    ],
    expected: "not comparable",
    notes: "two processors do at most 20,000 tasks of 100 us per second, however many threads they run",
  }),
  benchmark({
    id: "N-BSC-2",
    statement: "mixed tasks (80% short, 20% long) run at 0.6 of the uniform rate",
    class: "shape",
    published: { metric: "ratio", value: "0.6", unit: "ratio", band: "+-25%" },
    bandReason: "as published; short is the uniform 100 us, and how long the long ones are is not published: 5 times",
    experiments: ["scheduler-pools"],
    measures: [typical("mixed-to-uniform", threads, around(0.6, 0.25), "ratio", "tasks per second, mixed to uniform")],
    expected: "reproduced",
    notes: "the mean of 80 % of 100 us and 20 % of 500 us is 1.8 times as long: 0.56 is what there is to reach",
  }),
  benchmark({
    id: "N-BSC-3",
    statement: "work stealing speeds an imbalanced load up 2 to 3 times",
    class: "ratio",
    published: { metric: "speed-up", value: "2-3", unit: "ratio", band: ">=2" },
    bandReason: "as published; all tasks of an imbalanced load wait in the lane of one worker of four",
    experiments: ["scheduler-pools"],
    measures: [
      rates(
        "imbalanced-stealing",
        "imbalanced-no-stealing",
        { kind: "at-least", limit: 2 },
        "tasks per second with stealing to without",
      ),
    ],
    expected: "reproduced",
    notes: "tasks that sleep, so that the workers and not the two processors are what is shared",
  }),
  benchmark({
    id: "N-BSC-4",
    statement: "work stealing costs at most 5% when the load is balanced",
    class: "ratio",
    published: { metric: "overhead", value: "0.05", unit: "ratio", band: "<=0.05" },
    bandReason: "as published: the rate without stealing is at most 1.05 times the rate with it",
    experiments: ["scheduler-pools"],
    measures: [
      rates(
        "balanced-no-stealing",
        "balanced-stealing",
        { kind: "at-most", limit: 1.05 },
        "tasks per second without stealing to with it, even lanes",
      ),
    ],
    expected: "reproduced",
  }),
  benchmark({
    id: "N-BSC-5",
    statement: "priority inversions stay under 0.1%",
    class: "shape",
    published: { metric: "rate", value: "0.001", unit: "ratio", band: "<0.001" },
    bandReason: "as published; offers and claims are numbered by one counter, so the order between threads is exact",
    experiments: ["scheduler-pools"],
    measures: [
      typical(
        "priority-inversion-rate",
        threads,
        { kind: "below", limit: 0.001 },
        "ratio",
        "starts while a better task of the lane was ready",
      ),
    ],
    expected: "reproduced",
  }),
  benchmark({
    id: "N-BSC-6",
    statement: "tenants of equal weight differ by less than 10%",
    class: "shape",
    published: { metric: "deviation", value: "0.10", unit: "ratio", band: "<0.10" },
    bandReason: "as published, on real threads",
    experiments: ["scheduler-pools"],
    measures: [
      typical(
        "tenant-deviation",
        threads,
        { kind: "below", limit: 0.1 },
        "ratio",
        "largest deviation from an equal share, real threads",
      ),
    ],
    expected: "reproduced",
  }),
  benchmark({
    id: "N-BSC-7",
    statement: "1 to 8 workers scale at 85% efficiency",
    class: "shape",
    published: { metric: "efficiency", value: "0.85", unit: "ratio", band: ">=0.85" },
    bandReason: "as published, with tasks of 1 ms, up to as many workers as the machine has processors",
    experiments: ["scheduler-pools"],
    measures: [
      typical(
        "scaling-efficiency",
        threads,
        { kind: "at-least", limit: 0.85 },
        "ratio",
        "rate of one worker per processor, to as many times the rate of one",
      ),
    ],
    expected: "reproduced",
    notes: "the thread that hands in needs a processor too: the shorter the tasks, the more of one",
  }),
];
