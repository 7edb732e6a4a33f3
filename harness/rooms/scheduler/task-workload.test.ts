/**
 * Goal: what clients submit is the seed's: equal seeds make equal jobs whatever the interleaving, no two tasks have one
 * id, every dependency is one that was accepted, and a run's end waits for exactly what may still be open.
 * Method: clients served by a machine of a few lines, in two orders.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../../implementations/foundation/deployment.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { jobOf } from "../../../implementations/scheduler/contract.ts";
import type { SchedulerOperation, SchedulerResult, TaskSpec } from "../../../implementations/scheduler/contract.ts";
import type { TaskLoad, TaskWorkloadSpec } from "../../plan/plan.ts";
import { TaskWorkload } from "./task-workload.ts";

const load: TaskLoad = {
  tasksPerJob: 6,
  separateFraction: 0.5,
  statusFraction: 0.5,
  kinds: [
    { share: 3, kind: "spin", ms: 2, priority: 7 },
    { share: 1, kind: "sleep", ms: 20 },
  ],
  checkpointMs: 1,
  tenants: [
    { name: "a", share: 1 },
    { name: "b", share: 3 },
  ],
  topPriority: 9,
  resources: [{ cpuMilli: 500, memoryMb: 10 }],
  affinityFraction: 0.3,
  lanes: 2,
  throwFraction: 0.2,
  crashFraction: 0.1,
  forGoodFraction: 0.5,
  topTimes: 4,
  topAttempts: 4,
  callFraction: 0.1,
  dependencyFraction: 0.5,
  earlierFraction: 0.3,
  deadlineFraction: 0.3,
  deadlineMs: 40,
};

const workloadOf = (id: TaskWorkloadSpec["id"] = "tasks", tasks = load): TaskWorkload =>
  new TaskWorkload({ id, tasks }, seededRandom("tasks"));

/** Everything completes at once. */
function answer(operation: SchedulerOperation): Outcome<SchedulerResult> {
  if (operation.kind === "status") return { kind: "ok", result: { kind: "status", status: null } };
  const ids = operation.kind === "wait" ? operation.tasks : operation.tasks.map(({ id }) => id);
  const isEnded = operation.kind === "wait" || operation.untilEnded;
  const ended = isEnded ? ids.map((id) => [id, { state: "completed", result: id }] as const) : [];
  return { kind: "ok", result: { kind: operation.kind, ended } };
}

type Answer = (operation: SchedulerOperation, count: number) => Outcome<SchedulerResult>;

/** Serves clients in the order of `turns`; returns each client's operations. */
function serve(workload: TaskWorkload, turns: readonly number[], answering: Answer = answer): SchedulerOperation[][] {
  const operations: SchedulerOperation[][] = [[], [], []];
  for (const client of turns) {
    const call = workload.next(client);
    const own = operations[client]!;
    own.push(call.operation);
    workload.completed(client, call, answering(call.operation, own.length));
  }
  return operations;
}

const turns = Array.from({ length: 600 }, (_, turn) => turn % 3);
const tasksOf = (operations: readonly SchedulerOperation[]): readonly TaskSpec[] =>
  operations.flatMap((operation) => (operation.kind === "submit" ? operation.tasks : []));

test("what a client submits depends on its seed, not on how clients interleave; ids are unique", () => {
  const one = serve(workloadOf(), turns);
  assert.deepEqual(
    serve(
      workloadOf(),
      turns.toSorted((a, b) => a - b),
    ),
    one,
  );
  const ids = tasksOf(one.flat()).map(({ id }) => id);
  assert.ok(ids.length > 500);
  assert.equal(new Set(ids).size, ids.length);
});

