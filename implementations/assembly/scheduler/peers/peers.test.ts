/**
 * Goal: p-queue, piscina and BullMQ behind the driver's door do what the contract says as far as they can, refuse the
 * rest by name, keep or forget under faults what they say they do, and leave nothing behind.
 * Method: real processes, the same tests for all. Where Redis is not installed BullMQ's say so and are skipped; CI
 * installs it.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import type { DeployOptions, Outcome } from "../../../foundation/deployment.ts";
import { HarnessError, UsageError } from "../../../foundation/errors.ts";
import { clientsEndpoint } from "../../../foundation/faults.ts";
import { waitUntil } from "../../../platform/node/wait-until.ts";
import type {
  SchedulerDeployment,
  SchedulerEvent,
  SchedulerOperation,
  SchedulerResult,
  SchedulerState,
  TaskBody,
  TaskSpec,
} from "../../../scheduler/contract.ts";
import { isRunning, processes } from "../../cluster/processes.fixture.ts";
import { bullmqScheduler, schedulerPeers } from "./implementations.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-peers-"));
after(() => rmSync(root, { recursive: true, force: true }));

const calls = new URL("./call.fixture.ts", import.meta.url).href;

interface Running {
  readonly deployment: SchedulerDeployment;
  readonly ask: (
    operation: SchedulerOperation,
    deadlineMs?: number,
    session?: number,
  ) => Promise<Outcome<SchedulerResult>>;
  readonly run: (...tasks: readonly TaskSpec[]) => Promise<Outcome<SchedulerResult>>;
  readonly events: readonly SchedulerEvent[];
  readonly state: () => Promise<SchedulerState>;
}

const spin = (ms = 0, returns: number | null = null): TaskBody => ({ kind: "spin", ms, returns });
const submit = (tasks: readonly TaskSpec[], untilEnded = true): SchedulerOperation => ({
  kind: "submit",
  tasks,
  untilEnded,
});
const ended = (...tasks: readonly (readonly [string, unknown])[]): unknown => ({
  kind: "ok",
  result: { kind: "submit", ended: tasks.map(([id, result]) => [id, { state: "completed", result }]) },
});

/** Waits until the node is gone; to ask it for its state would wait for an answer that does not come. */
async function down(events: readonly SchedulerEvent[]): Promise<void> {
  await waitUntil("the node is down", () => events.some((event) => event.kind === "stop"));
}

function descendantsOf(parent: number): readonly { readonly pid: number; readonly command: string }[] {
  const all = processes().filter(({ zombie }) => !zombie);
  const below = (pid: number): typeof all => {
    const children = all.filter((each) => each.parent === pid);
    return [...children, ...children.flatMap((child) => below(child.pid))];
  };
  return below(parent);
}

