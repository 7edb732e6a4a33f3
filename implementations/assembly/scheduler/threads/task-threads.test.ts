/**
 * Goal: threads execute what is offered once, tell of it once, and end when they are told to, whatever tasks do.
 *
 * Method: a run queue and real threads as the scheduler uses them (`threads-trial.fixture.ts`, which checks that every
 * attempt starts once and ends once). Every test waits for the events it is about.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../scheduler/contract.ts";
import { ThreadsTrial, callOf } from "./threads-trial.fixture.ts";

test("synthetic tasks do what they are told", async (context) => {
  const trial = await ThreadsTrial.open(context);
  assert.equal(await trial.result({ kind: "spin", ms: 0 }), null);
  assert.deepEqual(await trial.result({ kind: "spin", ms: 1, returns: { a: [1] } }), { a: [1] });
  assert.equal(await trial.result({ kind: "sleep", ms: 2, returns: "slept" }), "slept");
  const slept = await trial.run({ kind: "sleep", ms: 20, checkpointMs: 5 });
  assert.ok(slept.ranMs >= 20 && slept.yieldMs === undefined);

  const failing = { kind: "fail", ms: 0, message: "on purpose", times: 2 } as const;
  for (const attempt of [1, 2]) {
    const { end, message } = await trial.run(failing, { attempt });
    assert.deepEqual([end, message], ["threw", "on purpose"]);
  }
  assert.equal((await trial.run(failing, { attempt: 3 })).end, "completed");
  assert.equal((await trial.run({ kind: "fail", ms: 0, message: "" }, { attempt: 100 })).end, "threw");
});

test("the main thread falls asleep after every task, and is woken for the next", async (context) => {
  const trial = await ThreadsTrial.open(context, { workers: 2 });
  for (let task = 0; task < 300; task++) {
    await trial.run({ kind: "spin", ms: 0 });
    // The end and the main thread's falling asleep meet at several distances.
    for (let turn = 0; turn < task % 4; turn++) await new Promise(setImmediate);
  }
  assert.ok(trial.threads.counters["main thread woken"]! > 0);
});

test("calls return JSON, at once or later", async (context) => {
  const trial = await ThreadsTrial.open(context);
  for (let round = 0; round < 2; round++) assert.equal(await trial.result(callOf("add", 1, 2)), 3);
  assert.equal(await trial.result(callOf("addLater", 1, 2)), 3);
  assert.equal(await trial.result(callOf("nothing")), null);
  const described = trial.start(callOf("describe"), { task: "job.name", state: 7 });
  assert.deepEqual((await described.ended).result, { task: "job.name", token: described.token, state: 7 });
  const first = trial.start(callOf("describe"));
  assert.deepEqual((await first.ended).result, { task: "trial.task", token: first.token, state: "none" });
  assert.equal(await trial.result(callOf("text", limits.bodyBytes - 2)), "x".repeat(limits.bodyBytes - 2));
});

test("what calls throw, and what they return that cannot be kept, is told in words", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const cases: readonly (readonly [ReturnType<typeof callOf>, RegExp])[] = [
    [callOf("refuse", "no"), /^no$/],
    [callOf("refuseLater", "not now"), /^not now$/],
    [callOf("throwNothingReadable"), /something that cannot be shown/],
    [callOf("throwOddMessage"), /^404$/],
    [callOf("text", limits.bodyBytes - 1), /result: 16385 bytes as JSON, at most 16384/],
    [callOf("returnFunction"), /result: it is no JSON: a function/],
    [callOf("returnCycle"), /result: it is no JSON: .*circular/],
    [callOf("absent"), /has no function "absent": it exports add, /],
    [{ kind: "call", module: "./here.ts", export: "x", args: [] }, /is no module that can be called: an absolute path/],
    [{ kind: "call", module: "/nowhere.js", export: "x", args: [] }, /^Cannot load module "\/nowhere.js": /],
  ];
  for (const [body, message] of cases) {
    const ended = await trial.run(body);
    assert.equal(ended.end, "threw");
    assert.match(ended.message ?? "", message);
  }
});

test("a call is resolved before it is accepted, on a thread of its own", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const resolve = (body: ReturnType<typeof callOf>): Promise<string | undefined> =>
    new Promise((done) => {
      assert.equal(body.kind, "call");
      if (body.kind === "call") trial.threads.resolveCall(body.module, body.export, done);
    });
  const fixture = (name: string): ReturnType<typeof callOf> =>
    ({
      ...callOf("f"),
      module: new URL(name, import.meta.url).href,
    }) as ReturnType<typeof callOf>;
  assert.equal(await resolve(callOf("add")), undefined);
  assert.equal(await resolve(callOf("add")), undefined);
  assert.equal(await resolve({ kind: "call", module: "fast-check", export: "assert", args: [] }), undefined);
  assert.match((await resolve(callOf("notAFunction"))) ?? "", /has no function "notAFunction"/);
  assert.match((await resolve(callOf("toString"))) ?? "", /has no function "toString"/);
  assert.match((await resolve(fixture("./absent.ts"))) ?? "", /^Cannot load module ".*absent.ts": /);
  assert.match((await resolve(fixture("./exits-at-load.fixture.ts"))) ?? "", /it ended the thread that loaded it/);
  assert.equal(await resolve(callOf("refuse")), undefined);
});

test("a module that spins when it is loaded is given up, and the next is resolved", async (context) => {
  const trial = await ThreadsTrial.open(context, { resolveMs: 200 });
  const resolve = (name: string, exported: string): Promise<string | undefined> =>
    new Promise((done) => trial.threads.resolveCall(new URL(name, import.meta.url).href, exported, done));
  assert.match((await resolve("./spins-at-load.fixture.ts", "f")) ?? "", /not loaded within 200 ms/);
  // On a busy machine this may take too long as well; it is resolved in the end.
  while ((await resolve("./calls.fixture.ts", "refuse")) !== undefined);
});

test("a synthetic task yields at its next checkpoint and goes on from there", async (context) => {
  const trial = await ThreadsTrial.open(context);
  for (const kind of ["spin", "sleep"] as const) {
    const body = { kind, ms: 60_000, checkpointMs: 5, returns: kind } as const;
    const attempt = trial.start(body);
    await attempt.started;
    trial.threads.requestYield(attempt.slot);
    const { end, state, yieldMs, ranMs } = await attempt.ended;
    assert.equal(end, "yielded");
    assert.ok(
      typeof state === "number" && state >= 5 && state % 5 === 0,
      `stopped at a checkpoint, not ${JSON.stringify(state)}`,
    );
    assert.ok(yieldMs !== undefined && yieldMs >= 0 && yieldMs <= ranMs);
    const resumed = await trial.run({ ...body, ms: state + 2 }, { state });
    assert.equal(resumed.result, kind);
    assert.ok(resumed.ranMs >= 2);
  }
});

test("a call that was asked to yield has yielded at its checkpoint, whatever it does then", async (context) => {
  const trial = await ThreadsTrial.open(context);
  const states: unknown[] = [];
  for (const name of ["countUntilAsked", "stubborn", "rephrase", "yieldLater"]) {
    const attempt = trial.start(callOf(name, false));
    await attempt.started;
    trial.threads.requestYield(attempt.slot);
    const { end, state, yieldMs } = await attempt.ended;
    assert.equal(end, "yielded", name);
    assert.ok(yieldMs !== undefined && yieldMs >= 0);
    states.push(state);
    const resumed = await trial.run(callOf(name, false), state === undefined ? {} : { state });
    assert.deepEqual(resumed.result, name === "countUntilAsked" ? state : { resumed: state });
  }
  assert.deepEqual(states.slice(2), ["here", "after a turn"]);

  const unkeepable = trial.start(callOf("unkeepableState"));
  await unkeepable.started;
  trial.threads.requestYield(unkeepable.slot);
  const { end, message } = await unkeepable.ended;
  assert.equal(end, "threw");
  assert.match(message ?? "", /state: 100002 bytes as JSON, at most 16384/);
});

test("a task that ends its thread has crashed, and the thread is replaced", async (context) => {
  const trial = await ThreadsTrial.open(context, { threadMemoryMb: 16 });
  const cases: readonly (readonly [Parameters<typeof trial.run>[0], RegExp])[] = [
    [{ kind: "crash", ms: 0 }, /ended its thread/],
    [callOf("exit", 7), /exit code 7/],
    [callOf("throwOutside"), /outside of the task/],
    [callOf("exhaustMemory"), /memory limit/],
  ];
  for (const [body, message] of cases) {
    const ended = await trial.run(body);
    assert.equal(ended.end, "crashed");
    assert.match(ended.message ?? "", message);
    assert.equal(await trial.result(callOf("add", 1, 1)), 2);
  }
  assert.equal((await trial.run({ kind: "crash", ms: 0, times: 1 }, { attempt: 2 })).end, "completed");
  assert.equal(trial.threads.counters["threads died"], cases.length);
});

test("what a call leaves behind ends its thread once nothing is waiting, and no task but one under way", async (context) => {
  const trial = await ThreadsTrial.open(context);
  assert.equal(await trial.result(callOf("leaveErrorBehind")), "returned");
  const next = await trial.run({ kind: "sleep", ms: 1 });
  assert.ok(next.end === "completed" || next.end === "lost", next.end);
});
