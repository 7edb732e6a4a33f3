/**
 * Goal: each peer's library executes every kind of task as the contract says, retries it as often as it may, orders
 * waiting tasks as it claims to, tells of every attempt, and goes on when a task takes its thread away.
 * Method: the same tests on the real libraries, the order with one worker that is busy until all have been submitted.
 * BullMQ gets a Redis of its own; where there is none its tests say so and are skipped. CI installs it.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { findExecutable } from "../../../platform/node/executable.ts";
import { RedisServer, redisProgram } from "../../../platform/node/redis-server.ts";
import type { TaskBody, TaskEnd } from "../../../scheduler/contract.ts";
import type { PeerEvents, PeerLibrary, PeerTask } from "../../../scheduler/peers/peer-library.ts";
import { resolveCall } from "../../../scheduler/peers/run-body.ts";
import type { Pool } from "../pool.ts";
import { bullmqPool, openBullmq, openPiscina, openPQueue, piscinaPool, pQueuePool } from "./libraries.ts";
import type { OpenBullmqOptions } from "./libraries.ts";
import { loadModule } from "./load-module.ts";

const calls = new URL("./call.fixture.ts", import.meta.url).href;
const root = mkdtempSync(path.join(tmpdir(), "grey-libraries-"));
const redisBinary = findExecutable(redisProgram);
let redis: RedisServer | undefined;

before(async () => {
  if (redisBinary === undefined) return;
  redis = await RedisServer.create({
    name: "redis of the test",
    binary: redisBinary,
    directory: path.join(root, "redis"),
    durability: "none",
    onExit: () => undefined,
    ward: () => undefined,
  });
  await redis.start();
});
after(async () => {
  await redis?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Peer {
  readonly name: string;
  readonly priorities: boolean;
  readonly crashes: boolean;
  readonly skip: string | false;
  readonly library: (events: PeerEvents, workers: number) => Promise<PeerLibrary>;
  readonly pool: (workers: number) => Promise<Pool>;
}

const noRedis = redisBinary === undefined ? "redis is not installed" : false;
const bullmq = (processor: "threads" | "inline"): Peer => {
  const options = (workers: number): OpenBullmqOptions => {
    assert.ok(redis !== undefined);
    const { port, password } = redis;
    const address = { host: "127.0.0.1", port, password };
    return { redis: address, workers, processor, priorities: true, remembered: 0, lockMs: 30_000 };
  };
  return {
    name: `bullmq ${processor}`,
    priorities: true,
    crashes: processor === "threads",
    skip: noRedis,
    library: async (events, workers) => {
      const library = await openBullmq(events, options(workers));
      library.start();
      return library;
    },
    pool: (workers) => bullmqPool(options(workers)),
  };
};

const peers: readonly Peer[] = [
  {
    name: "p-queue",
    priorities: true,
    crashes: false,
    skip: false,
    library: (events, workers) => Promise.resolve(openPQueue(events, workers)),
    pool: (workers) => Promise.resolve(pQueuePool(workers)),
  },
  {
    name: "piscina",
    priorities: false,
    crashes: true,
    skip: false,
    library: (events, workers) => Promise.resolve(openPiscina(events, workers)),
    pool: (workers) => Promise.resolve(piscinaPool(workers)),
  },
  bullmq("threads"),
  bullmq("inline"),
];

/** Runs `tasks` on `workers` workers; returns how each ended, and everything that was told, in order. */
async function runAll(
  peer: Peer,
  workers: number,
  tasks: readonly PeerTask[],
): Promise<{ readonly ends: ReadonlyMap<string, TaskEnd>; readonly told: readonly string[] }> {
  const ends = new Map<string, TaskEnd>();
  const told: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const tokens = new Map<string, number>();
  const note = (what: string, task: string, token: number): void => {
    assert.ok(token >= (tokens.get(task) ?? 0), `tokens of ${task} grow`);
    tokens.set(task, token);
    told.push(`${what} ${task}`);
  };
  const library = await peer.library(
    {
      ready: (task, token) => tokens.set(task, Math.max(token, tokens.get(task) ?? 0)),
      started: (task, token) => note("started", task, token),
      ended: (task, token, end, ranMs) => {
        assert.ok(ranMs >= 0);
        note(end, task, token);
      },
      done: (task, token, end) => {
        note(end.state === "completed" ? "done" : "failed", task, token);
        assert.ok(!ends.has(task), `${task} ends once`);
        ends.set(task, end);
        if (ends.size === tasks.length) resolve();
      },
    },
    workers,
  );
  try {
    library.submit(tasks, (error) => assert.equal(error, undefined));
    await promise;
  } finally {
    await library.close();
  }
  return { ends, told };
}

const task = (id: string, body: TaskBody, rest: Partial<PeerTask> = {}): PeerTask => ({
  id,
  body,
  maxAttempts: 3,
  ...rest,
});
const call = (name: string, ...args: number[]): TaskBody => ({ kind: "call", module: calls, export: name, args });