for (const implementation of schedulerPeers) {
  const available = await implementation.available();
  const skip = available === true ? false : available;
  const { name, durable } = implementation;

  /** Runs `work` on a deployment and stops it; afterwards no process and no data is left. */
  const deployed = async (
    work: (running: Running) => Promise<void>,
    settings: NonNullable<DeployOptions["settings"]> = {},
  ): Promise<void> => {
    const directory = mkdtempSync(path.join(root, "trial-"));
    const before = new Set(descendantsOf(process.pid).map(({ pid }) => pid));
    const deployment = await implementation.deploy({ substrate: "cluster", nodes: 3, seed: 1, directory, settings });
    const pids = descendantsOf(process.pid)
      .map(({ pid }) => pid)
      .filter((pid) => !before.has(pid));
    const events: SchedulerEvent[] = [];
    deployment.observe(({ event }) => events.push(event));
    let sequence = 0;
    const ask: Running["ask"] = (operation, deadlineMs = 20_000, session = 1) =>
      new Promise((resolve) => {
        deployment.invoke({ session, sequence: ++sequence, operation }, deadlineMs, resolve);
      });
    const state = async (): Promise<SchedulerState> => {
      const found = (await deployment.states()).get("n1");
      assert.ok(found?.kind === "state", JSON.stringify(found));
      return found.state;
    };
    try {
      await work({ deployment, ask, run: (...tasks) => ask(submit(tasks)), events, state });
    } finally {
      await deployment.stop();
      await deployment.stop(); // Idempotent.
    }
    assert.deepEqual(pids.filter(isRunning), [], "no process is left");
    assert.deepEqual(readdirSync(directory), [], "no data is left");
  };

  describe(name, () => {
    test("it runs tasks, tells how they ended, and knows those it knows", { skip }, async () => {
      await deployed(async ({ deployment, ask, run, events, state }) => {
        assert.deepEqual(deployment.nodes, ["n1"]);
        const add: TaskBody = { kind: "call", module: calls, export: "add", args: [1, 2] };
        const tasks = [
          { id: "j.a", body: spin(1, 0) },
          { id: "j.b", body: add },
        ];
        assert.deepEqual(await run(...tasks), ended(["j.a", 0], ["j.b", 3]));
        assert.deepEqual(await run(...tasks), ended(["j.a", 0], ["j.b", 3]), "the same once more");
        const other = await run({ id: "j.a", body: spin(2) });
        assert.deepEqual(other, { kind: "fail", code: "ALREADY_EXISTS", reason: "j.a: it is another task" });
        const failing: TaskSpec = { id: "j.f", body: { kind: "fail", ms: 0, message: "boom" }, maxAttempts: 2 };
        assert.deepEqual(await ask(submit([failing], false)), { kind: "ok", result: { kind: "submit", ended: [] } });
        const end = { state: "failed", reason: "threw", message: "boom" } as const;
        assert.deepEqual(await ask({ kind: "wait", tasks: ["j.f", "j.a"] }), {
          kind: "ok",
          result: {
            kind: "wait",
            ended: [
              ["j.f", end],
              ["j.a", { state: "completed", result: 0 }],
            ],
          },
        });
        assert.deepEqual(await ask({ kind: "status", task: "j.f" }), {
          kind: "ok",
          result: { kind: "status", status: { state: "failed", attempts: 2, end } },
        });
        assert.deepEqual(await ask({ kind: "status", task: "j.x" }), {
          kind: "ok",
          result: { kind: "status", status: null },
        });
        assert.deepEqual(await ask({ kind: "wait", tasks: ["j.a", "j.x"] }), { kind: "fail", code: "NOT_FOUND" });
        const { tasks: known, starts } = await state();
        assert.deepEqual(known, [
          ["j.a", "completed", { state: "completed", result: 0 }],
          ["j.b", "completed", { state: "completed", result: 3 }],
          ["j.f", "failed", end],
        ]);
        assert.deepEqual(starts, ["j.a", "j.b", "j.f"]);
        await deployment.states(); // What was traced before has come.
        const of = events.filter((event) => "task" in event && event.task === "j.f");
        const told = of.map((event) => (event.kind === "ended" ? event.end : event.kind));
        assert.deepEqual(told, ["accepted", "ready", "started", "threw", "ready", "started", "threw", "committed"]);
        const tokens = of.flatMap((event) => ("token" in event ? [event.token] : []));
        assert.deepEqual(
          tokens,
          tokens.toSorted((a, b) => a - b),
          "tokens grow",
        );
        assert.equal(new Set(tokens).size, 2, "one per attempt");
      });
    });

    // What is the host's alone need not be seen of every library.
    if (name === "p-queue") {
      test("a full queue is an answer", { skip }, async () => {
        const fill = async ({ ask, run }: Running): Promise<void> => {
          const three = ["a", "b", "c"].map((each) => ({ id: `j.${each}`, body: spin() }));
          const full = (answer: Outcome<SchedulerResult>): void => {
            assert.ok(answer.kind === "fail" && answer.code === "CAPACITY_EXCEEDED", JSON.stringify(answer));
            assert.match(answer.reason ?? "", /of at most 2/);
          };
          full(await run(...three));
          const two = three.slice(0, 2).map(({ id }) => ({ id, body: { kind: "sleep", ms: 300 } as const }));
          assert.equal((await ask(submit(two, false))).kind, "ok");
          full(await run({ id: "j.c", body: spin() }));
          assert.equal((await ask({ kind: "wait", tasks: ["j.a", "j.b"] })).kind, "ok");
          assert.deepEqual(await run({ id: "j.c", body: spin() }), ended(["j.c", null]));
        };
        await deployed(fill, { queueLimit: 2 });
      });
    }

    test("no more run at a time than it has workers, and each has a place of its own", { skip }, async () => {
      await deployed(
        async ({ deployment, run, events }) => {
          const body = { kind: "sleep", ms: 3 } as const;
          await run(...Array.from({ length: 30 }, (_, index) => ({ id: `j.${index}x`, body })));
          await deployment.states();
          const busy = new Set<number>();
          let most = 0;
          for (const event of events) {
            if (event.kind === "ended") assert.ok(busy.delete(event.worker));
            if (event.kind !== "started") continue;
            assert.ok(!busy.has(event.worker) && event.waitMs >= 0);
            busy.add(event.worker);
            most = Math.max(most, busy.size);
          }
          assert.equal(most, 3);
        },
        { workers: 3 },
      );
    });

    if (durable) {
      for (const durability of ["everysec", "fsync"] as const) {
        test(`killed it keeps every task and ends it, ${durability}`, { skip }, async () => {
          await deployed(
            async ({ deployment, ask, run, state, events }) => {
              assert.equal((await run({ id: "j.before", body: spin(0, 0) })).kind, "ok");
              const mends = { kind: "fail", ms: 0, message: "once", times: 1 } as const;
              assert.deepEqual(await run({ id: "j.mended", body: mends }), ended(["j.mended", null]));
              const ids = Array.from({ length: 12 }, (_, index) => `j.t${index}`);
              const tasks = ids.map((id) => ({ id, body: { kind: "sleep", ms: 60, returns: id } as const }));
              assert.equal((await ask(submit(tasks, false))).kind, "ok");
              await waitUntil("some run", () => events.filter(({ kind }) => kind === "started").length > 3);
              const fault = deployment.inject({ kind: "kill", nodes: ["n1"] });
              assert.equal(fault.efficacy().count, durability === "fsync" ? 2 : 1);
              await down(events);
              fault.heal();
              const all = await ask({ kind: "wait", tasks: ["j.before", "j.mended", ...ids] }, 30_000);
              assert.deepEqual(all, {
                kind: "ok",
                result: {
                  kind: "wait",
                  ended: [["j.before", 0], ["j.mended", null], ...ids.map((id) => [id, id])].map(([id, result]) => [
                    id,
                    { state: "completed", result },
                  ]),
                },
              });
              assert.equal((await state()).tasks.length, 14);
              const starts = events.filter((event) => event.kind === "start");
              assert.deepEqual(
                starts.map(({ life }) => life),
                [1, 2],
              );
              assert.ok((starts[1]?.tasks ?? 0) > 0, "it found what had not ended");
              const lost = events.filter((event) => event.kind === "ended" && event.end === "lost");
              assert.ok(lost.length > 0, "those that ran were run again, and not held against them");
              const committed = events.flatMap((event) => (event.kind === "committed" ? [event.task] : []));
              assert.equal(new Set(committed).size, committed.length, "committed at most once");
            },
            { durability, lockMs: 200 },
          );
        });
      }

      test("a Redis that somebody kills is told as what it is", { skip }, async () => {
        await deployed(async ({ deployment }) => {
          const server = descendantsOf(process.pid).find(({ command }) => command.includes("redis-server"));
          assert.ok(server !== undefined);
          const running = deployment.run(20_000, () => undefined);
          process.kill(server.pid, "SIGKILL");
          await assert.rejects(
            running,
            (error) => error instanceof HarnessError && /redis.*SIGKILL/.test(error.message),
          );
        });
      });
    } else {
      test("killed it has forgotten everything, and serves again", { skip }, async () => {
        await deployed(async ({ deployment, ask, run, state, events }) => {
          assert.equal((await run({ id: "j.a", body: spin() })).kind, "ok");
          const fault = deployment.inject({ kind: "kill", nodes: ["n1"] });
          assert.equal(fault.efficacy().count, 1);
          await down(events);
          fault.heal();
          assert.deepEqual(await ask({ kind: "wait", tasks: ["j.a"] }), { kind: "fail", code: "NOT_FOUND" });
          assert.deepEqual((await state()).tasks, []);
          assert.deepEqual(await run({ id: "j.a", body: spin(0, 1) }), ended(["j.a", 1]));
        });
      });
    }

    test("paused, restarted or cut off from its clients, it goes on", { skip }, async () => {
      await deployed(async ({ deployment, ask, run, events }) => {
        const links = [
          { from: clientsEndpoint, to: "n1" },
          { from: "n1", to: clientsEndpoint },
        ];
        const faults = [
          { kind: "pause", nodes: ["n1"] },
          { kind: "cut", links },
          { kind: "packet", links, fault: { kind: "half-open" } },
        ] as const;
        for (const [index, each] of faults.entries()) {
          const fault = deployment.inject(each);
          const asked = run({ id: `j.f${index}`, body: spin() });
          assert.equal(await Promise.race([asked, deployment.run(200, () => undefined)]), false, "no answer meanwhile");
          fault.heal();
          assert.deepEqual(await asked, ended([`j.f${index}`, null]));
          await deployment.resources();
          assert.ok(fault.efficacy().count > 0, JSON.stringify(each));
        }
        const restart = deployment.inject({ kind: "graceful-restart", nodes: ["n1"] });
        await down(events);
        restart.heal();
        const status = await ask({ kind: "status", task: "j.f0" });
        assert.ok(status.kind === "ok" && status.result.kind === "status", JSON.stringify(status));
        assert.equal(status.result.status?.state, durable ? "completed" : undefined);
      });
    });

    if (name !== "p-queue") {
      test("when the driver is killed nothing is left, though it is paused", { skip }, async () => {
        const directory = mkdtempSync(path.join(root, "driver-"));
        const driver = spawn(
          process.execPath,
          ["--input-type=module-typescript", "--eval", driverSource(name, directory)],
          {
            stdio: ["ignore", "pipe", "inherit"],
          },
        );
        try {
          await once(driver.stdout, "data");
          assert.ok(driver.pid !== undefined);
          const started = descendantsOf(driver.pid);
          assert.ok(started.length >= (durable ? 4 : 2), JSON.stringify(started));
          driver.kill("SIGKILL");
          await waitUntil("all are gone", () => started.every(({ pid }) => !isRunning(pid)));
        } finally {
          driver.kill("SIGKILL");
        }
      });
    }

    test("what cannot be done is refused before anything is started", { skip }, async () => {
      const directory = path.join(root, `refused-${name}`);
      const rows: readonly (readonly [object, RegExp])[] = [
        [{ substrate: "simulated" }, /simulator/],
        [{ settings: { workers: 0 } }, /workers 0.*\[1, 256\]/],
        ...(durable ? [[{ settings: { durability: "maybe" } }, /durability maybe: allowed are fsync/] as const] : []),
      ];
      for (const [options, message] of rows) {
        const deploying = implementation.deploy({ substrate: "cluster", nodes: 1, seed: 1, directory, ...options });
        await assert.rejects(deploying, (error) => error instanceof UsageError && message.test(error.message));
      }
      assert.equal(existsSync(directory), false);
    });
  });
}

