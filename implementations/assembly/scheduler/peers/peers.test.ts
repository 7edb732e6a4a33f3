/**
 * Goal: p-queue, piscina and BullMQ behind the driver's door do what the contract says as far as they can, refuse the
 * rest by name, keep or forget under faults what they say they do, and leave nothing behind.
 * Method: real processes, the same tests for all. Where Redis is not installed BullMQ's say so and are skipped; CI
 * installs it.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { DeployOptions, Outcome } from "../../../foundation/deployment.ts";
import { HarnessError, UsageError } from "../../../foundation/errors.ts";
import { clientsEndpoint } from "../../../foundation/faults.ts";
import type { FaultHandle } from "../../../foundation/faults.ts";
import { waitUntil } from "../../../platform/node/wait-until.ts";
import type {
  SchedulerDeployment,
  SchedulerEvent,
  SchedulerImplementation,
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

/** A deployment that is driven by hand. */
class Running {
  readonly deployment: SchedulerDeployment;
  readonly events: SchedulerEvent[] = [];
  readonly #directory: string;
  readonly #others: ReadonlySet<number>;
  readonly #started: readonly number[];
  #sequence = 0;

  private constructor(deployment: SchedulerDeployment, directory: string, others: ReadonlySet<number>) {
    this.deployment = deployment;
    this.#directory = directory;
    this.#others = others;
    this.#started = this.#processes();
    deployment.observe(({ event }) => this.events.push(event));
  }

  static async begin(
    implementation: SchedulerImplementation,
    settings: NonNullable<DeployOptions["settings"]>,
  ): Promise<Running> {
    const directory = mkdtempSync(path.join(root, "trial-"));
    const others = new Set(descendantsOf(process.pid).map(({ pid }) => pid));
    const options = { substrate: "cluster", nodes: 3, seed: 1, directory, settings } as const;
    return new Running(await implementation.deploy(options), directory, others);
  }

