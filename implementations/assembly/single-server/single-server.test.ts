/**
 * Goal: PostgreSQL and Redis behind the driver's door do what the contract says, under faults too, and keep what they
 * acknowledged; nothing outlives a deployment, however the driver ends.
 * Method: real servers, the same tests for both. Where one is not installed its tests say so and are skipped; CI
 * installs them.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Outcome } from "../../foundation/deployment.ts";
import { HarnessError, UsageError } from "../../foundation/errors.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { waitUntil } from "../../platform/node/wait-until.ts";
import type {
  StorageDeployment,
  StorageEvent,
  StorageImplementation,
  StorageOperation,
  StorageResult,
  StorageState,
} from "../../storage/contract.ts";
import { isRunning, processes } from "../cluster/processes.fixture.ts";
import { postgresqlStorage } from "../postgresql/postgresql-implementation.ts";
import { redisStorage } from "../redis/redis-implementation.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-server-"));
after(() => rmSync(root, { recursive: true, force: true }));

type Perform = (
  session: number,
  sequence: number,
  operation: StorageOperation,
  deadlineMs?: number,
) => Promise<Outcome<StorageResult>>;

interface Running {
  readonly deployment: StorageDeployment;
  readonly perform: Perform;
  readonly events: readonly StorageEvent[];
  /** Everything it holds. */
  readonly entries: () => Promise<StorageState["entries"]>;
}

/** A server that was killed reads its log first, and syncs what it finds. */
const limitMs = 60_000;
const level = "majority" as const;
const put = (key: string, value: string): StorageOperation => ({ kind: "put", key, value, level });
const get = (key: string): StorageOperation => ({ kind: "get", key, level });
const remove = (key: string): StorageOperation => ({ kind: "delete", key, level });
const cas = (key: string, from: string | null, to: string): StorageOperation => ({ kind: "cas", key, from, to });
const ok = (result: StorageResult): Outcome<StorageResult> => ({ kind: "ok", result });
const fail = (code: "NOT_FOUND" | "PRECONDITION_FAILED" | "MALFORMED_REQUEST"): Outcome<StorageResult> => ({
  kind: "fail",
  code,
});

/** Every process below `parent`. */
function descendantsOf(parent: number): readonly { readonly pid: number; readonly command: string }[] {
  const all = processes().filter(({ zombie }) => !zombie);
  const below = (pid: number): typeof all => {
    const children = all.filter((each) => each.parent === pid);
    return [...children, ...children.flatMap((child) => below(child.pid))];
  };
  return below(parent);
}

