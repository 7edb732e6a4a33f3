/**
 * Goal: a script's stage says valid only of a script that went as it says, and measures nothing otherwise.
 * Method: scripts of a few tasks in virtual time, with an expectation that holds and with ones that do not.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskSpec } from "../implementations/scheduler/contract.ts";
import { completedTasks } from "./measure/scheduler-probes.ts";
import type { StageResult } from "./plan/experiment.ts";
import type { TaskScript } from "./plan/task-script.ts";
import { taskScriptStage } from "./task-script-stage.ts";

const sleep = (id: string, rest: Omit<TaskSpec, "id" | "body"> = {}): TaskSpec => ({
  ...{ id, body: { kind: "sleep", ms: 5 } },
  ...rest,
});
const circle = [sleep("c.1", { dependencies: ["c.2"] }), sleep("c.2", { dependencies: ["c.1"] })];

function ran(script: Omit<TaskScript, "nodes" | "settings">, implementation = "minimal"): Promise<StageResult> {
  const stage = taskScriptStage({
    ...{ experiment: "e", block: 0, label: "l", implementations: [implementation], substrate: "simulated", seed: "s" },
    estimateS: 1,
    variants: [
      {
        name: "v",
        script: { nodes: 1, settings: { workers: 2 }, ...script },
        probes: [completedTasks],
        keepsAttempts: true,
      },
    ],
    relate: (measured) => [{ metric: "related", value: measured.size, unit: "count" }],
  });
  return stage.run({ workDirectory: "/nowhere", signal: new AbortController().signal, onProgress: () => undefined });
}

const metricsOf = ({ rows }: StageResult) =>
  (rows.measurements ?? []).map(({ metric, value }) => [String(metric), Number(value)] as const);

for (const implementation of ["minimal", "production"]) {
  test(`${implementation}: what goes as the script says is valid, and measured`, async () => {
    const result = await ran(
      {
        submissions: [
          { at: 0, tasks: [sleep("a.1"), sleep("a.2", { dependencies: ["a.1"], tenant: "default" })] },
          { at: "answered", tasks: circle, refusedWith: "DEPENDENCY_CYCLE" },
          { at: 40, tasks: [sleep("b.1", { dependencies: ["a.2"], affinity: 1 })] },
        ],
      },
      implementation,
    );
    assert.equal(result.validity, "valid", result.summary);
    assert.deepEqual(metricsOf(result), [
      ["tasks-accepted@v", 3],
      ["tasks-completed-ratio@v", 1],
      ["related", 1],
    ]);
    const attempts = result.rows.attempts ?? [];
    assert.deepEqual(
      attempts.map(({ task, end }) => [task, end]),
      [
        ["a.1", "completed"],
        ["a.2", "completed"],
        ["b.1", "completed"],
      ],
    );
    assert.ok(Number(attempts[2]?.start_s) >= 0.04, "not before its time");
    assert.ok(
      (result.rows.checks ?? []).some(({ check, verdict }) => check === "every-task-ends" && verdict === "valid"),
    );
  });
}

test("what is accepted though it has to be refused, or refused though it may not, is invalid and not measured", async () => {
  for (const submissions of [
    [{ at: 0, tasks: [sleep("a.1")], refusedWith: "DEPENDENCY_CYCLE" }],
    [{ at: 0, tasks: circle }],
    [{ at: 0, tasks: circle, refusedWith: "UNKNOWN_DEPENDENCY" }],
  ] as const) {
    const result = await ran({ submissions });
    assert.equal(result.validity, "invalid");
    assert.match(result.summary, /instead of/);
    assert.deepEqual(metricsOf(result), []);
    assert.equal(result.implementations[0]?.status, "void");
  }
});

test("a script with an end leaves waiting what waits, and says nothing of its end", async () => {
  const tasks = Array.from({ length: 100 }, (_, index) => sleep(`a.${index}`));
  const result = await ran({ submissions: [{ at: 0, tasks }], untilMs: 50 });
  assert.equal(result.validity, "valid", result.summary);
  assert.ok(!(result.rows.checks ?? []).some(({ check }) => check === "every-task-ends"));
  const open = (result.rows.attempts ?? []).filter(({ end }) => end === "open");
  assert.equal(open.length, 2);
});