  /** Afterwards no process and no data is left. */
  async stop(): Promise<void> {
    const pids = new Set([...this.#started, ...this.#processes()]);
    await this.deployment.stop();
    await this.deployment.stop(); // Idempotent.
    assert.deepEqual([...pids].filter(isRunning), [], "no process is left");
    assert.deepEqual(readdirSync(this.#directory), [], "no data is left");
  }

  #processes(): readonly number[] {
    const pids = descendantsOf(process.pid).map(({ pid }) => pid);
    return pids.filter((pid) => !this.#others.has(pid));
  }

  ask(operation: SchedulerOperation, deadlineMs = 20_000): Promise<Outcome<SchedulerResult>> {
    const sequence = ++this.#sequence;
    return new Promise((resolve) => {
      this.deployment.invoke({ session: 1, sequence, operation }, deadlineMs, resolve);
    });
  }

  run(...tasks: readonly TaskSpec[]): Promise<Outcome<SchedulerResult>> {
    return this.ask(submit(tasks));
  }

  async state(): Promise<SchedulerState> {
    const found = (await this.deployment.states()).get("n1");
    assert.ok(found?.kind === "state", JSON.stringify(found));
    return found.state;
  }

  count(kind: SchedulerEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /**
   * Injects what takes the node down, and waits until it is: to ask it for its state would wait for an answer that does
   * not come.
   */
  async takeDown(kind: "kill" | "graceful-restart"): Promise<FaultHandle> {
    const stops = this.count("stop");
    const fault = this.deployment.inject({ kind, nodes: ["n1"] });
    await waitUntil("the node is down", () => this.count("stop") > stops);
    return fault;
  }
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

function descendantsOf(parent: number): readonly { readonly pid: number; readonly command: string }[] {
  const all = processes().filter(({ zombie }) => !zombie);
  const below = (pid: number): typeof all => {
    const children = all.filter((each) => each.parent === pid);
    return [...children, ...children.flatMap((child) => below(child.pid))];
  };
  return below(parent);
}

/** What the host is killed in the middle of is all done in the end, and told of once. `kills`: processes it ends. */
async function killedItKeepsAll(running: Running, job: string, kills: number): Promise<void> {
  const { events } = running;
  assert.equal((await running.run({ id: `${job}.before`, body: spin(0, 0) })).kind, "ok");
  const mends = { kind: "fail", ms: 0, message: "once", times: 1 } as const;
  assert.deepEqual(await running.run({ id: `${job}.mended`, body: mends }), ended([`${job}.mended`, null]));
  // Some end before the kill, the others wait for what comes after it: so it meets some that run, and some that wait.
  const opens = path.join(root, `${job}-goes-on`);
  const ids = Array.from({ length: 12 }, (_, index) => `${job}.t${index}`);
  const tasks = ids.map((id, index) => {
    const held = { kind: "call", module: calls, export: "untilFile", args: [opens, id] } as const;
    return { id, body: index < 3 ? ({ kind: "sleep", ms: 20, returns: id } as const) : held };
  });
  const [started, known] = [running.count("started"), events.length];
  assert.equal((await running.ask(submit(tasks, false))).kind, "ok");
  await waitUntil("some run", () => running.count("started") > started + 3);
  const fault = await running.takeDown("kill");
  assert.equal(fault.efficacy().count, kills);
  writeFileSync(opens, "");
  fault.heal();
  const all = await running.ask({ kind: "wait", tasks: [`${job}.before`, `${job}.mended`, ...ids] }, 30_000);
  const wanted = [
    [`${job}.before`, 0] as const,
    [`${job}.mended`, null] as const,
    ...ids.map((id) => [id, id] as const),
  ];
  assert.deepEqual(all, {
    kind: "ok",
    result: { kind: "wait", ended: wanted.map(([id, result]) => [id, { state: "completed", result }]) },
  });
  const held = (await running.state()).tasks.filter(([id]) => id.startsWith(`${job}.`));
  assert.equal(held.length, wanted.length);
  const lives = events.flatMap((event) => (event.kind === "start" ? [event.life] : []));
  assert.deepEqual(
    lives,
    lives.map((_, index) => index + 1),
  );
  const again = events.slice(known).find((event) => event.kind === "start");
  assert.ok((again?.tasks ?? 0) > 0, "it found what had not ended");
  const lost = events.filter((event) => event.kind === "ended" && event.end === "lost");
  assert.ok(lost.length > 0, "those that ran were run again, and not held against them");
  const committed = events.flatMap((event) => (event.kind === "committed" ? [event.task] : []));
  assert.equal(new Set(committed).size, committed.length, "committed at most once");
}

const offers = await Promise.all(
  schedulerPeers.map(async (implementation) => {
    const available = await implementation.available();
    return { implementation, skip: available === true ? (false as const) : available };
  }),
);

for (const { implementation, skip } of offers) {
  const { name, durable } = implementation;
  // A process that has forgotten everything begins as any other: p-queue's shows it for piscina's.
  const beginsAnew = name !== "piscina";

  // A deployment takes its time to start: this one is for all that leaves it as good as new.
  describe(`${name}, one thing after the other`, { skip }, () => {
    let running: Running;
    before(async () => {
      running = await Running.begin(implementation, { workers: 3, ...(durable ? { lockMs: 1000 } : {}) });
    });
    after(() => running.stop());

    test("it runs tasks, tells how they ended, and knows those it knows", async () => {
      const { deployment, events } = running;
      assert.deepEqual(deployment.nodes, ["n1"]);
      const add: TaskBody = { kind: "call", module: calls, export: "add", args: [1, 2] };
      const tasks = [
        { id: "j.a", body: spin(1, 0) },
        { id: "j.b", body: add },
      ];
      assert.deepEqual(await running.run(...tasks), ended(["j.a", 0], ["j.b", 3]));
      assert.deepEqual(await running.run(...tasks), ended(["j.a", 0], ["j.b", 3]), "the same once more");
      let other = await running.run({ id: "j.a", body: spin(2) });
      // A late first answer leaves open what became of the first copy.
      while (other.kind === "info") other = await running.run({ id: "j.a", body: spin(2) });
      assert.deepEqual(other, { kind: "fail", code: "ALREADY_EXISTS", reason: "j.a: it is another task" });
      const failing: TaskSpec = { id: "j.f", body: { kind: "fail", ms: 0, message: "boom" }, maxAttempts: 2 };
      assert.deepEqual(await running.ask(submit([failing], false)), {
        kind: "ok",
        result: { kind: "submit", ended: [] },
      });
      const end = { state: "failed", reason: "threw", message: "boom" } as const;
      assert.deepEqual(await running.ask({ kind: "wait", tasks: ["j.f", "j.a"] }), {
        kind: "ok",
        result: {
          kind: "wait",
          ended: [
            ["j.f", end],
            ["j.a", { state: "completed", result: 0 }],
          ],
        },
      });
      assert.deepEqual(await running.ask({ kind: "status", task: "j.f" }), {
        kind: "ok",
        result: { kind: "status", status: { state: "failed", attempts: 2, end } },
      });
      assert.deepEqual(await running.ask({ kind: "status", task: "j.x" }), {
        kind: "ok",
        result: { kind: "status", status: null },
      });
      assert.deepEqual(await running.ask({ kind: "wait", tasks: ["j.a", "j.x"] }), { kind: "fail", code: "NOT_FOUND" });
      const { tasks: known, starts } = await running.state();
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

    test("no more run at a time than it has workers, and each has a place of its own", async () => {
      const body = { kind: "sleep", ms: 3 } as const;
      const known = running.events.length;
      await running.run(...Array.from({ length: 30 }, (_, index) => ({ id: `many.${index}x`, body })));
      await running.deployment.states();
      const busy = new Set<number>();
      let most = 0;
      for (const event of running.events.slice(known)) {
        if (event.kind === "ended") assert.ok(busy.delete(event.worker));
        if (event.kind !== "started") continue;
        assert.ok(!busy.has(event.worker) && event.waitMs >= 0);
        busy.add(event.worker);
        most = Math.max(most, busy.size);
      }
      assert.equal(most, 3);
    });

    test("paused, restarted or cut off from its clients, it goes on", async () => {
      const { deployment } = running;
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
        if (each.kind !== "pause") await deployment.resources(); // Or the request may pass before it.
        const asked = running.run({ id: `faults.f${index}`, body: spin() });
        assert.equal(await Promise.race([asked, deployment.run(100, () => undefined)]), false, "no answer meanwhile");
        fault.heal();
        assert.deepEqual(await asked, ended([`faults.f${index}`, null]));
        await deployment.resources();
        assert.ok(fault.efficacy().count > 0, JSON.stringify(each));
      }
      if (!beginsAnew) return;
      (await running.takeDown("graceful-restart")).heal();
      const status = await running.ask({ kind: "status", task: "faults.f0" });
      assert.ok(status.kind === "ok" && status.result.kind === "status", JSON.stringify(status));
      assert.equal(status.result.status?.state, durable ? "completed" : undefined);
    });

    if (durable) {
      test("killed it keeps every task and ends it", () => killedItKeepsAll(running, "killed", 1));

      test("a Redis that somebody kills is told as what it is", async () => {
        const server = descendantsOf(process.pid).find(({ command }) => command.includes("redis-server"));
        assert.ok(server !== undefined);
        const waiting = running.deployment.run(20_000, () => undefined);
        process.kill(server.pid, "SIGKILL");
        await assert.rejects(waiting, (error) => error instanceof HarnessError && /redis.*SIGKILL/.test(error.message));
      });
    } else if (beginsAnew) {
      test("killed it has forgotten everything, and serves again", async () => {
        assert.equal((await running.run({ id: "killed.a", body: spin() })).kind, "ok");
        const fault = await running.takeDown("kill");
        assert.equal(fault.efficacy().count, 1);
        fault.heal();
        assert.deepEqual(await running.ask({ kind: "wait", tasks: ["killed.a"] }), { kind: "fail", code: "NOT_FOUND" });
        assert.deepEqual((await running.state()).tasks, []);
        assert.deepEqual(await running.run({ id: "killed.a", body: spin(0, 1) }), ended(["killed.a", 1]));
      });
    }
  });

  describe(name, { skip }, () => {
    if (durable) {
      test("killed with its Redis it keeps every task and ends it, where all is on disk first", async () => {
        const running = await Running.begin(implementation, { durability: "fsync", lockMs: 200 });
        try {
          await killedItKeepsAll(running, "j", 2);
        } finally {
          await running.stop();
        }
      });
    }

    test("what cannot be done is refused before anything is started", async () => {
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

// Their host is the same: that of the one with the most processes shows it for all.
const driven = offers.find((offer) => offer.skip === false)?.implementation;
test("when the driver is killed nothing is left, though it is paused", async () => {
  assert.ok(driven !== undefined, "piscina is always there");
  const directory = mkdtempSync(path.join(root, "driver-"));
  const driver = spawn(
    process.execPath,
    ["--input-type=module-typescript", "--eval", driverSource(driven.name, directory)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    await once(driver.stdout, "data");
    assert.ok(driver.pid !== undefined);
    const started = descendantsOf(driver.pid);
    assert.ok(started.length >= (driven.durable ? 4 : 2), JSON.stringify(started));
    driver.kill("SIGKILL");
    await waitUntil("all are gone", () => started.every(({ pid }) => !isRunning(pid)));
  } finally {
    driver.kill("SIGKILL");
  }
});

test("where Redis is not installed BullMQ says what to install", async () => {
  const earlier = process.env["GREY_REDIS"];
  process.env["GREY_REDIS"] = path.join(root, "no-such-file");
  try {
    assert.match(String(await bullmqScheduler.available()), /^redis is not installed: run .npm run peers.*GREY_REDIS$/);
  } finally {
    if (earlier === undefined) delete process.env["GREY_REDIS"];
    else process.env["GREY_REDIS"] = earlier;
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
