/**
 * Goal: a peer names what it lacks when a task asks for it, takes what amounts to nothing, and refuses bad form first.
 * Method: rows; the suite of all schedulers does the same through the door.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SchedulerOperation, TaskSpec } from "../../../scheduler/contract.ts";
import { bullmqRules, piscinaRules, pQueueRules } from "./abilities.ts";
import { refusalOf } from "./peer-rules.ts";

const submission = (more: Partial<TaskSpec>): SchedulerOperation => ({
  kind: "submit",
  tasks: [
    { id: "j.a", body: { kind: "spin", ms: 0 } },
    { id: "j.b", body: { kind: "spin", ms: 0 }, ...more },
  ],
  untilEnded: true,
});

for (const rules of [pQueueRules, piscinaRules, bullmqRules]) {
  test(rules.name, () => {
    const rows: readonly (readonly [Partial<TaskSpec>, RegExp])[] = [
      [{ dependencies: ["j.a"] }, /j\.b: .* has no dependencies; it asks for dependencies on j\.a/],
      [{ tenant: "other" }, /has no tenants; it asks for tenant other/],
      [{ affinity: 0 }, /has no affinity/],
      [{ deadlineMs: 10 }, /has no deadlines/],
      [{ resources: { cpuMilli: 1001, memoryMb: 0 } }, /has no quotas/],
      [{ resources: { cpuMilli: 1, memoryMb: 1 } }, /has no quotas/],
      [{ priority: 100 }, /allowed is a whole number in \[0, 99\]/],
    ];
    for (const [wish, reason] of rows) {
      const refusal = refusalOf(submission(wish), rules);
      assert.equal(refusal?.code, "MALFORMED_REQUEST", JSON.stringify(wish));
      assert.match(refusal.reason, reason);
    }
    const nothing: Partial<TaskSpec> = { dependencies: [], tenant: "default", priority: 0, maxAttempts: 100 };
    for (const wish of [{}, nothing, { resources: { cpuMilli: 500, memoryMb: 0 } }]) {
      assert.equal(refusalOf(submission(wish), rules), undefined, JSON.stringify(wish));
    }
    const prioritised = refusalOf(submission({ priority: 1 }), rules);
    assert.equal(prioritised?.reason, rules === piscinaRules ? noPriorities : undefined);
    const crashing = refusalOf(submission({ body: { kind: "crash", ms: 0 } }), rules);
    assert.equal(crashing?.code, rules === pQueueRules ? "MALFORMED_REQUEST" : undefined);
  });
}

const noPriorities = "j.b: piscina has no priorities; it asks for priority 1";

test("to wait and to ask takes ids", () => {
  assert.equal(refusalOf({ kind: "status", task: "j.a" }, pQueueRules), undefined);
  assert.match(refusalOf({ kind: "status", task: "j" }, pQueueRules)?.reason ?? "", /^status: task is "j"/);
  assert.match(refusalOf({ kind: "wait", tasks: ["j"] }, pQueueRules)?.reason ?? "", /^wait: tasks\[0\] is "j"/);
});
