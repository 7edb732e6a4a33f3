/**
 * Goal: a production scheduler keeps what it accepted through crashes, gives no effect to attempts that have lost their
 * task, and does what only it can: leases, deadlines, preemption, dependencies between homes.
 * Method: in virtual time, with faults placed by hand at the moments that matter; the trace tells what happened.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeployOptions } from "../../foundation/deployment.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import { homeOf } from "../../scheduler/contract.ts";
import type { SchedulerEvent, TaskSpec } from "../../scheduler/contract.ts";
import { productionScheduler } from "./implementations.ts";
import { SchedulerTrial } from "./scheduler-trial.fixture.ts";

/** A job of which `node` is the home, among `count`. */
function jobAt(node: NodeId, count: number): string {
  const nodes = Array.from({ length: count }, (_, index) => `n${index + 1}`);
  const job = [..."abcdefghijklmnop"].find((each) => homeOf(each, nodes) === node);
  assert.ok(job !== undefined);
  return job;
}

const begin = (nodes: number, settings: DeployOptions["settings"] = {}): Promise<SchedulerTrial> =>
  SchedulerTrial.begin(productionScheduler, { nodes, settings });

const sleep = (id: string, ms: number, more: Partial<TaskSpec> = {}): TaskSpec => ({
  id,
  body: { kind: "sleep", ms },
  ...more,
});

type Told = SchedulerEvent & { readonly node: NodeId };
type Kind = SchedulerEvent["kind"];

function told<K extends Kind>(trial: SchedulerTrial, kind: K, task?: string): readonly (Told & { readonly kind: K })[] {
  return trial.events.flatMap(({ node, event }) => {
    const isMeant = event.kind === kind && (task === undefined || ("task" in event && event.task === task));
    return isMeant ? [{ ...event, node } as Told & { readonly kind: K }] : [];
  });
}

async function counter(trial: SchedulerTrial, node: NodeId, name: string): Promise<number> {
  const resources = await trial.deployment.resources();
  return resources.find((each) => each.node === node)?.counters[name] ?? NaN;
}

/** Until the trace shows it, to a millisecond. */
async function untilTold(trial: SchedulerTrial, what: string, condition: () => boolean): Promise<void> {
  for (let passedMs = 0; !condition(); passedMs++) {
    assert.ok(passedMs < 5000, what);
    await trial.pass(1);
  }
}

/** n1 is busy for long, and n2 has been lent `task`, which has begun there. */
async function lend(trial: SchedulerTrial, task: TaskSpec): Promise<void> {
  const job = jobAt("n1", 2);
  await trial.submit(sleep(`${job}.long`, 400), task);
  await untilTold(trial, "n2 begins", () => told(trial, "started", task.id).some(({ node }) => node === "n2"));
}

test("the result of an attempt whose lease is over is refused, and the task takes effect once, under a new token", async () => {
  const trial = await begin(2, { workers: 1, leaseMs: 200 });
  const task = sleep(`${jobAt("n1", 2)}.lent`, 20);
  await lend(trial, task);
  const pause = trial.deployment.inject({ kind: "pause", nodes: ["n2"] });
  await untilTold(trial, "it is lost", () => told(trial, "ended", task.id).some(({ end }) => end === "lost"));
  await untilTold(trial, "it ran again", () => told(trial, "committed", task.id).length > 0);
  pause.heal();
  await trial.pass(500);
  assert.ok((await counter(trial, "n1", "results refused")) >= 1, "the late result came");
  const [first, second, ...more] = told(trial, "ready", task.id).map(({ token }) => token);
  assert.ok(first !== undefined && second !== undefined && second > first && more.length === 0);
  assert.deepEqual(
    told(trial, "committed", task.id).map(({ token }) => token),
    [second],
  );
});

