/**
 * Goal: the pool ends every task once, as the contract says a task ends; it orders, shares and preempts as promised;
 * and it can be closed whatever runs.
 *
 * Method: pools with real threads. Order and theft are made visible by a worker that stands still while tasks are
 * submitted; preemption by tasks that do not end unless they are asked to.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { FaultHandle } from "../../foundation/faults.ts";
import { waitUntil } from "../../platform/node/wait-until.ts";
import type { TaskBody, TaskEnd } from "../../scheduler/contract.ts";
import { AttemptLog } from "./attempt-log.ts";
import { submitTask } from "./pool.ts";
import { TaskPool } from "./task-pool.ts";
import type { TaskPoolOptions } from "./task-pool.ts";

async function open(context: TestContext, options: Partial<TaskPoolOptions> = {}): Promise<TaskPool> {
  const pool = await TaskPool.open({ workers: 1, ...options });
  context.after(() => pool.close());
  return pool;
}

/** The first worker takes nothing until that is healed. */
async function stallFirst(pool: TaskPool): Promise<FaultHandle> {
  const stall = pool.inject({ worker: 0, change: "stall" });
  await waitUntil("it stands still", () => stall.efficacy().count > 0);
  return stall;
}

const empty = { body: { kind: "spin", ms: 0 } } as const;
const module = new URL("./threads/calls.fixture.ts", import.meta.url).href;
/** Runs until it is asked to yield; what goes on from there returns at once. */
const untilAsked: TaskBody = { kind: "call", module, export: "countUntilAsked", args: [false] };

test("tasks end as the contract says", async (context) => {
  const pool = await open(context, { workers: 2 });
  const end = (body: Parameters<typeof pool.submit>[0]["body"]): Promise<TaskEnd> => submitTask(pool, { body });
  assert.deepEqual(await end(empty.body), { state: "completed", result: null });
  assert.deepEqual(await end({ kind: "call", module, export: "add", args: [1, 2] }), { state: "completed", result: 3 });
  const returned = await end({ kind: "fail", ms: 0, message: "twice", times: 2 });
  assert.deepEqual(returned, { state: "completed", result: null });
  const threw = await end({ kind: "fail", ms: 0, message: "always" });
  assert.deepEqual(threw, { state: "failed", reason: "threw", message: "always" });
  const crashed = await end({ kind: "crash", ms: 0 });
  assert.deepEqual(crashed, { state: "failed", reason: "crashed", message: "" });
  assert.equal(pool.counters["threads died"], 3);
});

test("a task whose thread is killed runs again, and no attempt counts for it", async (context) => {
  const observer = new AttemptLog();
  const pool = await open(context, { observer, maxAttempts: 1 });
  const end = submitTask(pool, { body: untilAsked });
  await observer.untilRunning(1);
  pool.inject({ worker: 0, change: "kill" });
  // Its next attempt starts from the beginning: it yields to this one, and then returns its state.
  while (observer.attempts.length < 2) await observer.untilRunning(1).then(() => new Promise(setImmediate));
  assert.deepEqual(await submitTask(pool, { ...empty, priority: 5 }), { state: "completed", result: null });
  const { state } = await end;
  assert.equal(state, "completed");
  assert.deepEqual(
    observer.attempts.map(({ ended }) => ended?.end),
    ["lost", "yielded", "completed", "completed"],
  );
});

test("higher priorities start first, equal ones in the order of their submission", async (context) => {
  const observer = new AttemptLog();
  const pool = await open(context, { observer, ageingMs: 0, quantumMs: 0 });
  const stall = await stallFirst(pool);
  const priorities = [1, 0, 2, 1, 0, 2, 99];
  const ends = priorities.map((priority, index) =>
    submitTask(pool, { body: { kind: "spin", ms: 0, returns: index }, priority }),
  );
  stall.heal();
  assert.ok((await Promise.all(ends)).every(({ state }) => state === "completed"));
  const order = observer.attempts.map(({ task }) => ("returns" in task.body ? task.body.returns : undefined));
  assert.deepEqual(order, [6, 2, 5, 0, 3, 1, 4]);
});

