/**
 * Goal: each check of a scheduler's trace holds of a run as it should be, and finds the one thing that is wrong with
 * another.
 * Method: traces made by hand, a line an event; for every check good ones, and bad ones that differ in little. A check
 * that had nothing to judge says nothing.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type {
  SchedulerEvent,
  SchedulerImplementation,
  SchedulerOperation,
  SchedulerResult,
  TaskSpec,
} from "../../../implementations/scheduler/contract.ts";
import { planOf } from "../../plan/plan.ts";
import type { PlanOf, WatchOptions } from "../room.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { SchedulerTypes } from "./room.ts";
import { SchedulerWatch } from "./watch.ts";

const durations = { tasksPerJob: 1, kinds: [{ share: 1, kind: "spin", ms: 1 }] } as const;

interface Run {
  readonly settings?: Readonly<Record<string, number | string | boolean>>;
  readonly nodes?: number;
  readonly substrate?: "simulated" | "cluster";
  readonly isDurable?: boolean;
  readonly deadlineFraction?: number;
  /** What was asked for, at 0 ms. */
  readonly offered?: readonly (Partial<TaskSpec> & Pick<TaskSpec, "id">)[];
  /** At 480 ms. */
  readonly offeredLater?: Run["offered"];
  /** What a client is told after the last line. */
  readonly answer?: readonly [SchedulerOperation, SchedulerResult];
}

/**
 * "12 n1 started j.0 t3 w1 ..." at 12 ms. Words: tN token, wN worker, lN lane, rN rank, pN priority, oN order, cN mN
 * resources.
 */
function eventOf(line: string): Traced<SchedulerEvent> {
  const [ms = "0", node = "n1", kind = "start", task = "j.0", ...words] = line.split(" ");
  const number = (letter: string, otherwise: number): number => {
    const word = words.find((each) => new RegExp(`^${letter}-?[\\d.]+$`).test(each));
    return word === undefined ? otherwise : Number(word.slice(1));
  };
  const text = (name: string, otherwise: string): string =>
    words.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise;
  const token = number("t", 1);
  const events: Readonly<Record<string, SchedulerEvent>> = {
    start: { kind: "start", life: 1, tasks: 0 },
    stop: { kind: "stop", orderly: false },
    damage: { kind: "damage", what: "a record" },
    accepted: {
      ...{ kind: "accepted", task, order: number("o", 0), tenant: text("tenant", "default") },
      priority: number("p", 0),
      ...{ lane: number("l", -1), cpuMilli: number("c", 1000), memoryMb: number("m", 0) },
      dependencies: text("after", "")
        .split(",")
        .filter((id) => id !== ""),
    },
    ready: { kind: "ready", task, token, rank: number("r", 0) },
    leased: { kind: "leased", task, token, to: text("to", "n2") },
    started: { kind: "started", task, token, worker: number("w", 0), lane: number("l", -1), waitMs: 0 },
    ended: {
      kind: "ended",
      task,
      token,
      worker: 0,
      end: text("end", "completed") as "completed",
      ranMs: number("d", 1),
    },
    preempting: { kind: "preempting", task, token },
    committed: { kind: "committed", task, token, end: text("end", "completed") as "completed" },
  };
  const event = events[kind];
  assert.ok(event, line);
  return { timeMs: Number(ms), node, event };
}

function watch(lines: readonly string[], run: Run = {}): ReadonlyMap<string, CheckResult> {
  const { settings = {}, nodes = 1, substrate = "simulated", isDurable = true, deadlineFraction = 0 } = run;
  const plan = planOf({
    module: "scheduler",
    seed: "watch",
    nodes,
    // Ageing as fast as this says nothing of a rank that was made up.
    settings: { ageingMs: 1000, ...settings },
    workload: { id: "tasks", tasks: { ...durations, deadlineFraction } },
  });
  const implementation = {
    ...{ name: "production", durable: isDurable, tracesTasks: true },
    abilities: new Set(["priorities", "dependencies", "tenants", "affinity"]),
  } as unknown as SchedulerImplementation;
  let see: (traced: Traced<SchedulerEvent>) => void = () => undefined;
  const deployment = { observe: (listener: typeof see) => (see = listener) };
  const options = { plan: plan as PlanOf<SchedulerTypes>, implementation, deployment, substrate };
  const watched = new SchedulerWatch(options as unknown as WatchOptions<SchedulerTypes>);
  const offer = (offered: Run["offered"], atMs: number): void => {
    const tasks = (offered ?? []).map((task) => ({ body: { kind: "sleep", ms: 1 } as const, ...task }));
    watched.offered({ kind: "submit", tasks, untilEnded: false }, atMs);
  };
  offer(run.offered, 0);
  offer(run.offeredLater, 480);
  for (const line of lines) see(eventOf(line));
  if (run.answer !== undefined) watched.answered(...run.answer, 900);
  return new Map(watched.results(1000).map((result) => [result.id, result]));
}