test("whoever is cut off from a task's home gives it up at its next checkpoint", async () => {
  const trial = await begin(2, { workers: 1, leaseMs: 100 });
  const task: TaskSpec = {
    id: `${jobAt("n1", 2)}.lent`,
    body: { kind: "spin", ms: 100_000, checkpointMs: 10 },
    deadlineMs: 3000,
  };
  await lend(trial, task);
  const links = [
    { from: "n1", to: "n2" },
    { from: "n2", to: "n1" },
  ];
  const cut = trial.deployment.inject({ kind: "cut", links });
  await trial.pass(130);
  assert.equal(await counter(trial, "n2", "leases given up"), 1);
  cut.heal();
  await trial.until("its deadline passes", () => told(trial, "committed", task.id).length > 0);
  const own = sleep(`${jobAt("n2", 2)}.own`, 5);
  assert.deepEqual(
    await trial.ends(own),
    [[own.id, { state: "completed", result: null }]],
    "n2's worker is free again",
  );
});

test("a lease that is renewed lasts as long as its task, through lost and repeated messages", async () => {
  const trial = await begin(2, { workers: 1, leaseMs: 100 });
  const task = sleep(`${jobAt("n1", 2)}.lent`, 1000);
  const links = [
    { from: "n1", to: "n2" },
    { from: "n2", to: "n1" },
  ];
  trial.deployment.inject({ kind: "packet", links, fault: { kind: "duplicate", probability: 0.5, holdMs: 50 } });
  trial.deployment.inject({ kind: "packet", links, fault: { kind: "loss", probability: 0.1 } });
  await lend(trial, task);
  await trial.waitFor(task.id);
  assert.deepEqual(
    told(trial, "ended", task.id).map(({ end, worker }) => [end, worker]),
    [["completed", -1]],
  );
  assert.equal(told(trial, "started", task.id).length, 1);
});

test("what was accepted survives a crash, goes on under new tokens, and what has ended stays so", async () => {
  const trial = await begin(1, { workers: 1 });
  await trial.ends(sleep("j.done", 5, { body: { kind: "sleep", ms: 5, returns: 7 } }));
  await trial.submit(
    sleep("j.runs", 200),
    sleep("j.waits", 5),
    sleep("j.follows", 5, { dependencies: ["j.runs", "j.done"] }),
  );
  await trial.pass(20);
  const kill = trial.deployment.inject({ kind: "kill", nodes: ["n1"] });
  await trial.pass(50);
  kill.heal();
  const ended = await trial.waitFor("j.done", "j.runs", "j.waits", "j.follows");
  assert.deepEqual(
    ended.map(([, end]) => end.state === "completed" && end.result),
    [7, null, null, null],
  );
  assert.deepEqual(
    told(trial, "start").map(({ life, tasks }) => [life, tasks]),
    [
      [1, 0],
      [2, 3],
    ],
  );
  const tokens = told(trial, "ready", "j.runs").map(({ token }) => token);
  assert.ok(tokens.length === 2 && (tokens[1] ?? 0) >= 2 * 2 ** 22);
  assert.equal(told(trial, "committed", "j.done").length, 1);
});

test("attempts that failed are counted through crashes, attempts that were lost are not", async () => {
  const trial = await begin(1);
  await trial.submit({ id: "j.fails", body: { kind: "fail", ms: 100, message: "no" }, maxAttempts: 2 });
  await untilTold(trial, "it fails once", () => told(trial, "ended", "j.fails").length === 1);
  await trial.pass(50);
  trial.deployment.inject({ kind: "kill", nodes: ["n1"] }).heal();
  await trial.pass(50);
  trial.deployment.inject({ kind: "thread", nodes: ["n1"], worker: 0, change: "kill" });
  trial.deployment.inject({ kind: "thread", nodes: ["n1"], worker: 1, change: "kill" });
  assert.deepEqual(await trial.waitFor("j.fails"), [["j.fails", { state: "failed", reason: "threw", message: "no" }]]);
  assert.deepEqual(
    told(trial, "ended", "j.fails").map(({ end }) => end),
    ["threw", "lost", "threw"],
  );
});