test("where Redis is not installed BullMQ says what to install", async () => {
  const before = process.env["GREY_REDIS"];
  process.env["GREY_REDIS"] = path.join(root, "no-such-file");
  try {
    assert.match(String(await bullmqScheduler.available()), /^redis is not installed: run .npm run peers.*GREY_REDIS$/);
  } finally {
    if (before === undefined) delete process.env["GREY_REDIS"];
    else process.env["GREY_REDIS"] = before;
  }
});

/** Deploys, says so, and waits to be killed. */
function driverSource(name: string, directory: string): string {
  return `
    import { schedulerPeers } from ${JSON.stringify(new URL("./implementations.ts", import.meta.url).href)};
    const peer = schedulerPeers.find(({ name }) => name === ${JSON.stringify(name)});
    const deployment = await peer.deploy({
      substrate: "cluster", nodes: 1, seed: 1, directory: ${JSON.stringify(directory)},
    });
    const operation = { kind: "submit", tasks: [{ id: "j.a", body: { kind: "spin", ms: 1 } }], untilEnded: true };
    await new Promise((resolve) => deployment.invoke({ session: 1, sequence: 1, operation }, 20000, resolve));
    deployment.inject({ kind: "pause", nodes: ["n1"] });
    await deployment.run(100, () => undefined);
    process.stdout.write("deployed");
    await deployment.run(1e6, () => undefined);
  `;
}
