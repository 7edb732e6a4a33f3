/**
 * Goal: a finished run is judged by what clients were told and by what is there at the end, and each way in which these
 * can contradict each other, or the tasks' bodies, is found.
 * Method: histories made by hand, a line an event, with the tasks that are there at the end.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SchedulerImplementation, SchedulerState, TaskEnd } from "../../../implementations/scheduler/contract.ts";
import type { HistoryFunction } from "../../history/event.ts";
import { HistoryRecorder } from "../../history/recorder.ts";
import { planOf } from "../../plan/plan.ts";
import type { FaultSpec } from "../../plan/plan.ts";
import type { JudgedBlock } from "../room.ts";
import { endText, jobText, parseEnds, parseJob } from "./job-text.ts";
import { judge } from "./judge.ts";
import type { SchedulerTypes } from "./room.ts";

const completed = (task: string): TaskEnd => ({ state: "completed", result: task });
const failed = (reason: "threw" | "dependency" | "deadline", message = ""): TaskEnd => ({
  ...{ state: "failed", reason, message },
});

interface Run {
  /** "1 submit j 0:ok 1:ok" .. "1 ok 0:completed 1:completed", "1 status j j.0", "1 fail NOT_FOUND", "1 info". */
  readonly history: readonly string[];
  /** null: it has not ended. */
  readonly final: Readonly<Record<string, TaskEnd | null>>;
  readonly isDurable?: boolean;
  readonly faults?: readonly FaultSpec[];
}

function verdicts({ history, final, isDurable = true, faults = [] }: Run): Readonly<Record<string, string>> {
  const recorder = new HistoryRecorder();
  history.forEach((line, timeNs) => {
    const [process, verb = "", ...rest] = line.split(" ");
    const text = rest.join(" ");
    if (verb === "ok") recorder.complete(timeNs, verb, Number(process), text === "nobody" ? null : text);
    else if (verb === "fail" || verb === "info") recorder.complete(timeNs, verb, Number(process), null, text);
    else {
      const value = rest.slice(1).join(" ");
      recorder.invoke(timeNs, Number(process), verb as HistoryFunction, rest[0], value === "" ? null : value);
    }
  });
  const tasks = Object.entries(final).map(([task, end]) => [task, end?.state ?? "pending", end] as const);
  const state: SchedulerState = { tasks, starts: [] };
  const block = {
    implementation: { durable: isDurable } as SchedulerImplementation,
    plan: planOf({ module: "scheduler", seed: "judge", faults }),
    history: recorder,
    states: new Map([["n1", { kind: "state", state }]]),
  } as unknown as JudgedBlock<SchedulerTypes>;
  return Object.fromEntries(
    judge(block).map(({ id, validity, summary }) => [id, validity === "invalid" ? summary : validity]),
  );
}

const good = { outcomes: "valid", "submissions-kept": "valid", "answers-agree": "valid" };

test("tasks that ended as their bodies and dependencies say, everywhere", () => {
  const history = [
    "1 submit j 0:ok 1:throws 2:ok<1 3:ok? 4:mends 5:ok<4",
    "1 ok 0:completed 1:threw 2:dependency=j.1 3:deadline 4:completed=null 5:completed",
  ];
  const final = {
    "j.0": completed("j.0"),
    "j.1": failed("threw", "j.1 throws"),
    "j.2": failed("dependency", "j.1"),
    "j.3": failed("deadline"),
    "j.4": { state: "completed", result: null },
    "j.5": completed("j.5"),
  } as const;
  assert.deepEqual(verdicts({ history, final }), good);
});

const kill: FaultSpec = { kind: "kill", target: "one", placement: { at: "time", ms: 1 }, durationMs: 1 };