test("a deadline ends a task wherever it is: blocked, queued, running, lent, or found in the journal", async () => {
  const deadline = { state: "failed", reason: "deadline", message: "" } as const;
  const alone = await begin(1, { workers: 1 });
  const late = { deadlineMs: 50 };
  const ends = await alone.ends(
    sleep("j.runs", 200, late),
    sleep("j.queued", 1, late),
    sleep("j.blocked", 1, { deadlineMs: 40, dependencies: ["j.queued"] }),
    sleep("j.fine", 1),
  );
  const states = ends.map(([, end]) => (end.state === "failed" ? end.reason : end.state));
  assert.deepEqual(states, ["deadline", "deadline", "deadline", "completed"]);
  assert.deepEqual(
    told(alone, "ended", "j.runs").map(({ end }) => end),
    ["expired"],
  );

  const two = await begin(2, { workers: 1 });
  const lent = sleep(`${jobAt("n1", 2)}.lent`, 100_000, { deadlineMs: 300 });
  await lend(two, lent);
  assert.deepEqual(await two.waitFor(lent.id), [[lent.id, deadline]]);

  const again = await begin(1);
  await again.submit(sleep("j.runs", 100_000, { deadlineMs: 300 }));
  await again.pass(100);
  again.deployment.inject({ kind: "kill", nodes: ["n1"] }).heal();
  assert.deepEqual(await again.waitFor("j.runs"), [["j.runs", deadline]]);
});

test("an attempt that goes on after its deadline loses its thread, and the next task has its worker", async () => {
  const trial = await begin(1, { workers: 2, graceMs: 500 });
  const endless = (name: string): TaskSpec => sleep(`j.${name}`, 1e6, { deadlineMs: 100 });
  await trial.ends(endless("a"), endless("b"));
  const [next] = await trial.ends(sleep("j.next", 10, { deadlineMs: 2000 }));
  assert.deepEqual(next, ["j.next", { state: "completed", result: null }]);
  assert.deepEqual(
    told(trial, "ended").map(({ task, end }) => [task, end]),
    [
      ["j.a", "expired"],
      ["j.b", "expired"],
      ["j.next", "completed"],
    ],
  );

  const two = await begin(2, { workers: 1, leaseMs: 100, graceMs: 500 });
  await lend(two, sleep(`${jobAt("n1", 2)}.lent`, 1e6, { deadlineMs: 300 }));
  await two.pass(300);
  const own = sleep(`${jobAt("n2", 2)}.own`, 5, { deadlineMs: 2000 });
  assert.deepEqual(await two.ends(own), [[own.id, { state: "completed", result: null }]]);
});

test("an attempt that is deaf to a preemption keeps its thread, as does one that ends within the grace", async () => {
  const trial = await begin(1, { workers: 1, graceMs: 50 });
  const call = { kind: "call", module: "simulated:sample", export: "count", args: [1, 300] } as const;
  await trial.submit({ id: "j.deaf", body: call });
  await trial.pass(20);
  await trial.ends(sleep("j.urgent", 10, { priority: 9 }));
  await trial.waitFor("j.deaf");
  assert.equal(told(trial, "preempting", "j.deaf").length, 1);
  assert.deepEqual(
    told(trial, "ended", "j.deaf").map(({ end }) => end),
    ["yielded", "completed"],
  );

  const slow = await begin(1, { workers: 1, graceMs: 500 });
  await slow.submit(sleep("j.late", 200, { deadlineMs: 100 }));
  await slow.ends(sleep("j.next", 10));
  const [next] = told(slow, "started", "j.next");
  assert.ok((next?.waitMs ?? 999) <= 210, "as soon as the late one is through");
});

test("an urgent task takes a worker from another one, which goes on later where it was", async () => {
  const trial = await begin(1, { workers: 1 });
  await trial.submit({ id: "j.slow", body: { kind: "spin", ms: 100, checkpointMs: 5 }, priority: 1 });
  await trial.pass(20);
  await trial.ends(sleep("j.urgent", 10, { priority: 9 }));
  await trial.waitFor("j.slow");
  const [yielded, completed] = told(trial, "ended", "j.slow");
  assert.ok(yielded?.end === "yielded" && completed?.end === "completed");
  assert.ok((yielded.yieldMs ?? 99) <= 5, "at the next checkpoint");
  assert.ok(Math.abs(yielded.ranMs + completed.ranMs - 100) < 1e-6, "nothing is done twice");
  assert.equal(told(trial, "preempting", "j.slow").length, 1);

  const calm = await begin(1, { workers: 1, quantumMs: 0 });
  await calm.submit({ id: "j.slow", body: { kind: "spin", ms: 100, checkpointMs: 5 } });
  await calm.ends(sleep("j.urgent", 10, { priority: 9 }));
  assert.deepEqual(
    told(calm, "ended").map(({ end }) => end),
    ["completed", "completed"],
  );
});