test("a worker's own lane is left alone without stealing, and emptied by others with it", async (context) => {
  for (const stealing of [false, true]) {
    const observer = new AttemptLog();
    const pool = await open(context, { workers: 2, stealing, observer });
    const stall = await stallFirst(pool);
    const task = { body: { kind: "sleep", ms: 1 }, affinity: 2 } as const; // Modulo the workers: the first one's.
    const ends = Promise.all(Array.from({ length: 20 }, () => submitTask(pool, task)));
    await submitTask(pool, { ...empty, affinity: 1 }); // The other worker has looked around.
    if (!stealing) stall.heal();
    await ends;
    stall.heal();
    const bound = observer.attempts.filter(({ task: { affinity } }) => affinity === 2);
    assert.deepEqual([...new Set(bound.map(({ worker }) => worker))], stealing ? [1] : [0]);
    assert.equal(observer.stealMs().length > 0, stealing); // Not one by one: a thief moves some to its own lane.
  }
});

test("a running task makes room for one of a higher priority, and goes on afterwards", async (context) => {
  const observer = new AttemptLog();
  const pool = await open(context, { observer, quantumMs: 1e6 });
  const long = submitTask(pool, { body: untilAsked });
  await observer.untilRunning(1);
  assert.equal((await submitTask(pool, { ...empty, priority: 1 })).state, "completed");
  const end = await long;
  assert.ok(end.state === "completed" && typeof end.result === "number", "it had a state to go on from");
  assert.deepEqual(
    observer.attempts.map(({ ended, task }) => [ended?.end, task.priority ?? 0]),
    [
      ["yielded", 0],
      ["completed", 1],
      ["completed", 0],
    ],
  );
});

test("a running task makes room for a tenant that has had less, once it has had its quantum", async (context) => {
  const observer = new AttemptLog();
  const tenants = ["rich", "poor"].map((name) => ({ name, weight: 1 }));
  const pool = await open(context, { observer, tenants, quantumMs: 5 });
  const long = submitTask(pool, { body: untilAsked, tenant: "rich" });
  await observer.untilRunning(1);
  await submitTask(pool, { ...empty, tenant: "poor" });
  const [first] = observer.attempts;
  assert.equal(first?.ended?.end, "yielded");
  assert.ok(first.ended.ranMs >= 5);
  assert.equal((await long).state, "completed");
});

test("nobody is asked to yield without preemption", async (context) => {
  const observer = new AttemptLog();
  const pool = await open(context, { observer, quantumMs: 0 });
  const long = submitTask(pool, { body: { kind: "sleep", ms: 20, checkpointMs: 1 } });
  await observer.untilRunning(1);
  await submitTask(pool, { ...empty, priority: 99 });
  assert.equal((await long).state, "completed");
  assert.equal(observer.attempts.length, 2);
});

test("what the pool cannot take is refused at once", async (context) => {
  const pool = await open(context, { slots: 4 });
  const ends = Array.from({ length: 4 }, () => submitTask(pool, { body: { kind: "sleep", ms: 1 } }));
  assert.throws(() => pool.submit(empty, () => undefined), /^Error: Cannot submit a task: 4 are pending/);
  assert.throws(
    () => pool.submit({ ...empty, tenant: "nobody" }, () => undefined),
    /tenant "nobody" is none of default/,
  );
  await Promise.all(ends);
  assert.equal((await submitTask(pool, empty)).state, "completed");
});

test("a pool can be closed whatever runs, and then tells of nothing", async (context) => {
  const observer = new AttemptLog();
  const pool = await open(context, { workers: 2, observer });
  let told = 0;
  for (let task = 0; task < 2; task++) pool.submit({ body: { kind: "spin", ms: 1e9 } }, () => told++);
  for (let task = 0; task < 100; task++) pool.submit(empty, () => told++);
  await observer.untilRunning(2);
  await pool.close();
  assert.equal(told, 0);
  assert.throws(() => pool.submit(empty, () => undefined), /closed pool/);
});

test("many tasks from many callbacks: each ends once", async (context) => {
  const pool = await open(context, { workers: 2 });
  const tasks = 10_000;
  const ends = new Uint8Array(tasks);
  await new Promise<void>((resolve) => {
    let [next, left] = [0, tasks];
    const submit = (): void => {
      const index = next++;
      const body = { kind: "spin", ms: 0, returns: index } as const;
      pool.submit({ body, priority: index % 3 }, (end) => {
        assert.deepEqual(end, { state: "completed", result: index });
        ends[index]!++;
        if (next < tasks) submit();
        if (--left === 0) resolve();
      });
    };
    while (next < 500) submit();
  });
  assert.ok(ends.every((count) => count === 1));
});
