/**
 * Goal: the minimal scheduler is deployed in both substrates, and suffers what it says it can be subjected to; what it
 * keeps through faults and what it loses is as documented.
 * Method: a client of its own, one operation after the other, and faults in between; what must not work is tried too.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../foundation/errors.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { TaskSpec } from "../../scheduler/contract.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { withoutRealWorld } from "../no-real-world.fixture.ts";
import { thrown } from "./call-outcome.ts";
import { minimalScheduler } from "./implementations.ts";
import { inlineExecutor } from "./inline-executor.ts";
import { SchedulerTrial } from "./scheduler-trial.fixture.ts";

const sleeping = (id: string, ms: number): TaskSpec => ({ id, body: { kind: "sleep", ms } });
const done = { state: "completed", result: null } as const;
const between = (one: NodeId, others: readonly NodeId[]) =>
  others.flatMap((other) => [
    { from: one, to: other },
    { from: other, to: one },
  ]);

function begin(nodes: number, workers = 1): Promise<SchedulerTrial> {
  return SchedulerTrial.begin(minimalScheduler, { nodes, settings: { workers } });
}

test("a worker that is killed loses its attempt: the task runs again, under a higher token, and nothing is counted", async () => {
  const trial = await begin(1);
  await trial.submit({ ...sleeping("j.a", 100), maxAttempts: 1 });
  await trial.pass(50);
  const kill = trial.deployment.inject({ kind: "thread", nodes: ["n1"], worker: 7, change: "kill" });
  assert.deepEqual(kill.efficacy(), { count: 1, unit: "workers ended" });
  assert.deepEqual(await trial.waitFor("j.a"), [["j.a", done]]);
  assert.equal((await trial.status("j.a"))?.attempts, 2);
  const tokens = trial.events.flatMap(({ event }) => (event.kind === "started" ? [event.token] : []));
  assert.equal(tokens.length, 2);
  assert.ok(tokens[0]! < tokens[1]!);
  const ends = trial.events.flatMap(({ event }) => (event.kind === "ended" ? [event.end] : []));
  assert.deepEqual(ends, ["lost", "completed"], "the first attempt is over for good, whatever it still does");
});

test("a worker that stands still keeps its task and takes no other; healed, it tells of the end", async () => {
  const trial = await begin(1, 2);
  await trial.submit(sleeping("j.a", 20), sleeping("j.b", 20));
  const stall = trial.deployment.inject({ kind: "thread", nodes: ["n1"], worker: 0, change: "stall" });
  await trial.pass(100);
  await trial.submit(sleeping("j.c", 20), sleeping("j.d", 20));
  await trial.pass(100);
  assert.equal((await trial.status("j.a"))?.state, "running");
  for (const task of ["j.b", "j.c", "j.d"]) assert.deepEqual((await trial.status(task))?.end, done);
  stall.heal();
  assert.deepEqual(await trial.waitFor("j.a"), [["j.a", done]]);
  assert.ok(stall.efficacy().count >= 200);
});

test("a paused node's clients and workers wait; the others' do not, unless it is the first node", async () => {
  const trial = await begin(2);
  const pause = trial.deployment.inject({ kind: "pause", nodes: ["n2"] });
  assert.deepEqual(await trial.ends(sleeping("j.a", 10), sleeping("j.b", 10)), [
    ["j.a", done],
    ["j.b", done],
  ]);
  pause.heal();
  const home = trial.deployment.inject({ kind: "pause", nodes: ["n1"] });
  assert.deepEqual(await trial.invoke({ kind: "submit", tasks: [sleeping("j.c", 10)], untilEnded: false }, 1000), {
    kind: "info",
    code: "REPLY_TIMEOUT",
  });
  home.heal();
  await trial.until("it is done all the same", async () => (await trial.status("j.c"))?.state === "completed");
});

test("a node that cannot reach the first one serves nobody and gets nothing; what it has done it tells later", async () => {
  const trial = await begin(2);
  await trial.submit(sleeping("j.a", 50), sleeping("j.b", 50));
  await trial.pass(20);
  const cut = trial.deployment.inject({ kind: "cut", links: between("n2", ["n1"]) });
  await trial.pass(100);
  assert.equal((await trial.status("j.a"))?.state, "completed");
  assert.equal((await trial.status("j.b"))?.state, "running");
  await trial.ends(sleeping("j.c", 1), sleeping("j.d", 1));
  const startedThere = trial.events.filter(({ node, event }) => node === "n2" && event.kind === "started");
  assert.equal(startedThere.length, 1, "only what it had before");
  assert.ok(cut.efficacy().count > 0);
  cut.heal();
  assert.deepEqual(await trial.waitFor("j.b"), [["j.b", done]]);
  assert.equal((await trial.status("j.b"))?.attempts, 1);
});

test("a client that is cut off from one node goes by another", async () => {
  const trial = await begin(3);
  for (const node of ["n1", "n2", "n3"]) {
    const cut = trial.deployment.inject({ kind: "cut", links: between(clientsEndpoint, [node]) });
    for (let job = 0; job < 4; job++) {
      const id = `${node}-${job}.a`;
      assert.deepEqual(await trial.ends(sleeping(id, 1)), [[id, done]]);
    }
    cut.heal();
  }
});

test("with another node than the first its attempts are lost, and no task is", async () => {
  const trial = await begin(3);
  const tasks = Array.from({ length: 9 }, (_, index) => sleeping(`j.t${index}`, 50));
  await trial.submit(...tasks);
  await trial.pass(20);
  const kill = trial.deployment.inject({ kind: "kill", nodes: ["n2", "n3"] });
  assert.equal(kill.efficacy().count, 2);
  await trial.waitFor(...tasks.map(({ id }) => id));
  kill.heal();
  const lost = trial.events.filter(({ event }) => event.kind === "ended" && event.end === "lost");
  assert.equal(lost.length, 2);
  const committed = trial.events.flatMap(({ event }) => (event.kind === "committed" ? [event.task] : []));
  assert.deepEqual(
    committed.toSorted(),
    tasks.map(({ id }) => id),
  );
});

test("the tradeoff: with the first node every task is forgotten, also an accepted one", async () => {
  const trial = await begin(3);
  assert.equal((await trial.submit(sleeping("j.a", 50))).kind, "ok");
  await trial.ends(sleeping("j.b", 1));
  const kill = trial.deployment.inject({ kind: "kill", nodes: ["n1"] });
  assert.notEqual((await trial.invoke({ kind: "status", task: "j.a" }, 500)).kind, "ok", "others cannot know");
  kill.heal();
  assert.equal(await trial.status("j.a"), null);
  assert.equal(await trial.status("j.b"), null);
  await trial.pass(200);
  assert.equal(await trial.status("j.a"), null, "what a worker still had in hand reaches nobody");
  const before = Math.max(...trial.events.map(({ event }) => (event.kind === "started" ? event.token : 0)));
  assert.deepEqual(await trial.ends(sleeping("j.a", 1)), [["j.a", done]]);
  const again = trial.events.findLast(({ event }) => event.kind === "started")?.event;
  assert.ok(again?.kind === "started" && again.token > before, "a later life's tokens are higher");
});

test("the same seed is the same run", async () => {
  const hashes = await Promise.all(
    ["a", "a", "b"].map(async (seed) => {
      const trial = await SchedulerTrial.begin(minimalScheduler, { seed, nodes: 3 });
      await trial.ends(sleeping("j.a", 5), sleeping("j.b", 5), sleeping("j.c", 5));
      return trial.deployment.traceHash();
    }),
  );
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});

test("in the simulator nothing real is touched", async () => {
  await withoutRealWorld(async () => {
    const trial = await begin(2);
    const body = { kind: "call", module: "simulated:sample", export: "sum", args: [1, 2] } as const;
    assert.deepEqual(await trial.ends({ id: "j.a", body }), [["j.a", { state: "completed", result: 3 }]]);
  });
});

test("what it cannot suffer is refused in words", async () => {
  const trial = await begin(1);
  const nodes = ["n1"];
  assert.throws(() => trial.deployment.inject({ kind: "disk", nodes, fault: { kind: "full" } }), UsageError);
  assert.throws(() => trial.deployment.inject({ kind: "clock", nodes, fault: { kind: "jump", byMs: 1 } }), UsageError);
  assert.throws(() => trial.deployment.inject({ kind: "membership", nodes, change: "add" }), UsageError);
  const moment = { kind: "message", message: "lease", from: "n1", to: "n2", count: 1, inTerm: false } as const;
  assert.throws(() => trial.deployment.at(moment, () => undefined), UsageError);
  await assert.rejects(
    SchedulerTrial.begin(minimalScheduler, { settings: { workers: 0 } }),
    /workers 0: allowed is a whole number/,
  );
});

test("in a real process it is the same scheduler, and calls are real", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "grey-scheduler-"));
  const trial = await SchedulerTrial.begin(minimalScheduler, { substrate: "cluster", nodes: 2, directory });
  const module = new URL("./sample-tasks.ts", import.meta.url).href;
  const call = (name: string, ...args: number[]) => ({ kind: "call", module, export: name, args }) as const;
  try {
    const ends = await trial.ends(
      { id: "j.sum", body: call("sum", 1, 2, 3) },
      { id: "j.spin", body: { kind: "spin", ms: 5, returns: "spun" }, dependencies: ["j.sum"] },
      { id: "j.crash", body: { kind: "crash", ms: 1, times: 2 } },
      { id: "j.bad", body: call("unspeakable"), maxAttempts: 1 },
      { id: "j.after", body: { kind: "sleep", ms: 1 }, dependencies: ["j.bad"] },
    );
    assert.deepEqual(ends, [
      ["j.sum", { state: "completed", result: 6 }],
      ["j.spin", { state: "completed", result: "spun" }],
      ["j.crash", done],
      ["j.bad", { state: "failed", reason: "threw", message: "It returned what has no form in JSON" }],
      ["j.after", { state: "failed", reason: "dependency", message: "j.bad" }],
    ]);
    assert.equal((await trial.refusal([{ id: "j.x", body: call("nothing") }])).code, "UNKNOWN_TASK");
    const missing = { ...call("sum"), module: new URL("./nowhere.ts", import.meta.url).href };
    assert.equal((await trial.refusal([{ id: "j.x", body: missing }])).code, "UNKNOWN_TASK");

    await trial.submit(sleeping("j.long", 60_000));
    trial.deployment.inject({ kind: "thread", nodes: ["n1"], worker: 0, change: "kill" });
    await trial.until("it runs again", async () => ((await trial.status("j.long"))?.attempts ?? 0) >= 2);

    const kill = trial.deployment.inject({ kind: "kill", nodes: trial.deployment.nodes });
    kill.heal();
    await trial.until("it has forgotten", async () => {
      const outcome = await trial.invoke({ kind: "status", task: "j.sum" }, 2000);
      return outcome.kind === "ok" && outcome.result.kind === "status" && outcome.result.status === null;
    });
  } finally {
    await trial.deployment.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

test("the module of a call is found as other schedulers find it: none beside the scheduler's own files", async () => {
  const { resolve } = inlineExecutor({ clock: nodeClock, defer: setImmediate });
  const exists = (module: string, name = "sum"): Promise<boolean> =>
    new Promise((found) => resolve({ kind: "call", module, export: name, args: [] }, found));
  const samples = new URL("./sample-tasks.ts", import.meta.url);
  assert.equal(await exists(samples.href), true);
  assert.equal(await exists(fileURLToPath(samples)), true);
  for (const module of ["./sample-tasks.ts", "data:text/javascript,export const sum = () => 1", ""]) {
    assert.equal(await exists(module), false, module);
  }
  assert.equal(await exists(samples.href, "toString"), false);
});

test("what cannot be shown as a text is a failed attempt all the same", () => {
  const unspeakable: unknown = Object.create(null);
  const message = Object.assign(new Error("x"), { message: 7 });
  assert.deepEqual(thrown(unspeakable), { kind: "threw", message: "something that cannot be shown" });
  assert.deepEqual(thrown(message), { kind: "threw", message: "7" });
});