test("a load's fractions are those of its tasks", () => {
  const tasks = tasksOf(serve(workloadOf(), turns).flat());
  const share = (holds: (task: TaskSpec) => boolean): number => tasks.filter(holds).length / tasks.length;
  const isNear = (found: number, wanted: number): void =>
    assert.ok(Math.abs(found - wanted) < 0.06, `${found.toFixed(3)} of ${wanted}`);
  isNear(
    share(({ body }) => body.kind === "fail"),
    0.2,
  );
  isNear(
    share(({ body }) => body.kind === "fail" && body.times === undefined),
    0.1,
  );
  isNear(
    share(({ body }) => body.kind === "crash"),
    0.1,
  );
  isNear(
    share(({ body }) => body.kind === "call"),
    0.1,
  );
  isNear(
    share(({ affinity }) => affinity !== undefined),
    0.3,
  );
  isNear(
    share(({ deadlineMs }) => deadlineMs === 40),
    0.3,
  );
  isNear(
    share(({ tenant }) => tenant === "b"),
    0.75,
  );
  const spinning = share(({ body }) => body.kind === "spin");
  isNear(spinning / (spinning + share(({ body }) => body.kind === "sleep")), 0.75);
  isNear(
    share(({ priority }) => priority === 7),
    0.75 + 0.25 * 0.1,
  );
  isNear(
    share(({ id, dependencies = [] }) => dependencies.some((other) => jobOf(other) !== jobOf(id))),
    0.3,
  );
  assert.ok(tasks.every(({ resources }) => resources?.cpuMilli === 500));
});

test("a dependency is an earlier task of the job, or of a job that was accepted", () => {
  const refusing: Answer = (operation, count) =>
    operation.kind === "submit" && count % 3 === 0 ? { kind: "fail", code: "UNAVAILABLE" } : answer(operation);
  for (const operations of serve(workloadOf(), turns, refusing)) {
    const accepted = new Set<string>();
    for (const [index, operation] of operations.entries()) {
      if (operation.kind !== "submit") continue;
      const job = new Set<string>();
      for (const { id, dependencies = [] } of operation.tasks) {
        for (const other of dependencies) assert.ok(job.has(other) || accepted.has(other), `${id} after ${other}`);
        job.add(id);
      }
      if ((index + 1) % 3 > 0) for (const id of job) accepted.add(id);
    }
  }
});

test("of the jobs that have to be refused, some have a circle and some need what nobody submitted", () => {
  const workload = workloadOf("tasks", { ...load, circleFraction: 0.3, strayFraction: 0.2 });
  const texts = Array.from({ length: 300 }, () => String(workload.next(1).value)).filter((text) => text.includes(":"));
  const share = (code: string): number => texts.filter((text) => text.endsWith(` !${code}`)).length / texts.length;
  assert.ok(Math.abs(share("DEPENDENCY_CYCLE") - 0.3 * (5 / 6)) < 0.08, String(share("DEPENDENCY_CYCLE")));
  assert.ok(Math.abs(share("UNKNOWN_DEPENDENCY") - 0.2) < 0.08, String(share("UNKNOWN_DEPENDENCY")));
  const circle = texts.find((text) => /^0:\w+\??<.*1.* 1:\w+\??<.*2.* 2:\w+\??<.*0/.test(text));
  assert.ok(circle?.endsWith(" !DEPENDENCY_CYCLE"), "a circle through three tasks is among them");
});

test("at the end, what may be open is waited for: not what was refused or has ended", () => {
  const codes = ["UNAVAILABLE", "REPLY_TIMEOUT"] as const;
  const workload = workloadOf("tasks", { ...load, separateFraction: 0, statusFraction: 0 });
  serve(workload, [0, 0, 0], (operation, count) => {
    const code = codes[count - 1];
    if (code === undefined) return answer(operation);
    return { kind: code === "UNAVAILABLE" ? "fail" : "info", code };
  });
  assert.deepEqual(workload.finalKeys(), ["c0-1"]);
  const { operation, f, key } = workload.read("c0-1");
  assert.deepEqual([f, key, operation.kind], ["wait", "c0-1", "wait"]);
  assert.ok(operation.kind === "wait" && operation.tasks[0] === "c0-1.0");
});

