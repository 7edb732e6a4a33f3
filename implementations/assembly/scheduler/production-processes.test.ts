/**
 * Goal: in real processes, on real threads, what a production scheduler has accepted survives SIGKILL, and the end of
 * its threads; calls reach real modules, and what cannot be called is refused.
 * Method: one cluster under faults, driven by hand. What the contract says is tried in virtual time, by the same node.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { JsonValue, TaskSpec } from "../../scheduler/contract.ts";
import { productionScheduler } from "./implementations.ts";
import { SchedulerTrial } from "./scheduler-trial.fixture.ts";

const directories: string[] = [];

async function directory(): Promise<string> {
  const created = await mkdtemp(path.join(tmpdir(), "grey-scheduler-"));
  directories.push(created);
  return created;
}

after(() => Promise.all(directories.map((each) => rm(each, { recursive: true, force: true }))));

test("SIGKILL of processes and ends of threads lose no task and double none", async () => {
  const trial = await SchedulerTrial.begin(productionScheduler, {
    substrate: "cluster",
    nodes: 2,
    directory: await directory(),
    settings: { leaseMs: 300 },
  });
  try {
    const { deployment } = trial;
    const call = (name: string, ...args: JsonValue[]): TaskSpec => {
      const module = new URL("./sample-tasks.ts", import.meta.url).href;
      return { id: `calls.${name}`, body: { kind: "call", module, export: name, args }, maxAttempts: 1 };
    };
    const [sum, unspeakable] = await trial.ends(call("sum", 40, 2), call("unspeakable"));
    assert.deepEqual(sum, ["calls.sum", { state: "completed", result: 42 }]);
    assert.equal(unspeakable?.[1].state, "failed");
    const { code, reason } = await trial.refusal([call("nothing")]);
    assert.equal(code, "UNKNOWN_TASK");
    assert.match(reason, /no function "nothing"/);
    const jobs = ["a", "b", "c", "d"];
    const tasks = (job: string): TaskSpec[] =>
      Array.from({ length: 15 }, (_, index) => ({
        id: `${job}.${index}`,
        body: { kind: "sleep", ms: 20, checkpointMs: 1, returns: index },
        dependencies: index < 5 ? [] : [`${job}.${index - 5}`],
      }));
    for (const job of jobs) assert.equal((await trial.submit(...tasks(job))).kind, "ok");
    deployment.inject({ kind: "thread", nodes: deployment.nodes, worker: 0, change: "kill" });
    await trial.pass(100);
    const kill = deployment.inject({ kind: "kill", nodes: ["n1"] });
    await trial.pass(200);
    assert.equal(kill.efficacy().count, 1);
    kill.heal();
    for (const job of jobs) {
      const wanted = tasks(job).map(({ id }, index) => [id, { state: "completed", result: index }]);
      await trial.until(`${job} has ended`, async () => {
        const outcome = await trial.invoke({ kind: "wait", tasks: tasks(job).map(({ id }) => id) });
        if (outcome.kind !== "ok" || outcome.result.kind !== "wait") return false;
        assert.deepEqual(outcome.result.ended, wanted);
        return true;
      });
    }
    const committed = trial.events.flatMap(({ event }) => (event.kind === "committed" ? [event.task] : []));
    assert.equal(new Set(committed).size, committed.length, "no task takes effect twice");
  } finally {
    await trial.deployment.stop();
  }
});