const rows: readonly (readonly [name: string, check: string, summary: RegExp, run: Run])[] = [
  [
    "a task that completed though it throws",
    "outcomes",
    /^j\.0 ended as completed, wanted threw: client 1's submission of j \(event 0\)$/,
    { history: ["1 submit j 0:throws", "1 ok"], final: { "j.0": completed("j.0") } },
  ],
  [
    "another's result",
    "outcomes",
    /^j\.0 ended as completed=%22j\.1%22, wanted completed/,
    { history: ["1 submit j 0:ok", "1 ok"], final: { "j.0": completed("j.1") } },
  ],
  [
    "another's message",
    "outcomes",
    /^j\.0 ended as threw=no, wanted threw/,
    { history: ["1 submit j 0:throws", "1 ok"], final: { "j.0": failed("threw", "no") } },
  ],
  [
    "a task that ran though its dependency failed",
    "outcomes",
    /^j\.1 ended as completed, though its dependency j\.0 ended as threw/,
    {
      history: ["1 submit j 0:throws 1:ok<0", "1 ok"],
      final: { "j.0": failed("threw", "j.0 throws"), "j.1": completed("j.1") },
    },
  ],
  [
    "a task that failed over a dependency that did not",
    "outcomes",
    /^j\.1 ended as dependency=j\.0, which did not fail/,
    {
      history: ["1 submit j 0:ok 1:ok<0", "1 ok"],
      final: { "j.0": completed("j.0"), "j.1": failed("dependency", "j.0") },
    },
  ],
  [
    "a deadline that there was not",
    "outcomes",
    /^j\.0 ended as deadline, though it has no deadline/,
    { history: ["1 submit j 0:ok", "1 ok"], final: { "j.0": failed("deadline") } },
  ],
  [
    "a stranger",
    "outcomes",
    /^j\.0 ended as completed, and nobody/,
    { history: [], final: { "j.0": completed("j.0") } },
  ],
  [
    "a circle that was accepted",
    "refusals",
    /^client 1's submission of j \(event 0\) was accepted, wanted DEPENDENCY_CYCLE: 0:ok<1 1:ok<0 !DEPENDENCY_CYCLE$/,
    { history: ["1 submit j 0:ok<1 1:ok<0 !DEPENDENCY_CYCLE", "1 ok"], final: {} },
  ],
  [
    "a circle that was refused for something else",
    "refusals",
    /was refused with UNKNOWN_TENANT, wanted DEPENDENCY_CYCLE/,
    { history: ["1 submit j 0:ok<1 1:ok<0 !DEPENDENCY_CYCLE", "1 fail UNKNOWN_TENANT"], final: {} },
  ],
  [
    "a good job that was refused",
    "refusals",
    /was refused with UNKNOWN_DEPENDENCY, wanted none/,
    { history: ["1 submit j 0:ok<k.0", "1 fail UNKNOWN_DEPENDENCY"], final: {} },
  ],
  [
    "other tasks under the ids of some that are there",
    "refusals",
    /^client 2's submission of j \(event 2\) was accepted, wanted ALREADY_EXISTS/,
    {
      history: ["1 submit j 0:ok", "1 ok", "2 submit j 0:ok !ALREADY_EXISTS", "2 ok"],
      final: { "j.0": completed("j.0") },
    },
  ],
  [
    "a task that was accepted when it came a second time, and is gone",
    "submissions-kept",
    /^j\.0 is gone: client 2's submission of j \(event 2\) was accepted$/,
    { history: ["1 submit j 0:ok", "1 info REPLY_TIMEOUT", "2 submit j 0:ok", "2 ok"], final: {} },
  ],
  [
    "a task that is gone",
    "submissions-kept",
    /^j\.0 is gone: client 1's submission of j \(event 0\) was accepted$/,
    { history: ["1 submit j 0:ok", "1 ok"], final: {} },
  ],
  [
    "a task that was refused and is there",
    "submissions-kept",
    /^j\.0 is there: client 1's submission of j \(event 0\) was refused$/,
    { history: ["1 submit j 0:ok", "1 fail UNAVAILABLE"], final: { "j.0": completed("j.0") } },
  ],
  [
    "a wait for what nobody knows any more",
    "submissions-kept",
    /^client 1's wait of j \(event 2\) is told that nobody knows it/,
    { history: ["1 submit j 0:ok", "1 ok", "1 wait j", "1 fail NOT_FOUND"], final: { "j.0": completed("j.0") } },
  ],
  [
    "an answer that is not how it ended",
    "answers-agree",
    /is told that j\.0 ended as deadline; at the end it is completed$/,
    { history: ["1 submit j 0:ok?", "1 ok 0:deadline"], final: { "j.0": completed("j.0") } },
  ],
  [
    "an answer of before the end that somebody knows already",
    "answers-agree",
    /^client 2's question of j \(event 2\) is told that j\.0 is running, after client 1's submission/,
    {
      history: ["1 submit j 0:ok", "1 ok 0:completed", "2 status j j.0", "2 ok running"],
      final: { "j.0": completed("j.0") },
    },
  ],
];
for (const [name, check, summary, run] of rows) {
  test(`${name}: ${check} is invalid`, () => {
    const judged = verdicts(run);
    assert.match(judged[check] ?? "", summary);
  });
}

