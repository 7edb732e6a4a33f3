/**
 * Goal: the minimal scheduler as a library executes everything it is given, in order, and says how it ended.
 * Method: a pool on this thread and on its clock; tasks that take no time, so that nothing is waited for.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeClock } from "../../platform/node/clock.ts";
import { AssertionError } from "../../foundation/assert.ts";
import type { TaskBody } from "../../scheduler/contract.ts";
import { MinimalPool } from "./minimal-pool.ts";
import { submitTask } from "./pool.ts";

const module = new URL("./sample-tasks.ts", import.meta.url).href;

test("tasks end in the order of their priorities, each once, and none is told before submit has returned", async () => {
  const pool = new MinimalPool({ clock: nodeClock });
  const ended: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let index = 0; index < 100; index++) {
    const task = { body: { kind: "spin", ms: 0, returns: index }, priority: index % 3 } as const;
    pool.submit(task, (end) => {
      if (ended.push(end.state === "completed" ? Number(end.result) : -1) === 100) resolve();
    });
  }
  assert.deepEqual(ended, []);
  await promise;
  // The first one was begun when nobody else was there.
  const rest = Array.from({ length: 99 }, (_, index) => index + 1).toSorted((a, b) => (b % 3) - (a % 3));
  assert.deepEqual(ended, [0, ...rest]);
});

test("calls, failures and retries end as the scheduler has them", async () => {
  const pool = new MinimalPool({ clock: nodeClock });
  const bodies: readonly TaskBody[] = [
    { kind: "call", module, export: "echo", args: [{ a: 1 }] },
    { kind: "crash", ms: 0, times: 2 },
    { kind: "fail", ms: 0, message: "no" },
    { kind: "call", module, export: "nothing", args: [] },
  ];
  assert.deepEqual(await Promise.all(bodies.map((body) => submitTask(pool, { body }))), [
    { state: "completed", result: { a: 1 } },
    { state: "completed", result: null },
    { state: "failed", reason: "threw", message: "no" },
    { state: "failed", reason: "threw", message: `There is no function nothing in ${module}` },
  ]);
});

test("a task may submit another one from its end", async () => {
  const pool = new MinimalPool({ clock: nodeClock });
  const { promise, resolve } = Promise.withResolvers<number>();
  const next = (left: number): void =>
    pool.submit({ body: { kind: "spin", ms: 0 } }, () => (left === 0 ? resolve(left) : next(left - 1)));
  next(10_000);
  assert.equal(await promise, 0);
});

test("what is malformed is refused, and a closed pool takes nothing and tells nothing", async () => {
  const pool = new MinimalPool({ clock: nodeClock });
  assert.throws(() => pool.submit({ body: { kind: "spin", ms: -1 } }, () => undefined), /ms is -1; allowed is/);
  let told = 0;
  pool.submit({ body: { kind: "spin", ms: 0 } }, () => told++);
  await pool.close();
  await Promise.resolve();
  assert.equal(told, 0);
  assert.throws(() => pool.submit({ body: { kind: "spin", ms: 0 } }, () => undefined), AssertionError);
});