test("a job that comes before what it needs has to be refused, and comes again once that is there", () => {
  const workload = workloadOf("tasks", { ...load, prematureFraction: 1 });
  const refusing: Answer = (operation, count) =>
    count === 1 ? { kind: "fail", code: "UNKNOWN_DEPENDENCY" } : answer(operation);
  const texts = [1, 2, 3].map((count) => {
    const call = workload.next(1);
    workload.completed(1, call, refusing(call.operation, count));
    return `${call.key} ${String(call.value)}`;
  });
  assert.match(texts[0] ?? "", /^c1-0 0:\w+\??<.*c1-1\.0.* !UNKNOWN_DEPENDENCY$/);
  assert.match(texts[1] ?? "", /^c1-1 0:[^!]*$/);
  assert.equal(texts[2], texts[0]?.replace(" !UNKNOWN_DEPENDENCY", ""));
  assert.deepEqual(new Set(workload.finalKeys()), new Set(["c1-0", "c1-1"]));
});

test("a job that was not answered is submitted again, and is waited for at the end whatever becomes of that", () => {
  const workload = workloadOf("tasks", { ...load, resubmitFraction: 1 });
  const first = workload.next(1);
  workload.completed(1, first, { kind: "info", code: "REPLY_TIMEOUT" });
  const second = workload.next(1);
  assert.deepEqual(second, first);
  workload.completed(1, second, { kind: "fail", code: "UNAVAILABLE" });
  assert.deepEqual(workload.finalKeys(), ["c1-0"]);
});

test("an impostor means other tasks by the ids of an accepted job, once, and changes nothing of what is open", () => {
  const workload = workloadOf("tasks", { ...load, separateFraction: 1, statusFraction: 0, impostorFraction: 1 });
  const calls = [1, 2, 3, 4].map(() => {
    const call = workload.next(1);
    const isImpostor = String(call.value).endsWith(" !ALREADY_EXISTS");
    const outcome = call.operation.kind === "wait" ? ({ kind: "info", code: "REPLY_TIMEOUT" } as const) : undefined;
    const refused = { kind: "fail", code: "ALREADY_EXISTS" } as const;
    workload.completed(1, call, outcome ?? (isImpostor ? refused : answer(call.operation)));
    return call;
  });
  const [first, wait, impostor, next] = calls.map(({ operation }) => operation);
  assert.ok(first?.kind === "submit" && impostor?.kind === "submit" && next?.kind === "submit");
  assert.equal(wait?.kind, "wait");
  assert.deepEqual(
    impostor.tasks.map(({ id }) => id),
    first.tasks.map(({ id }) => id),
  );
  for (const [index, task] of impostor.tasks.entries()) assert.notDeepEqual(task, first.tasks[index]);
  assert.deepEqual(workload.finalKeys(), ["c1-0", "c1-1"]);
});

test("in a confluent load no task has two dependencies that fail: which one it fails over would be chance", () => {
  const fails = new Set<string>();
  let doubly = 0;
  for (const id of ["confluent", "tasks"] as const) {
    doubly = 0;
    for (const task of serve(workloadOf(id, { ...load, dependencyFraction: 1 }), turns).flatMap((own) =>
      tasksOf(own),
    )) {
      const { body, dependencies = [] } = task;
      const failing = dependencies.filter((other) => fails.has(other)).length;
      if (failing > 1) doubly++;
      const isFailing = (body.kind === "fail" || body.kind === "crash") && body.times === undefined;
      if (isFailing || failing > 0) fails.add(task.id);
    }
    if (id === "confluent") assert.equal(doubly, 0);
  }
  assert.ok(doubly > 10, "elsewhere there are such tasks");
});

test("a confluent load has no deadlines and repeats until it knows", () => {
  const workload = workloadOf("confluent");
  assert.equal(workload.untilDefinite, true);
  assert.ok(tasksOf(serve(workload, turns).flat()).every(({ deadlineMs }) => deadlineMs === undefined));
  assert.equal(workloadOf().untilDefinite, false);
});