const two = ["0 n1 accepted j.0 o1", "0 n1 accepted j.1 o2"];

type Row = readonly [name: string, validity: CheckResult["validity"] | "silent", lines: readonly string[], run?: Run];

const ofLane0 = ["0 n1 accepted j.0 o1 l0", "0 n1 accepted j.1 o2 l0", "0 n1 ready j.0 r1", "0 n1 ready j.1 r2"];
const twice = { offered: [{ id: "j.0", maxAttempts: 2 }] };
const timed = { offered: [{ id: "j.0", maxAttempts: 2, deadlineMs: 5 }] };
const ofLane3 = { offered: [{ id: "j.0", affinity: 3 }] };
/** k.0 is asked for at 480 ms. */
const later = { settings: { ageingMs: 100 }, offered: [{ id: "j.0" }], offeredLater: [{ id: "k.0" }] };
const failing = (token: number, end = "threw"): readonly string[] => [
  `${token} n1 ready j.0 t${token}`,
  `${token} n1 started j.0 t${token}`,
  `${token} n1 ended j.0 t${token} end=${end}`,
];
const offered = [{ id: "j.0" }];
const checkpointed = { offered: [{ id: "j.0", body: { kind: "spin", ms: 9, checkpointMs: 5 } }] } as const;
const submission: SchedulerOperation = {
  ...{ kind: "submit", tasks: [{ id: "j.0", body: { kind: "spin", ms: 1 } }], untilEnded: false },
};
const told = { offered, answer: [submission, { kind: "submit", ended: [] }] } as const;
const isCompleted = ["j.0", { state: "completed", result: null }] as const;
const waited = {
  offered,
  answer: [
    { kind: "wait", tasks: ["j.0"] },
    { kind: "wait", ended: [isCompleted] },
  ],
} as const;
const unaged = { settings: { ageingMs: 0 } };