for (const peer of peers) {
  const { skip } = peer;
  describe(peer.name, () => {
    test("every kind of task ends as it should, after as many attempts as it may have", { skip }, async () => {
      const { ends, told } = await runAll(peer, 2, [
        task("a.spin", { kind: "spin", ms: 2, returns: { deep: [1, null, "x"] } }),
        task("a.sleep", { kind: "sleep", ms: 2, returns: 7 }),
        task("a.nothing", { kind: "spin", ms: 0 }),
        task("a.recovers", { kind: "fail", ms: 0, message: "twice", times: 2 }),
        task("a.fails", { kind: "fail", ms: 1, message: "boom: at once" }, { maxAttempts: 2 }),
        task("a.adds", call("add", 1, 2, 3)),
        task("a.tells", call("tell")),
        task("a.missing", call("notThere"), { maxAttempts: 1 }),
        task("a.much", call("returnTooMuch"), { maxAttempts: 1 }),
      ]);
      const failed = (message: string): TaskEnd => ({ state: "failed", reason: "threw", message });
      assert.deepEqual(Object.fromEntries(ends), {
        "a.spin": { state: "completed", result: { deep: [1, null, "x"] } },
        "a.sleep": { state: "completed", result: 7 },
        "a.nothing": { state: "completed", result: null },
        "a.recovers": { state: "completed", result: null },
        "a.fails": failed("boom: at once"),
        "a.adds": { state: "completed", result: 6 },
        "a.tells": { state: "completed", result: { task: "a.tells", hasToken: true, state: null } },
        "a.missing": failed(`${calls} has no function notThere`),
        "a.much": failed("It returned 20002 bytes of JSON; allowed are 16384"),
      });
      const of = (id: string): readonly string[] => told.filter((line) => line.endsWith(` ${id}`));
      assert.deepEqual(
        of("a.recovers").map((line) => line.split(" ")[0]),
        ["started", "threw", "started", "threw", "started", "completed", "done"],
      );
      assert.deepEqual(
        of("a.fails").map((line) => line.split(" ")[0]),
        ["started", "threw", "started", "threw", "failed"],
      );
    });

    test("how an attempt ended is told before the next starts, also when another worker idles", { skip }, async () => {
      const times = 100;
      const body = { kind: "fail", ms: 0, message: "often", times } as const;
      const { told } = await runAll(peer, 3, [task("a.often", body, { maxAttempts: times + 1 })]);
      const wanted = Array.from({ length: times }, () => ["started a.often", "threw a.often"]).flat();
      assert.deepEqual(told, [...wanted, "started a.often", "completed a.often", "done a.often"]);
    });

    test("a task that takes its thread away is tried again, and the others go on", { skip }, async () => {
      if (!peer.crashes) {
        const { ends } = await runAll(peer, 1, [task("a.crash", { kind: "crash", ms: 0 }, { maxAttempts: 1 })]);
        assert.match(JSON.stringify(ends.get("a.crash")), /Cannot end the thread/);
        return;
      }
      const others = Array.from({ length: 20 }, (_, index) => task(`a.${index}x`, { kind: "spin", ms: 1 }));
      const { ends } = await runAll(peer, 2, [
        task("a.crash", { kind: "crash", ms: 0 }, { maxAttempts: 2 }),
        task("a.once", { kind: "crash", ms: 1, times: 1 }),
        ...others,
      ]);
      assert.deepEqual(ends.get("a.crash"), { state: "failed", reason: "crashed", message: "" });
      assert.deepEqual(ends.get("a.once"), { state: "completed", result: null });
      for (const { id } of others) assert.deepEqual(ends.get(id), { state: "completed", result: null });
    });

    test("waiting tasks start in their order", { skip }, async () => {
      const priorities = [3, 0, 99, 3, 50, 0, 99, 7];
      // The first is busy when the others come.
      const first = task("a.first", { kind: "sleep", ms: 50 }, { priority: 99 });
      const others = priorities.map((priority, index) =>
        task(`a.${index}-${priority}`, { kind: "spin", ms: 0 }, peer.priorities ? { priority } : {}),
      );
      const { told } = await runAll(peer, 1, [first, ...others]);
      const started = told.filter((line) => line.startsWith("started ")).map((line) => line.slice("started ".length));
      const expected = peer.priorities
        ? others.toSorted((a, b) => (b.priority ?? 0) - (a.priority ?? 0)).map(({ id }) => id)
        : others.map(({ id }) => id);
      assert.deepEqual(started, ["a.first", ...expected]);
    });

    test("as a pool it does many tasks, each once", { skip }, async () => {
      const pool = await peer.pool(2);
      const count = peer.name === "p-queue" ? 1200 : 300; // Once more than the pool hands over at once.
      const results: number[] = [];
      for (let index = 0; index < count; index++) {
        pool.submit({ body: { kind: "spin", ms: 0, returns: index } }, (end) => {
          assert.ok(end.state === "completed");
          results.push(Number(end.result));
        });
      }
      await pool.close(); // When all have ended.
      assert.deepEqual(
        results.toSorted((a, b) => a - b),
        Array.from({ length: count }, (_, index) => index),
      );
    });
  });
}

test("only functions of modules that exist can be called", async () => {
  assert.equal(typeof (await resolveCall(loadModule, calls, "add")), "function");
  assert.equal(await resolveCall(loadModule, calls, "notCallable"), undefined);
  assert.equal(await resolveCall(loadModule, calls, "toString"), undefined);
  assert.equal(await resolveCall(loadModule, "file:///nowhere.js", "add"), undefined);
});