for (const { implementation, variable } of [
  { implementation: redisStorage, variable: "GREY_REDIS" },
  { implementation: postgresqlStorage, variable: "GREY_POSTGRES" },
]) {
  const available = await implementation.available();
  const skip = available === true ? false : available;

  /**
   * A deployment for the tests of a group, since it takes its time to start; each has sessions of its own. Afterwards
   * no process and no data is left.
   */
  const serverFor = (repeats: boolean): ((work: (running: Running) => Promise<void>) => Promise<void>) => {
    let deployment: StorageDeployment | undefined;
    let directory = "";
    let pids: readonly number[] = [];
    let sessions = 0;
    const events: StorageEvent[] = [];
    before(async () => {
      directory = mkdtempSync(path.join(root, "trial-"));
      const others = new Set(descendantsOf(process.pid).map(({ pid }) => pid));
      deployment = await implementation.deploy({ substrate: "cluster", nodes: 3, seed: 1, directory, repeats });
      deployment.observe(({ event }) => events.push(event));
      const started = descendantsOf(process.pid).map(({ pid }) => pid);
      pids = started.filter((pid) => !others.has(pid));
    });
    after(async () => {
      await deployment?.stop();
      await deployment?.stop(); // Idempotent.
      assert.deepEqual(pids.filter(isRunning), [], "no process is left");
      assert.deepEqual(readdirSync(directory), [], "no data is left");
    });
    return async (work) => {
      assert.ok(deployment !== undefined);
      const running = deployment;
      const firstSession = (sessions += 100);
      const perform: Perform = (session, sequence, operation, deadlineMs = 60_000) =>
        new Promise((resolve) => {
          running.invoke({ session: firstSession + session, sequence, operation }, deadlineMs, resolve);
        });
      const entries = async (): Promise<StorageState["entries"]> => {
        const found = (await running.states()).get("n1");
        assert.ok(found?.kind === "state", JSON.stringify(found));
        return found.state.entries;
      };
      await work({ deployment: running, perform, events, entries });
    };
  };

  describe(implementation.name, () => {
    describe("whose clients may repeat themselves", { skip }, () => {
      const withServer = serverFor(true);

      test("killed in the middle of writes it comes back with all it acknowledged", async () => {
        await withServer(async ({ deployment, perform, events, entries }) => {
          const acknowledged = new Map<string, number>();
          let isOver = false;
          const client = async (session: number): Promise<void> => {
            for (let sequence = 1; !isOver; sequence++) {
              const answer = await perform(session, sequence, put(`k${session}`, `${sequence}`));
              assert.ok(answer.kind === "ok" && answer.result.kind === "put", JSON.stringify(answer));
              assert.equal(answer.result.version, sequence, "each exactly once");
              acknowledged.set(`k${session}`, sequence);
            }
          };
          const clients = Array.from({ length: 8 }, (_, index) => client(index + 1));
          for (const kind of ["kill", "graceful-restart", "kill"] as const) {
            await waitUntil("all have written", () => acknowledged.size === 8, limitMs);
            const fault = deployment.inject({ kind, nodes: ["n1"] });
            while ((await deployment.states()).get("n1")?.kind === "state") await deployment.run(1, () => undefined);
            acknowledged.clear();
            fault.heal();
            assert.equal(fault.efficacy().count, 1);
          }
          await waitUntil("all have written again", () => acknowledged.size === 8, limitMs);
          isOver = true;
          await Promise.all(clients);
          const keys = [...acknowledged.keys()].toSorted((one, other) => (one < other ? -1 : 1));
          const expected = keys.map((key) => [key, `${acknowledged.get(key)}`, acknowledged.get(key)]);
          assert.deepEqual(await entries(), expected);
          const starts = (): readonly StorageEvent[] => events.filter((event) => event.kind === "start");
          // It serves before it has counted what it found.
          await waitUntil("its last start is told of", () => starts().length === 4);
          assert.deepEqual(
            starts().map((event) => event.kind === "start" && [event.life, event.records]),
            [1, 2, 3, 4].map((life) => [life, life === 1 ? 0 : 8]),
          );
          const stops = events.filter((event) => event.kind === "stop");
          assert.deepEqual(
            stops.map(({ orderly }) => orderly),
            [false, true, false],
          );
        });
      });

      test("every operation, once each; deleted keys are remembered", async () => {
        await withServer(async ({ deployment, perform, entries }) => {
          assert.deepEqual(deployment.nodes, ["n1"]);
          assert.deepEqual(await perform(1, 1, get("k")), ok({ kind: "get", value: null, version: 0 }));
          assert.deepEqual(await perform(1, 2, remove("k")), fail("NOT_FOUND"));
          assert.deepEqual(await perform(1, 3, cas("k", "x", "1")), fail("PRECONDITION_FAILED"));
          assert.deepEqual(await perform(1, 4, cas("k", null, "1")), ok({ kind: "cas", version: 1 }));
          assert.deepEqual(await perform(1, 4, cas("k", null, "1")), ok({ kind: "cas", version: 1 }), "a repeat");
          assert.deepEqual(await perform(1, 5, cas("k", null, "2")), fail("PRECONDITION_FAILED"));
          assert.deepEqual(await perform(1, 6, put("k", "2")), ok({ kind: "put", version: 2 }));
          assert.deepEqual(await perform(1, 6, put("k", "2")), ok({ kind: "put", version: 2 }), "a repeat");
          assert.deepEqual(await perform(1, 7, cas("k", "2", "3")), ok({ kind: "cas", version: 3 }));
          assert.deepEqual(await perform(1, 7, cas("k", "2", "3")), ok({ kind: "cas", version: 3 }), "a repeat");
          assert.deepEqual(
            await perform(1, 6, put("k", "2")),
            { kind: "info", code: "SESSION_EXPIRED" },
            "not done late",
          );
          assert.deepEqual(await perform(1, 8, get("k")), ok({ kind: "get", value: "3", version: 3 }));
          assert.deepEqual(await perform(1, 9, remove("k")), ok({ kind: "delete", version: 4 }));
          assert.deepEqual(await perform(1, 9, remove("k")), ok({ kind: "delete", version: 4 }), "a repeat");
          assert.deepEqual(await perform(2, 1, remove("k")), fail("NOT_FOUND"), "another session's");
          assert.deepEqual(await perform(1, 10, get("k")), ok({ kind: "get", value: null, version: 0 }));
          assert.deepEqual(await perform(2, 2, cas("k", null, "")), ok({ kind: "cas", version: 5 }), "it counts on");
          assert.deepEqual(
            await perform(2, 3, get("k")),
            ok({ kind: "get", value: "", version: 5 }),
            "empty is a value",
          );
          const odd = "\0ü\u{1f600}\r\n\"'\\";
          const [largest, longest] = ["v".repeat(1024 * 1024), "ü".repeat(256)];
          assert.deepEqual(await perform(2, 4, put(odd, odd)), ok({ kind: "put", version: 1 }));
          assert.deepEqual(await perform(2, 5, put(longest, largest)), ok({ kind: "put", version: 1 }));
          assert.deepEqual(await perform(2, 6, cas(longest, largest, "small")), ok({ kind: "cas", version: 2 }));
          assert.deepEqual(await perform(2, 7, put(`${longest}k`, "v")), fail("MALFORMED_REQUEST"));
          assert.deepEqual(await perform(2, 8, put("", "v")), fail("MALFORMED_REQUEST"));
          assert.deepEqual(await perform(2, 9, put("k", `${largest}v`)), fail("MALFORMED_REQUEST"));
          assert.deepEqual(await perform(2, 10, remove(longest)), ok({ kind: "delete", version: 3 }));
          assert.deepEqual(
            (await entries()).filter(([key]) => !/^k\d/.test(key)),
            [
              [odd, odd, 1],
              ["k", "", 5],
              [longest, null, 3],
            ],
          );
          assert.equal(await deployment.knock(), undefined);
          const [resources] = await deployment.resources();
          assert.ok((resources?.counters["bytes from clients"] ?? 0) > 1024 * 1024, "clients come through the link");
        });
      });

      test("faults in the link to the clients are felt, and heal", async () => {
        await withServer(async ({ deployment, perform }) => {
          const links = [
            { from: clientsEndpoint, to: "n1" },
            { from: "n1", to: clientsEndpoint },
          ];
          let sequence = 0;
          assert.equal((await perform(1, ++sequence, put("k", "v"))).kind, "ok");
          for (const inject of [
            { kind: "cut", links },
            { kind: "packet", links, fault: { kind: "half-open" } },
            { kind: "packet", links, fault: { kind: "reset" } },
            { kind: "packet", links, fault: { kind: "delay", distribution: { shape: "constant", ms: 5 } } },
          ] as const) {
            const fault = deployment.inject(inject);
            await deployment.resources(); // Or the request may pass before it.
            const asked = perform(1, ++sequence, put("k", `${sequence}`), 60_000);
            if (inject.kind === "cut" || inject.fault.kind === "half-open") {
              assert.equal(
                await Promise.race([asked, deployment.run(200, () => undefined)]),
                false,
                "no answer meanwhile",
              );
            } else await asked;
            fault.heal();
            assert.equal((await asked).kind, "ok", JSON.stringify(inject));
            await deployment.resources();
            assert.ok(fault.efficacy().count > 0, JSON.stringify(inject));
          }
        });
      });

      test("one that somebody kills is told as what it is, with id and signal", async () => {
        await withServer(async ({ deployment }) => {
          const server = descendantsOf(process.pid).find(({ command }) => !command.includes("links-process"));
          assert.ok(server !== undefined);
          const running = deployment.run(20_000, () => undefined);
          process.kill(server.pid, "SIGKILL");
          await assert.rejects(running, (error) => {
            assert.ok(error instanceof HarnessError, String(error));
            assert.match(error.message, new RegExp(`n1 \\(pid ${server.pid},.*SIGKILL`));
            return true;
          });
        });
      });
    });

    describe("whose clients ask once", { skip }, () => {
      const withServer = serverFor(false);

      test("of many who swap one value, each is the only one to find it", async () => {
        await withServer(async ({ perform }) => {
          await perform(0, 1, put("counter", "0"));
          const client = async (session: number): Promise<void> => {
            for (let sequence = 1, done = 0; done < 10; sequence += 2) {
              const found = await perform(session, sequence, get("counter"));
              assert.ok(found.kind === "ok" && found.result.kind === "get");
              const { value } = found.result;
              const swapped = await perform(session, sequence + 1, cas("counter", value, `${Number(value) + 1}`));
              if (swapped.kind === "ok") done++;
              else assert.deepEqual(swapped, fail("PRECONDITION_FAILED"));
            }
          };
          await Promise.all(Array.from({ length: 8 }, (_, index) => client(index + 1)));
          assert.deepEqual(await perform(0, 2, get("counter")), ok({ kind: "get", value: "80", version: 81 }));
        });
      });

      test("what was sent once and got no answer is unknown, what was not sent is not done", async () => {
        await withServer(async ({ deployment, perform, entries }) => {
          await perform(1, 1, put("k", "1"));
          const paused = deployment.inject({ kind: "pause", nodes: ["n1"] });
          assert.equal((await perform(1, 2, put("k", "2"), 200)).kind, "info");
          paused.heal();
          assert.ok(paused.efficacy().count >= 200);
          assert.equal((await perform(1, 3, get("k"))).kind, "ok", "it goes on");
          const killed = deployment.inject({ kind: "kill", nodes: ["n1"] });
          // Of some connections we hear late that they have ended: what was sent there may have been done.
          let sequence = 4;
          let answer: Outcome<StorageResult> | undefined;
          while (answer?.kind !== "fail" && sequence < 100) answer = await perform(1, ++sequence, put("k", "3"), 300);
          assert.equal(answer?.kind, "fail");
          killed.heal();
          assert.equal((await perform(1, ++sequence, get("k"))).kind, "ok");
          const value = (await entries()).find(([key]) => key === "k")?.[1];
          assert.ok(value === "1" || value === "2", String(value));
        });
      });
    });

    test("when the driver is killed nothing is left, paused or not", { skip }, async () => {
      await Promise.all([leavesNothing(implementation, false), leavesNothing(implementation, true)]);
    });

    test("what cannot be done is refused before anything is started", { skip }, async () => {
      const directory = path.join(root, `refused-${implementation.name}`);
      const rows: readonly (readonly [object, RegExp])[] = [
        [{ substrate: "simulated" }, /simulator/],
        ...(implementation === postgresqlStorage
          ? [[{ settings: { connections: 0 } }, /connections 0.*\[1, 200\]/] as const]
          : []),
      ];
      for (const [options, message] of rows) {
        const deploying = implementation.deploy({ substrate: "cluster", nodes: 1, seed: 1, directory, ...options });
        await assert.rejects(deploying, (error) => error instanceof UsageError && message.test(error.message));
      }
      assert.equal(existsSync(directory), false);
    });

    test("where it is not installed it says in one line what to install, and does not deploy", async () => {
      const earlier = process.env[variable];
      const directory = path.join(root, "missing");
      // A file that is none, and a program that is another.
      for (const value of [path.join(root, "no-such-file"), process.execPath]) {
        process.env[variable] = value;
        try {
          const answer = await implementation.available();
          assert.ok(answer !== true);
          assert.match(
            answer,
            new RegExp(`^${implementation.name} is not installed: run .npm run peers.*${variable}$`),
          );
          const deploying = implementation.deploy({ substrate: "cluster", nodes: 1, seed: 1, directory });
          await assert.rejects(deploying, UsageError);
        } finally {
          if (earlier === undefined) delete process.env[variable];
          else process.env[variable] = earlier;
        }
      }
      assert.equal(existsSync(directory), false);
    });
  });
}