test("a tenant that is behind takes the worker of one that has had its quantum", async () => {
  const trial = await begin(1, { workers: 1, tenants: "a:1,b:1" });
  const spin = (id: string, tenant: string): TaskSpec => ({
    id,
    tenant,
    body: { kind: "spin", ms: 100, checkpointMs: 2 },
  });
  await trial.ends(spin("j.a", "a"), spin("j.b", "b"));
  const ran = told(trial, "ended", "j.a").map(({ ranMs }) => ranMs);
  assert.ok(ran.length >= 4 && Math.max(...ran) < 50, `they take turns: ${ran.join(" ")}`);
});

test("nobody makes room for a tenant whose next task its quota holds back", async () => {
  const trial = await begin(1, { tenants: "a:10:1500,b:1" });
  const own: TaskSpec = { id: "j.b", tenant: "b", body: { kind: "spin", ms: 300, checkpointMs: 1 } };
  await trial.ends(sleep("j.a1", 200, { tenant: "a" }), sleep("j.a2", 1, { tenant: "a" }), own);
  assert.equal(told(trial, "preempting").length, 0);
});

test("a quota above what the nodes have together is refused before anything is deployed", async () => {
  for (const [tenants, reason] of [
    ["a:1:2000,b:1:6001", /the quota of b is cpuMilli 6001; allowed is at most 6000, 2000 on each of 3 nodes/],
    ["a:1:6000:3073", /the quota of a is memoryMb 3073; allowed is at most 3072, 1024 on each of 3 nodes/],
  ] as const) {
    const isRefusal = (error: unknown): boolean => error instanceof UsageError && reason.test(error.message);
    await assert.rejects(async () => begin(3, { tenants }), isRefusal);
    assert.throws(() => productionScheduler.checkSettings({ tenants }, 3), isRefusal);
  }
  await begin(3, { tenants: "a:1:6000:3072" });
  await assert.rejects(async () => begin(3, { tenants: "a:1:3001", cpuMilli: 1000 }), UsageError);
});

test("dependencies lead to other homes, also while those are down, and failures come back by them", async () => {
  const trial = await begin(2, { requestTimeoutMs: 100 });
  const [here, there] = [jobAt("n1", 2), jobAt("n2", 2)];
  await trial.submit(sleep(`${there}.first`, 50), {
    id: `${there}.bad`,
    body: { kind: "fail", ms: 60, message: "" },
    maxAttempts: 1,
  });
  await trial.submit(
    sleep(`${here}.second`, 5, { dependencies: [`${there}.first`] }),
    sleep(`${here}.never`, 5, { dependencies: [`${there}.bad`] }),
  );
  const kill = trial.deployment.inject({ kind: "kill", nodes: ["n2"] });
  const refused = await trial.refusal([sleep(`${here}.x`, 1, { dependencies: [`${there}.first`] })]);
  assert.equal(refused.code, "UNAVAILABLE");
  kill.heal();
  assert.deepEqual(await trial.waitFor(`${here}.second`, `${here}.never`), [
    [`${here}.second`, { state: "completed", result: null }],
    [`${here}.never`, { state: "failed", reason: "dependency", message: `${there}.bad` }],
  ]);
  await trial.ends(sleep(`${there}.third`, 5, { dependencies: [`${here}.second`] }));
  const unknown = await trial.refusal([sleep(`${here}.y`, 1, { dependencies: [`${there}.nobody`] })]);
  assert.equal(unknown.code, "UNKNOWN_DEPENDENCY");
});

test("a full disk refuses what is new, and what waits for it goes on when there is room", async () => {
  const trial = await begin(1);
  await trial.submit(sleep("j.a", 50));
  const full = trial.deployment.inject({ kind: "disk", nodes: ["n1"], fault: { kind: "full" } });
  await trial.pass(100);
  assert.equal((await trial.status("j.a"))?.state, "running", "its end is not durable yet");
  const { code, reason } = await trial.refusal([sleep("j.b", 1)]);
  assert.deepEqual([code, reason], ["UNAVAILABLE", "the disk of n1 is full; free some space"]);
  full.heal();
  assert.equal((await trial.waitFor("j.a")).length, 1);
  assert.equal((await trial.ends(sleep("j.b", 1))).length, 1);
});