const rows: Readonly<Record<string, readonly Row[]>> = {
  "priority-order": [
    ["nothing starts", "silent", two],
    ["a rank of the priority", "valid", ["0 n1 accepted j.0 p3", "0 n1 ready j.0 r-3", "1 n1 started j.0"], unaged],
    ["a rank against the priority", "invalid", ["0 n1 accepted j.0 p3", "0 n1 ready j.0 r3"], unaged],
    [
      "a rank against the priority, with slow ageing",
      "invalid",
      ["0 n1 accepted j.0 p3", "0 n1 accepted j.1 p5", "0 n1 ready j.0 r-3", "0 n1 ready j.1 r5"],
      { settings: { ageingMs: 30_000 } },
    ],
    ["the lower rank", "valid", [...two, "0 n1 ready j.0 r5", "0 n1 ready j.1 r2", "1 n1 started j.1"]],
    [
      "the higher rank",
      "invalid",
      [...two, "0 n1 ready j.0 r5", "0 n1 ready j.1 r2", "1 n1 started j.0", "2 n1 started j.1 w1"],
    ],
    ["of equal rank the earlier", "valid", [...two, "0 n1 ready j.1 r2", "0 n1 ready j.0 r2", "1 n1 started j.0"]],
    [
      "of equal rank the later",
      "invalid",
      [...two, "0 n1 ready j.1", "0 n1 ready j.0", "1 n1 started j.1", "2 n1 started j.0 w1"],
    ],
    ["at one moment", "valid", [...two, "0 n1 ready j.1", "0 n1 ready j.0", "1 n1 started j.1", "1 n1 started j.0 w1"]],
    [
      "one whose deadline had passed",
      "valid",
      [...two, "0 n1 ready j.1", "0 n1 ready j.0", "1 n1 started j.1", "2 n1 committed j.0 end=failed"],
    ],
    [
      "one that had been moved to another lane",
      "valid",
      [
        ...["0 n1 accepted j.0 o1 l0", "0 n1 accepted j.1 o2 l0", "0 n1 ready j.0", "0 n1 ready j.1"],
        ...["1 n1 started j.1 l0", "2 n1 started j.0 w1 l1"],
      ],
    ],
    [
      "the higher rank, leased",
      "invalid",
      [...two, "0 n1 ready j.0 r5", "0 n1 ready j.1 r2", "1 n1 leased j.0", "2 n1 started j.1"],
    ],
    [
      "the higher rank, leased, since a quota keeps the lower one",
      "valid",
      [
        ...["0 n1 accepted j.0 o1 c500 tenant=a", "0 n1 accepted j.1 o2 c2000 tenant=a"],
        ...["0 n1 ready j.0 r5", "0 n1 ready j.1 r2", "1 n1 leased j.0"],
      ],
      { settings: { tenants: "a:1:1000" } },
    ],
    [
      "another lane's may wait",
      "valid",
      ["0 n1 accepted j.0 o1", "0 n1 accepted j.1 o2 l1", "0 n1 ready j.0 r5", "0 n1 ready j.1 r2", "1 n1 started j.0"],
    ],
    [
      "another tenant's may wait",
      "valid",
      [
        "0 n1 accepted j.0 o1",
        "0 n1 accepted j.1 o2 tenant=a",
        "0 n1 ready j.0 r5",
        "0 n1 ready j.1",
        "1 n1 started j.0",
      ],
      { settings: { tenants: "a:1" } },
    ],
    [
      "one that would not have fitted",
      "valid",
      [
        "0 n1 accepted j.0 o1 m1",
        "0 n1 accepted j.1 o2 m2000",
        "0 n1 ready j.0 r5",
        "0 n1 ready j.1",
        "1 n1 started j.0",
      ],
    ],
    [
      "one that its tenant's quota kept waiting",
      "valid",
      [
        ...[
          "0 n1 accepted j.0 o1 c500 tenant=a",
          "0 n1 accepted j.1 o2 tenant=a",
          "0 n1 accepted j.2 o3 c500 tenant=a",
        ],
        ...["0 n1 ready j.2", "0 n1 started j.2", "0 n1 ready j.0 r5", "0 n1 ready j.1 r1", "1 n1 started j.0 w1"],
      ],
      { settings: { tenants: "a:1:1000" } },
    ],
    [
      "one that the quota did not keep waiting",
      "invalid",
      [
        ...["0 n1 accepted j.0 o1 c500 tenant=a", "0 n1 accepted j.1 o2 c500 tenant=a"],
        ...["0 n1 ready j.0 r5", "0 n1 ready j.1 r1", "1 n1 started j.0 w1", "2 n1 started j.1"],
      ],
      { settings: { tenants: "a:1:1000" } },
    ],
    [
      "one that did not fit beside an attempt that goes on though its time is over",
      "valid",
      [
        ...["0 n1 accepted k.0 m600", "0 n1 accepted j.0 o1", "0 n1 accepted j.1 o2 m600", "0 n1 ready k.0"],
        ...["0 n1 started k.0", "1 n1 ended k.0 end=expired", "1 n1 committed k.0 end=failed"],
        ...["1 n1 ready j.0 r5", "1 n1 ready j.1 r1", "2 n1 started j.0 w1"],
      ],
    ],
    ["real threads are not judged", "silent", [...two, "0 n1 ready j.0", "1 n1 started j.0"], { substrate: "cluster" }],
    ["the higher rank of a lane", "invalid", [...ofLane0, "2 n1 started j.1 l0", "3 n1 started j.0 l0 w0"]],
    [
      "the higher rank of a lane, while the lower one was in a thief's and came back with another theft",
      "valid",
      [
        ...[...ofLane0, "1 n1 accepted j.2 l0", "1 n1 ready j.2 r-1", "1 n1 started j.2 l0 w1", "1 n1 ended j.2"],
        ...["2 n1 started j.1 l0", "2 n1 ended j.1", "3 n1 accepted j.3 l1", "3 n1 ready j.3 r0"],
        ...["3 n1 started j.3 l1 w0", "3 n1 ended j.3", "4 n1 started j.0 l0"],
      ],
    ],
    [
      "the same without a second theft",
      "invalid",
      [
        ...[...ofLane0, "1 n1 accepted j.2 l0", "1 n1 ready j.2 r-1", "1 n1 started j.2 l0 w1", "1 n1 ended j.2"],
        ...["2 n1 started j.1 l0", "2 n1 ended j.1", "4 n1 started j.0 l0"],
      ],
    ],
  ],
  yields: [
    ["nobody is asked", "silent", [...failing(1)], checkpointed],
    [
      "at the next checkpoint",
      "valid",
      ["1 n1 started j.0", "2 n1 preempting j.0", "7 n1 ended j.0 end=yielded"],
      checkpointed,
    ],
    ["long after it", "invalid", ["1 n1 started j.0", "2 n1 preempting j.0", "8 n1 ended j.0"], checkpointed],
    [
      "lost long after it",
      "silent",
      ["1 n1 started j.0", "2 n1 preempting j.0", "8 n1 ended j.0 end=lost"],
      checkpointed,
    ],
    ["without checkpoints", "silent", ["1 n1 started j.0", "2 n1 preempting j.0", "8 n1 ended j.0"], { offered }],
  ],
  "queue-limit": [
    ["as many as allowed", "valid", two, { settings: { queueLimit: 2 } }],
    ["one more", "invalid", two, { settings: { queueLimit: 1 } }],
    [
      "one more after one has ended",
      "valid",
      ["0 n1 accepted j.0 o1", "1 n1 committed j.0", "1 n1 accepted j.1 o2"],
      { settings: { queueLimit: 1 } },
    ],
    [
      "one more after one may have ended",
      "valid",
      ["0 n1 accepted j.0", ...failing(1, "completed"), "2 n1 stop", "3 n1 start", "3 n1 accepted j.1 o2"],
      { settings: { queueLimit: 1 } },
    ],
    [
      "told of once more after a restart",
      "valid",
      [...two, "1 n1 stop", "2 n1 start", ...two],
      { settings: { queueLimit: 2 } },
    ],
    [
      "each node has its own",
      "valid",
      ["0 n1 accepted j.0", "0 n2 accepted k.0"],
      { settings: { queueLimit: 1 }, nodes: 2 },
    ],
  ],
  "answers-durable": [
    ["nothing is told", "silent", ["0 n1 accepted j.0"]],
    ["a submission that was accepted", "valid", ["1 n1 accepted j.0"], told],
    ["a submission that was not yet", "invalid", [], told],
    ["one that may have been accepted before a crash", "valid", ["1 n1 stop", "2 n1 start"], told],
    ["the end of a task", "valid", ["1 n1 accepted j.0", ...failing(2, "completed"), "3 n1 committed j.0 t2"], waited],
    ["an end that is not durable", "invalid", ["1 n1 accepted j.0", ...failing(2, "completed")], waited],
    ["another end", "invalid", ["1 n1 accepted j.0", "3 n1 committed j.0 t0 end=failed"], waited],
    [
      "one that its home may have written down before it stopped",
      "valid",
      ["1 n1 accepted j.0", ...failing(2, "completed"), "3 n1 stop", "4 n1 start"],
      waited,
    ],
    [
      "one that its home has not, for the task gets ready again",
      "invalid",
      ["1 n1 accepted j.0", ...failing(2, "completed"), "3 n1 stop", "4 n1 start", "4 n1 ready j.0 t9"],
      waited,
    ],
    ["real processes are not judged", "silent", [], { ...told, substrate: "cluster" }],
  ],
  "tokens-once": [
    ["a token for each attempt", "valid", [...failing(1), ...failing(2)]],
    [
      "a lease that came twice",
      "invalid",
      [
        ...["0 n1 accepted j.0", "0 n1 leased j.0 t1", "1 n2 started j.0 t1", "2 n1 ended j.0 t1 end=threw"],
        ...["3 n1 leased j.0 t2", "4 n2 started j.0 t1"],
      ],
      { nodes: 2, substrate: "cluster" },
    ],
    [
      "a lease that was late, after the next one",
      "valid",
      [
        ...["0 n2 start", "0 n1 accepted j.0", "0 n1 leased j.0 t1", "5 n1 ended j.0 t1 end=lost"],
        ...["6 n1 leased j.0 t2 to=n3", "7 n3 started j.0 t2", "8 n2 started j.0 t1"],
      ],
      { nodes: 3 },
    ],
    [
      "a lease to an earlier life",
      "invalid",
      ["0 n2 start", "1 n1 accepted j.0", "1 n1 leased j.0 t1", "2 n2 stop", "3 n2 start", "4 n2 started j.0 t1"],
      { nodes: 2 },
    ],
    [
      "a home that forgets what it gave out",
      "valid",
      ["0 n1 start", ...failing(1), "5 n1 stop", "6 n1 start", "7 n1 started j.0 t1"],
      { isDurable: false },
    ],
  ],
  "dependencies-respected": [
    ["none", "silent", ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 started j.0"]],
    [
      "after the end of another node's",
      "valid",
      [
        ...["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n2 ready k.0", "1 n2 started k.0", "2 n2 ended k.0"],
        ...["3 n2 committed k.0", "3 n1 ready j.0", "4 n1 started j.0"],
      ],
      { nodes: 2 },
    ],
    [
      "after the end of another node's, which a crash could yet take back",
      "invalid",
      [
        ...["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n2 ready k.0", "1 n2 started k.0", "2 n2 ended k.0"],
        ...["3 n1 ready j.0", "4 n1 started j.0", "5 n2 committed k.0"],
      ],
      { nodes: 2 },
    ],
    [
      "after the end of its own node's, which is not durable yet",
      "valid",
      [
        ...["0 n1 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n1 ready k.0", "1 n1 started k.0", "2 n1 ended k.0"],
        ...["3 n1 ready j.0", "4 n1 started j.0", "5 n1 committed k.0"],
      ],
    ],
    [
      "after the end of another node's that stopped before it could tell whether that is durable",
      "valid",
      [
        ...["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n2 ready k.0", "1 n2 started k.0", "2 n2 ended k.0"],
        ...["3 n2 stop", "3 n1 ready j.0", "4 n1 started j.0"],
      ],
      { nodes: 2 },
    ],
    [
      "before it",
      "invalid",
      ["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "3 n1 ready j.0", "4 n1 started j.0"],
    ],
    [
      "after it failed",
      "invalid",
      [
        ...["0 n1 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n1 ready k.0", "1 n1 started k.0"],
        ...["2 n1 ended k.0 end=threw", "3 n1 committed k.0 end=failed", "3 n1 ready j.0", "4 n1 started j.0"],
      ],
    ],
    [
      "after its home forgot that it ended, and asks for it again",
      "invalid",
      [
        ...["0 n1 accepted k.0", "0 n2 accepted j.0 after=k.0", "0 n1 ready k.0", "1 n1 started k.0", "2 n1 ended k.0"],
        ...["2 n1 stop", "3 n1 start", "3 n1 ready k.0 t2", "4 n2 ready j.0", "4 n2 started j.0"],
      ],
    ],
    [
      "on processes, a moment before its end is heard of",
      "valid",
      ["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "4 n1 started j.0", "5 n2 ended k.0"],
      { substrate: "cluster" },
    ],
    [
      "on processes, long before",
      "invalid",
      ["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "4 n1 started j.0", "500 n2 ended k.0"],
      { substrate: "cluster" },
    ],
    [
      "on processes, when its home was killed and could not tell of its end",
      "valid",
      ["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "2 n2 ready k.0", "4 n1 started j.0", "9 n2 stop"],
      { substrate: "cluster" },
    ],
    [
      "on processes, when its home was killed long after",
      "invalid",
      ["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "2 n2 ready k.0", "4 n1 started j.0", "400 n2 stop"],
      { substrate: "cluster" },
    ],
    [
      "on processes, when its home was killed and it was to run again",
      "invalid",
      [
        ...["0 n2 accepted k.0", "0 n1 accepted j.0 after=k.0", "1 n2 ready k.0", "2 n2 stop", "50 n2 start"],
        ...["51 n2 ready k.0", "60 n1 started j.0", "500 n2 ended k.0"],
      ],
      { substrate: "cluster" },
    ],
  ],
  "every-task-ends": [
    ["no task", "unknown", ["0 n1 start"]],
    [
      "committed",
      "valid",
      ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 committed j.0"],
    ],
    ["ready for ever", "invalid", ["0 n1 accepted j.0", "0 n1 ready j.0"]],
    ["ready for ever, and the node stops at the end", "invalid", ["0 n1 accepted j.0", "0 n1 ready j.0", "9 n1 stop"]],
    ["running for ever", "invalid", ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 started j.0"]],
    ["lost at a crash", "invalid", ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 stop", "2 n1 start"]],
    ["lost at a crash without a journal", "silent", ["0 n1 accepted j.0", "1 n1 stop"], { isDurable: false }],
    [
      "ended when its home crashed",
      "valid",
      ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 stop", "3 n1 start"],
    ],
    [
      "pending for ever on one that completed",
      "invalid",
      [
        ...["0 n1 accepted k.0", "0 n1 accepted j.0 after=k.0", "0 n1 ready k.0", "1 n1 started k.0"],
        ...["2 n1 ended k.0", "2 n1 committed k.0", "9 n1 stop"],
      ],
    ],
    [
      "lost at a crash, and its deadline may have passed",
      "valid",
      ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 stop", "2 n1 start"],
      { deadlineFraction: 0.1 },
    ],
    [
      "lost at a crash while it was pending, and its deadline may have passed",
      "valid",
      [
        ...["0 n1 accepted j.0", "0 n1 accepted j.1 after=j.0", "0 n1 ready j.0", "1 n1 stop", "2 n1 start"],
        ...["2 n1 ready j.0", "3 n1 started j.0", "4 n1 ended j.0", "4 n1 committed j.0"],
      ],
      { deadlineFraction: 0.1 },
    ],
    ["lost with its disk", "silent", ["0 n1 accepted j.0", "1 n1 stop", "2 n1 damage", "2 n1 start"]],
  ],
  "effects-once": [
    ["nothing happens", "silent", ["0 n1 accepted j.0"]],
    [
      "after two attempts",
      "valid",
      [
        ...["0 n1 ready j.0 t1", "1 n1 started j.0 t1", "2 n1 ended j.0 t1 end=lost", "2 n1 ready j.0 t2"],
        ...["3 n1 started j.0 t2", "4 n1 ended j.0 t2", "4 n1 committed j.0 t2"],
      ],
    ],
    [
      "the end of an attempt whose lease ran out is taken",
      "invalid",
      [
        ...["0 n1 ready j.0 t1", "1 n1 leased j.0 t1 to=n2", "1 n2 started j.0 t1", "2 n1 ended j.0 t1 end=lost"],
        ...["2 n1 ready j.0 t2", "3 n1 started j.0 t2", "4 n1 ended j.0 t1", "4 n1 committed j.0 t1"],
      ],
    ],
    [
      "committed in two lives",
      "invalid",
      ["0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 committed j.0", "3 n1 stop", "4 n1 committed j.0"],
    ],
    [
      "started after it was committed",
      "invalid",
      ["0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 committed j.0", "3 n1 started j.0 t2"],
    ],
    ["committed without an attempt", "invalid", ["0 n1 ready j.0", "1 n1 committed j.0"]],
    [
      "committed though it threw",
      "invalid",
      ["0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0 end=threw", "2 n1 committed j.0"],
    ],
    [
      "two attempts at once",
      "invalid",
      ["0 n1 ready j.0", "1 n1 started j.0", "1 n1 started j.0 w1", "2 n1 committed j.0"],
    ],
    ["a failed dependency", "valid", ["0 n1 accepted j.0", "1 n1 committed j.0 t0 end=failed"]],
    [
      "without a journal, once in each life",
      "valid",
      [
        ...["0 n1 ready j.0", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 committed j.0", "3 n1 stop", "4 n1 start"],
        ...["4 n1 ready j.0", "5 n1 started j.0", "6 n1 ended j.0", "7 n1 committed j.0"],
      ],
      { isDurable: false },
    ],
  ],
  "attempts-counted": [
    ["nobody says what was asked for", "silent", [...failing(1), ...failing(2), "3 n1 committed j.0 t2 end=failed"]],
    ["all of them", "valid", [...failing(1), ...failing(2), "3 n1 committed j.0 t2 end=failed"], twice],
    ["one too few", "invalid", [...failing(1), "3 n1 committed j.0 t1 end=failed"], twice],
    ["one too many", "invalid", [...failing(1), ...failing(2), ...failing(3)], twice],
    [
      "fewer, and then it completes",
      "valid",
      [...failing(1), ...failing(2, "completed"), "3 n1 committed j.0 t2"],
      twice,
    ],
    [
      "as many as are allowed, and then it completes",
      "invalid",
      [...failing(1), ...failing(2), ...failing(3, "completed"), "4 n1 committed j.0 t3"],
      twice,
    ],
    ["fewer, and its deadline passed", "silent", [...failing(1), "3 n1 committed j.0 t1 end=failed"], timed],
    [
      "one whose record may have been lost",
      "valid",
      [...failing(1), "1 n1 stop", "2 n1 start", ...failing(2), ...failing(3), "4 n1 committed j.0 t3 end=failed"],
      twice,
    ],
    [
      "one whose record was there before the crash is forgotten",
      "invalid",
      [
        ...[...failing(1), "1 n1 ended j.1 t9", "1 n1 committed j.1 t9", "1 n1 stop", "2 n1 start"],
        ...[...failing(2), ...failing(3)],
      ],
      twice,
    ],
  ],
  deadlines: [
    ["no deadline", "silent", ["0 n1 accepted j.0", "900 n1 ready j.0", "900 n1 started j.0"], twice],
    ["before its deadline", "valid", ["1 n1 accepted j.0", ...failing(2, "completed")], timed],
    ["it passes", "valid", ["1 n1 accepted j.0", "6 n1 committed j.0 end=failed"], timed],
    ["too early", "invalid", ["1 n1 accepted j.0", "4 n1 committed j.0 end=failed"], timed],
    ["too early, while it runs", "invalid", ["1 n1 accepted j.0", ...failing(2, "expired")], timed],
    ["its attempt failed", "valid", ["1 n1 accepted j.0", ...failing(2), "4 n1 committed j.0 end=failed"], timed],
    ["its attempt ends late", "invalid", ["1 n1 accepted j.0", "2 n1 started j.0", "70 n1 ended j.0"], timed],
    ["it starts late", "invalid", ["1 n1 accepted j.0", "70 n1 started j.0"], timed],
    [
      "the time in which its home is down does not count",
      "valid",
      ["1 n1 accepted j.0", "2 n1 stop", "70 n1 start", ...failing(72, "completed")],
      timed,
    ],
    ["lost at a restart", "invalid", ["1 n1 accepted j.0", "2 n1 stop", "3 n1 start", "70 n1 started j.0"], timed],
  ],
  lanes: [
    ["nobody says what was asked for", "silent", ["0 n1 accepted j.0 l1"]],
    ["what was asked for", "valid", ["0 n1 accepted j.0 l1", "1 n1 started j.0 l1 w1"], ofLane3],
    ["none", "valid", ["0 n1 accepted j.0", "1 n1 started j.0 w1"], twice],
    ["one that nobody asked for", "invalid", ["0 n1 accepted j.0 l1"], twice],
    ["it is ignored", "invalid", ["0 n1 accepted j.0"], ofLane3],
    ["it is not taken modulo the workers", "invalid", ["0 n1 accepted j.0 l3"], ofLane3],
    ["it starts from the shared lane", "invalid", ["0 n1 accepted j.0 l1", "1 n1 started j.0"], ofLane3],
    ["it is stolen", "valid", ["0 n1 accepted j.0 l1", "1 n1 started j.0 l0 w0"], ofLane3],
    [
      "it is stolen, though nobody may steal",
      "invalid",
      ["0 n1 accepted j.0 l1", "1 n1 started j.0 l1 w0"],
      { ...ofLane3, settings: { "production.stealing": false } },
    ],
    ["another node executes it", "valid", ["0 n1 accepted j.0 l1", "1 n1 leased j.0", "1 n2 started j.0"], ofLane3],
  ],
  "submission-order": [
    ["nothing is accepted", "silent", ["0 n1 start"]],
    ["one after the other", "valid", two],
    ["the other way round", "invalid", two.toReversed()],
    ["told again, with its number", "valid", [...two, "1 n1 stop", "2 n1 start", "2 n1 accepted j.1 o2"]],
    ["told again, with another number", "invalid", [...two, "1 n1 stop", "2 n1 start", "2 n1 accepted j.1 o3"]],
    [
      "ages as they were accepted",
      "valid",
      [
        "0 n1 start",
        "1 n1 accepted j.0 o1 p1",
        "500 n1 accepted k.0 o2",
        "500 n1 ready j.0 r2.05",
        "500 n1 ready k.0 r7.9",
      ],
      later,
    ],
    [
      "ages that are ignored",
      "invalid",
      [
        "0 n1 start",
        "1 n1 accepted j.0 o1 p1",
        "500 n1 accepted k.0 o2",
        "500 n1 ready j.0 r-1",
        "500 n1 ready k.0 r0",
      ],
      later,
    ],
    [
      "after a restart ages are forgotten",
      "invalid",
      [
        ...[
          "0 n1 start",
          "1 n1 accepted j.0 o1",
          "500 n1 accepted k.0 o2",
          "500 n1 ready j.0 r3",
          "500 n1 ready k.0 r7.9",
        ],
        ...["501 n1 stop", "700 n1 start", "700 n1 ready j.0 r7", "700 n1 ready k.0 r7"],
      ],
      later,
    ],
    [
      "after a restart the later one is older",
      "invalid",
      [
        ...["1 n1 accepted j.0 o1", "500 n1 accepted k.0 o2", "501 n1 stop", "700 n1 start"],
        ...["700 n1 ready j.0 r7", "700 n1 ready k.0 r6.5"],
      ],
      later,
    ],
  ],
  progress: [
    ["nothing starts", "silent", ["0 n1 accepted j.0", "0 n1 ready j.0"]],
    ["at once", "valid", ["0 n1 accepted j.0", "0 n1 ready j.0", "1 n1 started j.0"]],
    ["late, with idle workers", "invalid", ["0 n1 accepted j.0", "0 n1 ready j.0", "150 n1 started j.0"]],
    [
      "late, and all workers were busy until then",
      "valid",
      [
        ...[...two, "0 n1 accepted j.2", "0 n1 ready j.0", "0 n1 ready j.1", "0 n1 ready j.2"],
        ...["0 n1 started j.0", "0 n1 started j.1 w1", "900 n1 ended j.0", "950 n1 started j.2"],
      ],
    ],
    [
      "late, and not all workers were",
      "invalid",
      [...two, "0 n1 ready j.0", "0 n1 started j.0", "0 n1 ready j.1", "900 n1 ended j.0", "950 n1 started j.1"],
    ],
    [
      "late, because of a quota",
      "valid",
      ["0 n1 accepted j.0 tenant=a", "0 n1 ready j.0", "150 n1 started j.0"],
      { settings: { tenants: "a:1:1000" } },
    ],
    ["in another's lane", "silent", ["0 n1 accepted j.0 l1", "0 n1 ready j.0", "150 n1 started j.0"]],
  ],
  quotas: [
    ["nothing is admitted", "silent", ["0 n1 accepted j.0", "0 n1 ready j.0"]],
    ["as much as there is", "valid", [...two, "1 n1 started j.0", "1 n1 started j.1 w1"]],
    [
      "more than the capacity",
      "invalid",
      ["0 n1 accepted j.0 m600", "0 n1 accepted j.1 m600", "1 n1 started j.0", "1 n1 started j.1 w1"],
    ],
    [
      "one after the other",
      "valid",
      ["0 n1 accepted j.0 m600", "0 n1 accepted j.1 m600", "1 n1 started j.0", "2 n1 ended j.0", "2 n1 started j.1 w1"],
    ],
    ["two attempts on one worker", "invalid", [...two, "1 n1 started j.0", "1 n1 started j.1"]],
    [
      "more attempts than workers",
      "invalid",
      [...two, "0 n1 accepted j.2 c0", "1 n1 started j.0", "1 n1 started j.1 w1", "1 n1 started j.2 w2"],
    ],
    [
      "more than a tenant's part of its quota",
      "invalid",
      [
        "0 n1 accepted j.0 tenant=a c600",
        "0 n1 accepted j.1 tenant=a c600",
        "1 n1 started j.0",
        "1 n1 leased j.1 to=n2",
      ],
      { settings: { tenants: "b:1;a:1:2001" }, nodes: 2 },
    ],
    [
      "a tenant's part of its quota",
      "valid",
      [
        "0 n1 accepted j.0 tenant=a c500",
        "0 n1 accepted j.1 tenant=a c500",
        "1 n1 started j.0",
        "1 n1 leased j.1 to=n2",
      ],
      { settings: { tenants: "a:1:2001" }, nodes: 2 },
    ],
    [
      "another node's task, which held its part until it had run",
      "valid",
      [
        ...["0 n2 accepted j.0 m600", "0 n1 accepted j.1 m600", "0 n2 leased j.0 to=n1", "1 n1 started j.0"],
        ...["5 n1 started j.1 w1", "9 n2 ended j.0 d4"],
      ],
      { nodes: 2 },
    ],
    [
      "another node's task, which was still running",
      "invalid",
      [
        ...["0 n2 accepted j.0 m600", "0 n1 accepted j.1 m600", "0 n2 leased j.0 to=n1", "1 n1 started j.0"],
        ...["5 n1 started j.1 w1", "9 n2 ended j.0 d8"],
      ],
      { nodes: 2 },
    ],
  ],
};

for (const [id, ofCheck] of Object.entries(rows)) {
  describe(id, () => {
    for (const [name, validity, lines, run] of ofCheck) {
      test(`${name}: ${validity}`, () => {
        const result = watch(lines, run).get(id);
        assert.equal(result?.validity ?? "silent", validity, result?.summary);
        if (validity !== "invalid") return;
        assert.match(result?.summary ?? "", /[jk]\.\d/);
        assert.match(result?.summary ?? "", /^\d+\.\d{3} ms: (n\d|a node) /);
        assert.ok(result?.counterexample?.includes(result.summary));
      });
    }
  });
}

/** Two tenants submit tasks of 10 ms for ever; one worker serves them as `order` says, a letter a task. */
function served(order: string, weights = "a:1,b:1"): CheckResult | undefined {
  const lines = ["a", "b"].flatMap((tenant) =>
    Array.from({ length: order.length + 1 }, (_, index) => [
      `0 n1 accepted ${tenant}.${index} tenant=${tenant} o${index}`,
      `0 n1 ready ${tenant}.${index}`,
    ]).flat(),
  );
  const taken = { a: 0, b: 0 };
  for (const [index, letter] of [...order].entries()) {
    const task = `${letter}.${taken[letter as "a" | "b"]++}`;
    lines.push(`${index * 10} n1 started ${task}`, `${index * 10 + 10} n1 ended ${task} d10`);
  }
  return watch(lines, { settings: { tenants: weights } }).get("fairness");
}

describe("fairness", () => {
  test("taking turns differs by one task", () => {
    const result = served("ab".repeat(200));
    assert.equal(result?.validity, "valid");
    assert.match(result.summary, /at most 1\.00 times the largest task \(10\.0 ms\)/);
  });

  test("two for one is as it should be at weights of two and one, and not at equal ones for long", () => {
    assert.match(served("aab".repeat(150), "a:2,b:1")?.summary ?? "", /at most [12]\.\d\d times/);
    const unequal = served("aab".repeat(350));
    assert.equal(unequal?.validity, "invalid");
    assert.match(unequal.summary, /^a and b on n1 from 0\.000 to \d+\.000 ms/);
  });

  test("equal shares are not as they should be at weights of one and three, and soon show", () => {
    assert.match(served("ab".repeat(20), "a:1,b:3")?.summary ?? "", /differs by \d+\.\d ms, allowed are 120\.0 ms$/);
    assert.equal(served("abbb".repeat(20), "a:1,b:3")?.validity, "valid");
  });

  test("a tenant at its quota is not owed anything", () => {
    assert.equal(served("a".repeat(150), "a:1,b:1:500"), undefined);
    assert.equal(served("a".repeat(150), "a:1,b:1")?.validity, "invalid");
  });
});
