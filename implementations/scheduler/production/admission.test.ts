/**
 * Goal: everything that a client can get wrong is refused with a code and a reason that names it, and what is right is
 * taken.
 * Method: admission alone, with a table of tasks and answers of others made up; each case submits once.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "../../foundation/errors.ts";
import { homeOf } from "../contract.ts";
import type { TaskSpec } from "../contract.ts";
import { AdmissionControl } from "./admission.ts";
import type { Admission, AdmissionPorts } from "./admission.ts";
import { isRefusal, readTask } from "./admitted-task.ts";
import type { Refusal } from "./admitted-task.ts";
import { newTask, TaskTable } from "./task-table.ts";

const nodes = ["n1", "n2"];
const job = ["a", "b", "c", "d", "e"].find((each) => homeOf(each, nodes) === "n1") ?? "";
const otherJob = ["a", "b", "c", "d", "e"].find((each) => homeOf(each, nodes) === "n2") ?? "";
const quick = { kind: "spin", ms: 1 } as const;
const spec = (name: string, more: Partial<TaskSpec> = {}): TaskSpec => ({ id: `${job}.${name}`, body: quick, ...more });

function submit(tasks: unknown, ports: Partial<AdmissionPorts> = {}): Admission | Refusal {
  const table = new TaskTable(10);
  const known = readTask(spec("known"), "tasks[0]");
  assert.ok(!isRefusal(known));
  table.add(newTask(known, { order: 0, acceptedMs: 0, ageingMs: 0 }, []));
  const admission = new AdmissionControl({
    id: "n1",
    founders: nodes,
    table,
    allowances: new Map([
      ["default", { cpuMilli: 2000, memoryMb: 512 }],
      ["small", { cpuMilli: 500, memoryMb: 512 }],
    ]),
    queueLimit: 300,
    requestTimeoutMs: 100,
    resolveCall: (module, exported, done) => done(module === "m" ? undefined : `no ${exported} in ${module}`),
    inquire: (asked, _limitMs, done) => done(new Map([...asked].map((id) => [id, "pending" as const]))),
    obstacle: () => undefined,
    ...ports,
  });
  let outcome: Admission | Refusal | undefined;
  admission.submit(tasks, (found) => {
    assert.equal(outcome, undefined, "it is answered once");
    outcome = found;
  });
  assert.ok(outcome !== undefined);
  return outcome;
}

function refuses(what: string, tasks: unknown, code: ErrorCode, reason: RegExp, ports?: Partial<AdmissionPorts>): void {
  test(`${what} is refused`, () => {
    const outcome = submit(tasks, ports);
    assert.ok(isRefusal(outcome), "refused");
    assert.equal(outcome.code, code);
    assert.match(outcome.reason, reason);
  });
}

const circle = (length: number): TaskSpec[] =>
  Array.from({ length }, (_, index) => spec(`t${index}`, { dependencies: [`${job}.t${(index + 1) % length}`] }));
const body = (more: object): unknown => [{ ...spec("t"), body: more }];
const task = (more: object): unknown => [{ ...spec("t"), ...more }];

refuses("nothing at all", [], "MALFORMED_REQUEST", /0 tasks; allowed are 1 to 256/);
refuses("what is no list", { id: "x" }, "MALFORMED_REQUEST", /allowed are 1 to 256/);
refuses("too long a list", circle(257), "MALFORMED_REQUEST", /257 tasks/);
refuses("what is no task", [7], "MALFORMED_REQUEST", /tasks\[0\] is 7/);
refuses("an id without a job", task({ id: "x" }), "MALFORMED_REQUEST", /id is "x"; allowed is JOB.NAME/);
refuses("an id with a space", task({ id: `${job}.a b` }), "MALFORMED_REQUEST", /JOB.NAME/);
refuses("too long a name", task({ id: `${job}.${"x".repeat(65)}` }), "MALFORMED_REQUEST", /JOB.NAME/);
refuses("an id twice", [spec("t"), spec("t")], "MALFORMED_REQUEST", /twice/);
refuses("a second job", [spec("t"), { ...spec("t"), id: "zz.t" }], "MALFORMED_REQUEST", /not of job/);
refuses("another home's job", [{ ...spec("t"), id: `${otherJob}.t` }], "MALFORMED_REQUEST", /home on n2/);
refuses("a misspelt field", task({ dependancies: [] }), "MALFORMED_REQUEST", /no field "dependancies"; there are id,/);
refuses("a priority too high", task({ priority: 100 }), "MALFORMED_REQUEST", /priority is 100; .*\[0, 99\]/);
refuses("half a priority", task({ priority: 0.5 }), "MALFORMED_REQUEST", /priority is 0.5/);
refuses("a negative deadline", task({ deadlineMs: -1 }), "MALFORMED_REQUEST", /deadlineMs is -1/);
refuses("no attempt", task({ maxAttempts: 0 }), "MALFORMED_REQUEST", /maxAttempts is 0; .*\[1, 100\]/);
refuses("a negative lane", task({ affinity: -1 }), "MALFORMED_REQUEST", /affinity is -1/);
refuses(
  "negative resources",
  task({ resources: { cpuMilli: -1, memoryMb: 0 } }),
  "MALFORMED_REQUEST",
  /cpuMilli is -1/,
);
refuses("half a resource", task({ resources: { cpuMilli: 1 } }), "MALFORMED_REQUEST", /memoryMb is undefined/);
refuses(
  "an endless resource",
  task({ resources: { cpuMilli: Infinity, memoryMb: 0 } }),
  "MALFORMED_REQUEST",
  /cpuMilli/,
);
refuses("too many dependencies", task({ dependencies: circle(65).map(({ id }) => id) }), "MALFORMED_REQUEST", /65/);
refuses("a dependency that is no id", task({ dependencies: ["x"] }), "MALFORMED_REQUEST", /dependencies\[0\] is "x"/);
refuses("a body without a kind", body({}), "MALFORMED_REQUEST", /body.kind is undefined/);
refuses("an unknown kind", body({ kind: "dance" }), "UNKNOWN_TASK", /"dance"; there are spin, sleep/);
refuses("a negative time", body({ kind: "spin", ms: -1 }), "MALFORMED_REQUEST", /body.ms is -1/);
refuses("no time", body({ kind: "spin", ms: NaN }), "MALFORMED_REQUEST", /body.ms is NaN/);
refuses(
  "checkpoints without end",
  body({ kind: "spin", ms: 1, checkpointMs: 0 }),
  "MALFORMED_REQUEST",
  /checkpointMs is 0/,
);
refuses(
  "a foreign field of a body",
  body({ kind: "crash", ms: 1, message: "" }),
  "MALFORMED_REQUEST",
  /no field "message"/,
);
const calling = (name: string, module: string, exported: string): TaskSpec =>
  spec(name, { body: { kind: "call", module, export: exported, args: [] } });
refuses(
  "a call whose module and export read like another's together",
  [calling("one", "a b", "c"), calling("other", "a", "b c")],
  "UNKNOWN_TASK",
  /one: no c in a b/,
  { resolveCall: (module, exported, done) => done(module === "a" ? undefined : `no ${exported} in ${module}`) },
);
refuses(
  "a result that is not JSON",
  body({ kind: "spin", ms: 1, returns: { a: [NaN] } }),
  "MALFORMED_REQUEST",
  /returns.a\[0\] is NaN/,
);
refuses(
  "arguments that are no list",
  body({ kind: "call", module: "m", export: "f", args: {} }),
  "MALFORMED_REQUEST",
  /args/,
);
refuses(
  "an argument that is not JSON",
  body({ kind: "call", module: "m", export: "f", args: [1, new Date(0)] }),
  "MALFORMED_REQUEST",
  /args\[1\] is a Date/,
);
refuses(
  "an undefined argument",
  body({ kind: "call", module: "m", export: "f", args: [undefined] }),
  "MALFORMED_REQUEST",
  /args\[0\] is undefined/,
);
refuses(
  "too long a body",
  body({ kind: "call", module: "m", export: "f", args: ["x".repeat(20_000)] }),
  "MALFORMED_REQUEST",
  /at most 16384/,
);
refuses("an unknown module", body({ kind: "call", module: "x", export: "f", args: [] }), "UNKNOWN_TASK", /no f in x/);
refuses("an unknown tenant", task({ tenant: "who" }), "UNKNOWN_TENANT", /no tenant who; there are default, small/);
refuses("an unknown dependency", task({ dependencies: [`${job}.x`] }), "UNKNOWN_DEPENDENCY", /was never accepted/);
refuses("a task that waits for itself", circle(1), "DEPENDENCY_CYCLE", /t0 -> .*t0/);
for (const length of [2, 3, 256]) refuses(`a circle of ${length}`, circle(length), "DEPENDENCY_CYCLE", /t0|t1/);
refuses(
  "more than the node has",
  task({ resources: { cpuMilli: 2001, memoryMb: 0 } }),
  "QUOTA_EXCEEDED",
  /at most 2000/,
);
refuses("more than the tenant has", task({ tenant: "small" }), "QUOTA_EXCEEDED", /tenant small may hold at most 500/);
refuses("another task of a known id", [spec("known", { priority: 1 })], "ALREADY_EXISTS", /other contents/);
refuses("one task too many", [spec("t")], "CAPACITY_EXCEEDED", /allowed are 1$/, { queueLimit: 1 });
refuses("anything while something is in the way", [spec("t")], "UNAVAILABLE", /full/, {
  obstacle: () => ({ code: "UNAVAILABLE", reason: "full" }),
});
refuses(
  "a dependency that its home does not know",
  task({ dependencies: [`${otherJob}.x`] }),
  "UNKNOWN_DEPENDENCY",
  /never/,
  {
    inquire: (asked, _limitMs, done) => done(new Map([...asked].map((id) => [id, "unknown" as const]))),
  },
);
refuses(
  "a dependency whose home is silent",
  task({ dependencies: [`${otherJob}.x`] }),
  "UNAVAILABLE",
  /n2 did not say/,
  {
    inquire: (_asked, _limitMs, done) => done(undefined),
  },
);

test("a chain of 256 is taken, however it is ordered, and a known task with it is not fresh", () => {
  const chain = circle(256).map((each, index) => (index === 255 ? { ...each, dependencies: [`${job}.known`] } : each));
  const outcome = submit(chain);
  assert.ok(!isRefusal(outcome), JSON.stringify(outcome));
  assert.equal(outcome.fresh.length, 256);
  const repeated = submit([spec("known", { priority: 0, tenant: "default" }), spec("t")]);
  assert.ok(!isRefusal(repeated));
  assert.deepEqual([repeated.ids, repeated.fresh.map(({ id }) => id)], [[`${job}.known`, `${job}.t`], [`${job}.t`]]);
});
