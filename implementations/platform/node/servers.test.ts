/**
 * Goal: servers of ours start where they should, keep what is theirs, leave nothing running, and say in one line why
 * they cannot start.
 * Method: real servers, and scripts in their place. Tests of servers that are not installed say so and are skipped.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { HarnessError } from "../../foundation/errors.ts";
import { findExecutable } from "./executable.ts";
import { postgresqlProgram, postgresqlRefusal, PostgresqlServer } from "./postgresql-server.ts";
import { childrenOf, isAlive } from "./process-tree.ts";
import { redisProgram, redisRefusal, RedisServer } from "./redis-server.ts";
import { ServerProcess } from "./server-process.ts";
import type { ServerExit } from "./server-process.ts";

// Only its owner can enter it at first, which is not the user that root starts PostgreSQL as.
const root = mkdtempSync(path.join(tmpdir(), "grey-servers-"));
after(() => rmSync(root, { recursive: true }));

const postgres = findExecutable(postgresqlProgram);
const redis = findExecutable(redisProgram);
const skipPostgresql = postgres === undefined && "PostgreSQL is not installed: run `npm run peers`";
const skipRedis = redis === undefined && "Redis is not installed: run `npm run peers`";

/** An executable that does what `lines` say. */
function script(name: string, ...lines: readonly string[]): string {
  const file = path.join(root, name);
  writeFileSync(file, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(file, 0o755);
  return file;
}

function optionsFor(name: string, exits: ServerExit[] = []) {
  const wards = new Set<number>();
  return {
    name,
    directory: path.join(root, name),
    onExit: (exit: ServerExit) => void exits.push(exit),
    ward: (pid: number, watched: boolean) => void (watched ? wards.add(pid) : wards.delete(pid)),
    wards,
  };
}

async function rejects(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof HarnessError, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

test(
  "PostgreSQL: killed, its backends are gone too; watched while it runs, they while it is paused",
  {
    skip: skipPostgresql,
  },
  async () => {
    const exits: ServerExit[] = [];
    const { wards, ...options } = optionsFor("postgresql", exits);
    const server = await PostgresqlServer.create({ ...options, binary: postgres ?? "", connections: 5 });
    try {
      const port = await server.start();
      assert.equal(port, server.address.port);
      const { pid } = server.process;
      assert.ok(pid !== undefined);
      const children = childrenOf(pid);
      assert.ok(children.length >= 3);
      assert.deepEqual([...wards], [pid]);
      assert.ok(server.process.freeze());
      assert.equal(wards.size, 1 + children.length);
      server.process.thaw();
      assert.deepEqual([...wards], [pid]);
      server.process.freeze();
      await server.process.kill();
      assert.deepEqual([pid, ...children].filter(isAlive), []);
      assert.equal(wards.size, 0);
      assert.equal(statSync(path.join(root, "postgresql", "data")).mode & 0o777, 0o700);
      await server.start();
      await server.process.stop();
      assert.deepEqual(
        exits.map(({ asked, orderly, failed }) => [asked, orderly, failed]),
        [
          [true, false, false],
          [true, true, false],
        ],
      );
      const [busy] = [createServer().listen(0, "127.0.0.1")];
      await once(busy, "listening");
      try {
        await rejects(
          server.process.start((busy.address() as AddressInfo).port),
          /postgresql.*Address already in use|could not create/i,
        );
      } finally {
        busy.close();
      }
    } finally {
      await server.close();
    }
    const again = await PostgresqlServer.create({ ...options, binary: postgres ?? "", connections: 5 });
    assert.equal(again.address.password, server.address.password, "the data are used again, with their password");
    await again.close();
  },
);

test("PostgreSQL: what is no server's data is left alone", { skip: skipPostgresql }, async () => {
  const { directory } = optionsFor("other");
  mkdirSync(path.join(directory, "data"), { recursive: true });
  writeFileSync(path.join(directory, "data", "precious"), "");
  const creating = PostgresqlServer.create({ ...optionsFor("other"), binary: postgres ?? "", connections: 5 });
  await rejects(creating, /Cannot start other: .*holds something else/);
  assert.deepEqual(readdirSync(path.join(directory, "data")), ["precious"]);
});

test("PostgreSQL: too old a version, an initdb that fails, a folder that cannot be made", async () => {
  const old = script("old", 'echo "postgres (PostgreSQL) 12.22"');
  assert.match(postgresqlRefusal(old) ?? "", /12\.22.*version 13 or later/);
  const options = { ...optionsFor("wrong"), connections: 5 };
  await rejects(PostgresqlServer.create({ ...options, binary: old }), /Cannot start wrong: .*version 13 or later/);
  mkdirSync(path.join(root, "bin"));
  const binary = script("bin/postgres", 'echo "postgres (PostgreSQL) 15.1"');
  script("bin/initdb", 'echo "initdb: error: could not write: No space left on device" >&2', "exit 1");
  for (const file of [root, path.join(root, "bin")]) chmodSync(file, 0o755);
  await rejects(PostgresqlServer.create({ ...options, binary }), /initdb ended with exit code 1: .*No space left/);
  assert.equal(existsSync(path.join(root, "wrong", "data")), false, "so that it can be tried again");
  const below = { ...options, directory: path.join(binary, "below") };
  await rejects(PostgresqlServer.create({ ...below, binary }), /Cannot start wrong in .*ENOTDIR/);
});

test(
  "Redis: its password is in a file that nobody else reads; it goes on with its data",
  { skip: skipRedis },
  async () => {
    const exits: ServerExit[] = [];
    const server = await RedisServer.create({ ...optionsFor("redis", exits), binary: redis ?? "" });
    try {
      assert.equal(await server.start(), server.port);
      assert.equal(statSync(path.join(root, "redis", "redis.conf")).mode & 0o777, 0o600);
      const { pid } = server.process;
      await server.process.kill();
      assert.ok(pid !== undefined && !isAlive(pid));
      assert.ok((await server.start()) !== undefined);
      await server.process.stop();
      assert.deepEqual(
        exits.map(({ asked, orderly }) => [asked, orderly]),
        [
          [true, false],
          [true, true],
        ],
      );
      rmSync(path.join(root, "redis"), { recursive: true });
      await rejects(server.start(), /Cannot start redis: redis \(pid .*/);
    } finally {
      await server.close();
    }
  },
);

test("Redis: too old a version", async () => {
  const old = script("old-redis", 'echo "Redis server v=5.0.14 sha=0"');
  assert.match(redisRefusal(old) ?? "", /5\.0\.14.*version 6 or later/);
  await rejects(RedisServer.create({ ...optionsFor("wrong"), binary: old }), /version 6 or later/);
});

test("a server that ends while it starts tells its last words; one that is ended meanwhile does not", async () => {
  const start = (name: string, ...lines: readonly string[]): ServerProcess =>
    new ServerProcess({
      ...optionsFor(name),
      binary: script(name, ...lines),
      argumentsOf: () => [],
      environment: { PATH: process.env["PATH"] ?? "" },
      workingDirectory: root,
      saysReady: /ready/,
      tellsWhy: /FATAL/,
      stopSignal: "SIGTERM",
    });
  await rejects(
    start("fails", "echo FATAL: the reason >&2", "echo more", "exit 3").start(),
    /Cannot start fails: fails \(pid \d+, port \d+\) ended with exit code 3: FATAL: the reason/,
  );
  const none = start("none");
  rmSync(path.join(root, "none"));
  await rejects(none.start(), /Cannot start none: .*ENOENT/);
  const hanging = start("hangs", "echo begun", "sleep 1000 &", "wait");
  const starting = hanging.start();
  while (hanging.pid === undefined || childrenOf(hanging.pid).length === 0) await new Promise(setImmediate);
  const children = childrenOf(hanging.pid);
  await hanging.kill();
  assert.equal(await starting, undefined);
  assert.deepEqual(children.filter(isAlive), []);
  assert.equal(hanging.freeze(), false, "there is nothing to stop");
});