async function leavesNothing(implementation: StorageImplementation, isPaused: boolean): Promise<void> {
  const directory = mkdtempSync(path.join(root, "driver-"));
  const source = driverSource(implementation, directory, isPaused);
  const driver = spawn(process.execPath, ["--input-type=module-typescript", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(driver.stdout, "data");
    assert.ok(driver.pid !== undefined);
    const started = descendantsOf(driver.pid);
    assert.ok(started.length >= 2, JSON.stringify(started));
    driver.kill("SIGKILL");
    await waitUntil("all are gone", () => started.every(({ pid }) => !isRunning(pid)));
  } finally {
    driver.kill("SIGKILL");
  }
}

/** Deploys, says so, and waits to be killed. */
function driverSource({ name }: StorageImplementation, directory: string, isPaused: boolean): string {
  const url = new URL(`../${name}/${name}-implementation.ts`, import.meta.url).href;
  return `
    import { ${name}Storage as storage } from ${JSON.stringify(url)};
    const deployment = await storage.deploy({
      substrate: "cluster", nodes: 1, seed: 1, directory: ${JSON.stringify(directory)},
    });
    const operation = { kind: "put", key: "k", value: "v", level: "one" };
    await new Promise((resolve) => deployment.invoke({ session: 1, sequence: 1, operation }, 20000, resolve));
    if (${isPaused}) deployment.inject({ kind: "pause", nodes: ["n1"] });
    await deployment.resources();
    process.stdout.write("deployed");
    await deployment.run(1e6, () => undefined);
  `;
}
