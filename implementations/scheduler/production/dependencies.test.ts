/**
 * Goal: a task starts once all it waits for has completed, and fails with the first that failed, along chains of any
 * length.
 * Method: graphs in a table, ends given by hand; the effects are written down in order.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskEnd } from "../contract.ts";
import { isRefusal, readTask } from "./admitted-task.ts";
import { settleDependants } from "./dependencies.ts";
import { findCycle } from "./dependency-cycle.ts";
import { newTask, TaskTable } from "./task-table.ts";
import type { Task } from "./task-table.ts";

const completed: TaskEnd = { state: "completed", result: null };
const threw: TaskEnd = { state: "failed", reason: "threw", message: "no" };

function tableOf(graph: Readonly<Record<string, readonly string[]>>): TaskTable {
  const table = new TaskTable(1000);
  for (const [order, [name, dependencies]] of Object.entries(graph).entries()) {
    const spec = readTask(
      { id: `j.${name}`, body: { kind: "spin", ms: 1 }, dependencies: dependencies.map((each) => `j.${each}`) },
      "",
    );
    assert.ok(!isRefusal(spec), JSON.stringify(spec));
    const task = newTask(spec, { order, acceptedMs: 0, ageingMs: 0 }, spec.dependencies);
    task.phase = "blocked";
    table.add(task);
  }
  return table;
}

function settle(table: TaskTable, name: string, end: TaskEnd): string[] {
  const seen: string[] = [];
  const task = table.find(`j.${name}`);
  if (task !== undefined) table.conclude(task, end);
  settleDependants(table, `j.${name}`, end, {
    released: ({ id }) => void seen.push(`${id} released`),
    failed: (each: Task, how) => {
      assert.ok(how.state === "failed");
      seen.push(`${each.id} failed over ${how.message}`);
      table.conclude(each, how);
    },
  });
  return seen;
}

test("the last of several dependencies releases a task, once", () => {
  const table = tableOf({ a: [], b: [], c: ["a", "b"], d: ["b"] });
  assert.deepEqual(settle(table, "a", completed), []);
  assert.deepEqual(settle(table, "b", completed), ["j.c released", "j.d released"]);
  assert.equal(table.hasDependants("j.b"), false);
});

test("a failure takes along whoever waits, and whoever waits for them, each once", () => {
  const table = tableOf({ a: [], other: [], b: ["a"], c: ["a", "b"], d: ["c", "other"], free: ["other"] });
  assert.deepEqual(settle(table, "a", threw), ["j.b failed over j.a", "j.c failed over j.a", "j.d failed over j.c"]);
  assert.deepEqual(settle(table, "other", completed), ["j.free released"]);
});

test("a chain longer than any stack fails to its end", () => {
  const length = 20_000;
  const graph = Object.fromEntries(
    Array.from({ length }, (_, index) => [`t${index}`, index === 0 ? [] : [`t${index - 1}`]]),
  );
  assert.equal(settle(tableOf(graph), "t0", threw).length, length - 1);
});

test("a circle is found wherever it hides, and only if there is one", () => {
  const of = (graph: Readonly<Record<string, readonly string[]>>): readonly string[] | undefined =>
    findCycle(Object.entries(graph).map(([id, dependencies]) => ({ id, dependencies })));
  assert.equal(of({ a: [], b: ["a"], c: ["a", "b", "elsewhere"] }), undefined);
  assert.deepEqual(of({ a: ["a"] }), ["a"]);
  assert.deepEqual(of({ root: [], entry: ["root", "x"], x: ["y"], y: ["z"], z: ["x", "root"], after: ["entry"] }), [
    "x",
    "y",
    "z",
  ]);
});