test("a damaged journal is refused for good, with what to do", async () => {
  const trial = await begin(1);
  for (const name of ["a", "b", "c"]) await trial.ends(sleep(`j.${name}`, 1));
  trial.deployment.inject({ kind: "disk", nodes: ["n1"], fault: { kind: "bit-flip" } });
  await trial.pass(10);
  trial.deployment.inject({ kind: "kill", nodes: ["n1"] }).heal();
  await trial.pass(5000);
  const state = (await trial.deployment.states()).get("n1");
  assert.ok(
    state?.kind === "out-of-service" && /restore the file from a copy/.test(state.reason),
    JSON.stringify(state),
  );
  assert.equal(told(trial, "damage").length, 1);
});

for (const isEarly of [true, false]) {
  const when = isEarly ? "before its dependant was submitted" : "while its dependant waited";
  test(`a dependency of another home that completed ${when} may be forgotten there, and is not here`, async () => {
    const trial = await begin(2, { remembered: 1, remoteStealing: false });
    const [here, there] = [jobAt("n1", 2), jobAt("n2", 2)];
    const dependency = sleep(`${there}.1`, 50);
    await trial.submit(dependency);
    if (isEarly) await trial.waitFor(dependency.id);
    const dependant = sleep(`${here}.2`, 1, { dependencies: [dependency.id, `${here}.1`] });
    await trial.submit(sleep(`${here}.1`, 500), dependant);
    await trial.waitFor(dependency.id);
    await trial.ends(sleep(`${there}.2`, 1));
    assert.equal(await trial.status(dependency.id), null, "forgotten");
    trial.deployment.inject({ kind: "kill", nodes: ["n1"] }).heal();
    assert.deepEqual(await trial.waitFor(dependant.id), [[dependant.id, { state: "completed", result: null }]]);
  });
}

test("an attempt after one that threw begins at the beginning, wherever that one had gone on from", async () => {
  const trial = await begin(1, { workers: 1, quantumMs: 5 });
  const body = { kind: "call", module: "simulated:sample", export: "unresumed", args: [20] } as const;
  await trial.submit({ id: "j.0", body });
  await trial.pass(3);
  await trial.ends(sleep("j.1", 1, { priority: 9 }));
  assert.deepEqual(await trial.waitFor("j.0"), [["j.0", { state: "completed", result: null }]]);
  assert.deepEqual(
    told(trial, "ended", "j.0").map(({ end }) => end),
    ["yielded", "threw", "completed"],
  );
});

test("the oldest ends are forgotten beyond the bound, and nothing else", async () => {
  const trial = await begin(1, { remembered: 3 });
  for (const name of ["a", "b", "c", "d", "e"]) await trial.ends(sleep(`j.${name}`, 1));
  for (const name of ["a", "b"]) assert.equal(await trial.status(`j.${name}`), null);
  for (const name of ["c", "d", "e"]) assert.equal((await trial.status(`j.${name}`))?.state, "completed");
});

test("a forgotten id may be used for another task, and the journal tells the two apart", async () => {
  const trial = await begin(1, { remembered: 1 });
  for (const name of ["a", "b", "a"]) await trial.ends(sleep(`j.${name}`, 1));
  trial.deployment.inject({ kind: "kill", nodes: ["n1"] }).heal();
  await trial.until("it serves again", () => told(trial, "start").length === 2);
  assert.equal((await trial.status("j.a"))?.state, "completed");
  assert.equal(await trial.status("j.b"), null);
});

test("an orderly stop keeps everything, and the same seed is the same run", async () => {
  const hashes = await Promise.all(
    ["one", "one", "other"].map(async (seed) => {
      const trial = await SchedulerTrial.begin(productionScheduler, { nodes: 3, seed });
      for (const job of ["a", "b", "c", "d"]) await trial.submit(sleep(`${job}.1`, 100), sleep(`${job}.2`, 100));
      trial.deployment.inject({ kind: "graceful-restart", nodes: trial.deployment.nodes }).heal();
      for (const job of ["a", "b", "c", "d"]) assert.equal((await trial.waitFor(`${job}.1`, `${job}.2`)).length, 2);
      return trial.deployment.traceHash();
    }),
  );
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});