test("what happened while an answer was on its way is no contradiction", () => {
  const history = ["1 submit j 0:ok", "2 status j j.0", "1 ok 0:completed", "2 ok running"];
  assert.deepEqual(verdicts({ history, final: { "j.0": completed("j.0") } }), good);
});

test("what has to be refused is, unless there is something else in the way", () => {
  const bad = "submit j 0:ok<1 1:ok<0 !DEPENDENCY_CYCLE";
  const history = ["1 submit k 0:ok", "1 ok 0:completed", `2 ${bad}`, "2 fail DEPENDENCY_CYCLE"];
  const final = { "k.0": completed("k.0") };
  assert.deepEqual(verdicts({ history, final }), { ...good, refusals: "valid" });
  assert.deepEqual(verdicts({ history: [...history.slice(0, 3), "2 fail UNAVAILABLE"], final }), good);
});

test("a submission of unknown outcome may be there or not", () => {
  const history = ["1 submit j 0:ok", "1 info REPLY_TIMEOUT", "2 submit k 0:ok", "2 ok 0:completed"];
  const final = { "k.0": completed("k.0") };
  assert.deepEqual(verdicts({ history, final }), good);
  assert.deepEqual(verdicts({ history, final: { ...final, "j.0": completed("j.0") } }), good);
});

test("a submission that was refused, then taken, or of unknown outcome, then refused, is no contradiction", () => {
  const tooEarly = ["1 submit j 0:ok<k.0 !UNKNOWN_DEPENDENCY", "1 fail UNKNOWN_DEPENDENCY"];
  const taken = ["1 submit k 0:ok", "1 ok", "1 submit j 0:ok<k.0", "1 ok"];
  const final = { "j.0": completed("j.0"), "k.0": completed("k.0") };
  const judged = { outcomes: "valid", refusals: "valid", "submissions-kept": "valid" };
  assert.deepEqual(verdicts({ history: [...tooEarly, ...taken], final }), judged);
  const other = ["3 submit k 0:ok", "3 ok"];
  const unknown = ["1 submit j 0:ok", "1 info REPLY_TIMEOUT", "2 submit j 0:ok", "2 fail UNAVAILABLE", ...other];
  const kept = { outcomes: "valid", "submissions-kept": "valid" };
  assert.deepEqual(verdicts({ history: unknown, final: { "k.0": completed("k.0") } }), kept);
  assert.deepEqual(verdicts({ history: unknown, final }), kept);
});

test("without a journal a restarted node's tasks may be gone, and nothing else is judged then", () => {
  const history = ["1 submit j 0:ok", "1 ok 0:completed"];
  assert.deepEqual(verdicts({ history, final: {}, isDurable: false, faults: [kill] }), { outcomes: "valid" });
  assert.match(verdicts({ history, final: {}, faults: [kill] })["submissions-kept"] ?? "", /is gone/);
  assert.match(verdicts({ history, final: {}, isDurable: false })["submissions-kept"] ?? "", /is gone/);
});

test("a run without tasks is not valid", () => {
  assert.deepEqual(verdicts({ history: [], final: {} }), { outcomes: "unknown" });
});

test("a job's text says what becomes of its tasks", () => {
  const body = { kind: "spin", ms: 1 } as const;
  const text = jobText([
    { id: "j.0", body },
    { id: "j.1", body: { kind: "fail", ms: 1, message: "no" }, dependencies: ["j.0", "k.2"] },
    { id: "j.2", body: { kind: "fail", ms: 1, message: "no", times: 2 }, deadlineMs: 5 },
    { id: "j.3", body: { kind: "crash", ms: 1, times: 2 }, maxAttempts: 2 },
  ]);
  assert.equal(text, "0:ok 1:throws<0,k.2 2:mends? 3:crashes");
  assert.deepEqual(parseJob("j", text)[1], {
    ...{ id: "j.1", fate: "throws", isTimed: false, dependencies: ["j.0", "k.2"] },
  });
});

test("the text of an end leaves nothing of it out", () => {
  assert.equal(endText("j.0", { state: "completed", result: ["a b", 1] }), "completed=%5B%22a%20b%22%2C1%5D");
  assert.deepEqual(
    [...parseEnds("j", "0:completed 1:threw=a%20b")],
    [
      ["j.0", "completed"],
      ["j.1", "threw=a%20b"],
    ],
  );
});
