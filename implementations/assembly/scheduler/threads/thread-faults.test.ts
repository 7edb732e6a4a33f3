/**
 * Goal: threads that are killed or stalled lose no task and end none twice, and all threads end when they are told to.
 *
 * Method: real threads, killed at random moments (a bounded number of times, from a printed seed) under small tasks,
 * calls and tasks that never end by themselves; what was lost is offered again as the scheduler would. The trial checks
 * that each attempt starts once and ends once; the test, that each task completes once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../foundation/prng.ts";
import type { TaskBody } from "../../../scheduler/contract.ts";
import { waitUntil } from "../../../platform/node/wait-until.ts";
import { RunQueueWorker } from "../../../scheduler/production/run-queue-worker.ts";
import type { Ended } from "../task-executor.ts";
import { ThreadsTrial, callOf } from "./threads-trial.fixture.ts";

const endless: TaskBody = { kind: "spin", ms: 1e9 };

test("a killed thread's task is lost and told of once, wherever the thread was", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const bodies: readonly TaskBody[] = [
    endless,
    { kind: "sleep", ms: 1e9 },
    callOf("spinForever"),
    callOf("throwOutside"),
  ];
  for (const body of bodies.slice(0, 3)) {
    const attempt = trial.start(body);
    await attempt.started;
    const kill = trial.threads.inject({ worker: 0, change: "kill" });
    const ended = await attempt.ended;
    assert.equal(ended.end, "lost");
    assert.deepEqual(kill.efficacy(), { count: 1, unit: "threads ended" });
    kill.heal();
    assert.equal(await trial.result(callOf("add", 1, 1)), 2);
  }
  assert.equal(trial.threads.counters["threads died"], 3);
});

test("the thread of an attempt can be ended, and of no other attempt", async (context) => {
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  const [one, other] = [trial.start(callOf("spinForever")), trial.start(endless)];
  await Promise.all([one.started, other.started]);
  const idle = trial.owner.allocate();
  trial.threads.endThread(idle);
  trial.threads.endThread(one.slot);
  assert.equal((await one.ended).end, "lost");
  assert.equal(await trial.result(callOf("add", 1, 2)), 3, "a successor has its number");
  trial.threads.endThread(one.slot); // The slot of the last one again, perhaps; nothing runs in it.
  assert.equal(await trial.result(callOf("add", 3, 4)), 7);
  assert.equal(trial.threads.counters["threads died"], 1);
  trial.threads.endThread(other.slot);
  assert.equal((await other.ended).end, "lost");
});

test("of several kills at once, and of a thread that has yet to start, every one counts", async (context) => {
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  const kills = [0, 1, 2, 3].map((worker) => trial.threads.inject({ worker, change: "kill" }));
  const again = await trial.run({ kind: "spin", ms: 0 });
  assert.ok(again.end === "completed" || again.end === "lost");
  await Promise.all([
    trial.run({ kind: "sleep", ms: 5 }, { lane: 0 }),
    trial.run({ kind: "sleep", ms: 5 }, { lane: 1 }),
  ]);
  // One worker may have run both, while the other's thread is still about to end.
  await waitUntil("every kill has counted", () => kills.every((kill) => kill.efficacy().count === 1));
});

test("a thread that dies between claiming a task and saying so has lost it", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const stall = trial.threads.inject({ worker: 0, change: "stall" });
  await waitUntil("it stands still", () => stall.efficacy().count > 0);
  const attempt = trial.start(callOf("add", 1, 2));
  // In the name of the worker that stands still: what its thread would have done, and nothing more.
  const worker = new RunQueueWorker(trial.runQueue, 0, { stealing: true });
  assert.equal(worker.take(performance.now())?.slot, attempt.slot);
  trial.threads.inject({ worker: 0, change: "kill" });
  assert.equal((await attempt.started).token, attempt.token);
  assert.equal((await attempt.ended).end, "lost");
  stall.heal();
  assert.equal(await trial.result(callOf("add", 1, 2)), 3);
});

test("an end that was told is not told again, although the scheduler still keeps the slot", async (context) => {
  const trial = await ThreadsTrial.open(context);
  trial.freesSlots = false;
  for (let task = 0; task < 3; task++) assert.equal(await trial.result(callOf("add", 1, 2)), 3);
  const kill = trial.threads.inject({ worker: 0, change: "kill" });
  await waitUntil("its thread has ended", () => kill.efficacy().count === 1); // Or it might take the next one along.
  assert.equal(await trial.result(callOf("add", 3, 4)), 7); // The trial checks that each attempt ends once.
});

test("threads killed at random moments lose no task and end none twice", async (context) => {
  const seed = 20261124;
  context.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  const kinds: readonly TaskBody[] = [
    { kind: "spin", ms: 0 },
    { kind: "spin", ms: 0.05 },
    { kind: "sleep", ms: 0.1 },
    callOf("add", 1, 2),
    callOf("addLater", 1, 2),
  ];
  const tasks = 4000;
  const windowTasks = 200;
  const fewestKills = 6;
  const completed = new Int32Array(tasks);
  let [next, left, kills, lost] = [0, tasks, 0, 0];
  await new Promise<void>((resolve, reject) => {
    const onEnded = (task: number, body: TaskBody, { end, message }: Ended): void => {
      if (end === "lost") {
        lost++;
        run(task, body);
        return;
      }
      if (end !== "completed") reject(new Error(`task ${task} ${end}: ${message}`));
      completed[task]!++;
      left--;
      if (left === 0) resolve();
      else if (next < tasks) submit();
      // A thread is hit between two tasks as well; the test is about those that it is hit in.
      if ((kills < fewestKills || lost === 0) && random.below(150) === 0) {
        kills++;
        trial.threads.inject({ worker: random.below(2), change: "kill" });
      }
    };
    const run = (task: number, body: TaskBody): void => {
      trial.run(body).then((ended) => onEnded(task, body, ended), reject);
    };
    const submit = (): void => run(next++, kinds[random.below(100) < 90 ? 0 : random.below(kinds.length)]!);
    for (let count = 0; count < windowTasks; count++) submit();
  });
  assert.ok(
    completed.every((count) => count === 1),
    "every task completed once",
  );
  assert.ok(kills >= fewestKills);
  assert.ok(lost > 0, "some kill hit a task");
  context.diagnostic(`${kills} kills, ${lost} attempts lost`);
  for (const { starts, ends } of trial.attempts.values()) assert.deepEqual([starts, ends], [1, 1]);
});

test("a stalled worker takes nothing until it is healed", async (context) => {
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  const stall = trial.threads.inject({ worker: 0, change: "stall" });
  // From then on: before that it may be on its way to take something.
  await waitUntil("it stands still", () => stall.efficacy().count > 0);
  for (let task = 0; task < 50; task++) {
    const { started, ended } = trial.start({ kind: "spin", ms: 0 });
    assert.equal((await started).worker, 1); // What is offered goes to the other one.
    await ended;
  }
  assert.equal(stall.efficacy().unit, "ms stood still");
  stall.heal();
  stall.heal();
  const standMs = stall.efficacy().count;
  await trial.run({ kind: "sleep", ms: 2 }, { lane: 0 });
  assert.equal(stall.efficacy().count, standMs, "what it did ended with its healing");
});

for (const kind of ["spin", "sleep"] as const) {
  test(`a worker that is stalled in a task to ${kind} does not go on with it until it is healed`, async (context) => {
    const trial = await ThreadsTrial.open(context, { workers: 2 });
    for (let ms = 20; ms < 3000; ms *= 2) {
      const held = trial.start({ kind, ms });
      let isOver = false;
      void held.ended.then(() => (isOver = true));
      const { worker, startedMs } = await held.started;
      const stall = trial.threads.inject({ worker, change: "stall" });
      await waitUntil("it stands still", () => stall.efficacy().count > 0);
      trial.threads.look(); // What it told before.
      await new Promise(setImmediate);
      // On a busy machine the task may have ended before the stall began: then a longer one is tried.
      if (isOver) {
        stall.heal();
        continue;
      }
      const overMs = startedMs + 2 * ms;
      while (performance.now() < overMs) await trial.run({ kind: "sleep", ms: 5 }); // By the other one.
      assert.ok(!isOver, `${kind} on ${worker} stands still for longer than it takes`);
      stall.heal();
      await held.ended;
      return;
    }
    assert.fail("however long the task, it is over before the stall begins");
  });
}

test("a stall outlasts the thread that suffers it", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const attempt = trial.start(endless);
  await attempt.started;
  const stall = trial.threads.inject({ worker: 0, change: "stall" });
  trial.threads.inject({ worker: 0, change: "kill" });
  assert.equal((await attempt.ended).end, "lost");
  const next = trial.run({ kind: "spin", ms: 0 });
  await new Promise((resolve) => trial.threads.resolveCall("fast-check", "assert", resolve)); // A thread's start later.
  assert.ok([...trial.attempts.values()].at(-1)?.starts === 0, "the successor stands still too");
  stall.heal();
  assert.equal((await next).end, "completed");
});

test("threads end when they are told to, spinning, sleeping or stalled", async (context) => {
  for (const body of [endless, { kind: "sleep", ms: 1e9 } as const, callOf("spinForever")]) {
    const trial = await ThreadsTrial.open(context, { workers: 2 });
    const attempts = [trial.start(body), trial.start(body)];
    await Promise.all(attempts.map(({ started }) => started));
    const stall = trial.threads.inject({ worker: 1, change: "stall" });
    const startedMs = performance.now();
    await trial.stop();
    assert.ok(performance.now() - startedMs < 4500, "before those are given up that do not end");
    stall.heal();
    assert.ok(
      [...trial.attempts.values()].every(({ ends }) => ends === 0),
      "nothing is told of after the stop",
    );
  }
});

test("ends that the main thread does not look at are bounded, and none is lost or damaged", async (context) => {
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  const lengths = Array.from({ length: 1200 }, (_, index) => (index * 7919) % 16_000);
  const running = lengths.map((length) => trial.run(callOf("text", length)));
  // The rings fill meanwhile, several times over if they could; on a busy machine less.
  const busyUntilMs = performance.now() + 100;
  while (performance.now() < busyUntilMs);
  for (const [index, ended] of (await Promise.all(running)).entries()) {
    assert.equal(ended.result, "x".repeat(lengths[index] ?? -1));
  }
});
