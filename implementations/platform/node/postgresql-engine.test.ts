/**
 * Goal: the engine on PostgreSQL loses nothing and does nothing twice when its server dies, and says what is wrong with
 * a server that it cannot use.
 * Method: a real server of the test's own, killed while writes are under way, stopped, damaged, taken by another.
 * Where none is installed these tests say so and are skipped. What all engines have in common: `engine-parity.test.ts`.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, test } from "node:test";
import { act, isCode } from "../engines.fixture.ts";
import type { Engine, EngineCompletion, EngineWrite } from "../../storage/engine.ts";
import { PostgresqlEngine } from "./postgresql-engine.ts";
import type { PostgresqlEngineOptions } from "./postgresql-engine.ts";
import { PostgresqlTrial } from "./postgresql-trial.fixture.ts";

const trial = new PostgresqlTrial();
const { skip } = trial;
after(() => trial.end());

type Values = readonly (Uint8Array | undefined)[];

/** Runs `work` on an engine of its own, on a server whose port does not change. */
async function withEngine(options: PostgresqlEngineOptions, work: (engine: Engine) => Promise<void>): Promise<void> {
  const substrate = trial.engine(options);
  try {
    await work(await substrate.open());
  } finally {
    await substrate.end();
  }
}

const wait = {
  wait: <T>(start: (done: (value: T) => void) => void): Promise<T> => new Promise((resolve) => start(resolve)),
};
const substrate = { ...wait, open: () => Promise.reject(new Error("it is open")), end: () => Promise.resolve() };
const perform = <T>(operation: (done: EngineCompletion<T>) => void): Promise<T> => act<T>(substrate, operation);
const put = (key: string, value: string): EngineWrite => ({ key: Buffer.from(key), value: Buffer.from(value) });
const read = async (engine: Engine, key: string): Promise<string | undefined> => {
  const [value] = await perform<Values>((done) => engine.read([Buffer.from(key)], done));
  return value && Buffer.from(value).toString();
};

test(
  "a server that is killed in the middle of writes costs none of them, and none happens twice",
  { skip },
  async () => {
    const server = await trial.server();
    await withEngine({ patienceMs: 20_000 }, async (engine) => {
      const ended: Promise<void>[] = [];
      let acknowledged = 0;
      const issue = (count: number): void => {
        const written = perform<void>((done) =>
          engine.write([put("counter", `${count}`), put(`k${count}`, "x")], done),
        );
        ended.push(written.then(() => void acknowledged++));
      };
      for (let count = 0; count < 200; count++) issue(count);
      await Promise.any(ended);
      await server.process.kill();
      for (let count = 200; count < 400; count++) issue(count);
      const reading = read(engine, "k0");
      await server.process.start(server.address.port);
      await Promise.all(ended);
      assert.equal(acknowledged, 400);
      assert.equal(await reading, "x", "a read waits for the server too");
      assert.equal(await read(engine, "counter"), "399", "in the order of issue");
      const { entries } = await perform<{ entries: readonly unknown[] }>((done) =>
        engine.scan(new Uint8Array(), undefined, 1e9, done),
      );
      assert.equal(entries.length, 401);
    });
  },
);

test("a server that stays away is REFUSED, or CLOSED where a write's fate is unknown", { skip }, async () => {
  const server = await trial.server();
  await withEngine({ patienceMs: 100 }, async (engine) => {
    await perform<void>((done) => engine.write([put("a", "1")], done));
    const { port } = server.address;
    await server.process.stop();
    await assert.rejects(read(engine, "a"), isCode("REFUSED"));
    const first = perform<void>((done) => engine.write([put("a", "2")], done));
    await assert.rejects(first, (error) => isCode("REFUSED")(error) || isCode("CLOSED")(error));
    await server.process.start(port);
  });
});

test("a server that stops in the middle of a write leaves an engine that does not guess", { skip }, async () => {
  const server = await trial.server();
  await withEngine({ patienceMs: 100 }, async (engine) => {
    await perform<void>((done) => engine.write([put("a", "1")], done));
    const { port } = server.address;
    const large = Buffer.alloc(4 * 1024 * 1024);
    const written = perform<void>((done) => engine.write([{ key: Buffer.from("b"), value: large }], done));
    await new Promise(setImmediate); // It was sent.
    await server.process.kill();
    await assert.rejects(written, isCode("CLOSED"));
    await assert.rejects(read(engine, "a"), isCode("CLOSED"));
    await server.process.start(port);
  });
});

test("whoever takes the data over makes every later write of the one before fail", { skip }, async () => {
  const address = await trial.database();
  const engine = await PostgresqlEngine.open(address, { patienceMs: 100 });
  try {
    await perform<void>((done) => engine.write([put("a", "1")], done));
    // As if it had lost its lock with its connection, and another had come.
    assert.equal((await trial.ask(address, "UPDATE grey_engine SET owner = 'another'")).kind, "rows");
    await assert.rejects(
      perform<void>((done) => engine.write([put("a", "2")], done)),
      isCode("LOCKED"),
    );
    await assert.rejects(
      perform<void>((done) => engine.clear(done)),
      isCode("LOCKED"),
    );
  } finally {
    await new Promise<void>((resolve) => engine.close(resolve));
  }
});

test("a page that fails its checksum is DAMAGED, and nothing more is served", { skip }, async () => {
  const server = await trial.server();
  const address = await trial.database();
  const engine = await PostgresqlEngine.open(address);
  await perform<void>((done) => engine.write([put("a", "v".repeat(1000))], done));
  await new Promise<void>((resolve) => engine.close(resolve));
  const found = await trial.ask(address, "SELECT pg_relation_filepath('grey_records')");
  assert.ok(found.kind === "rows");
  const { port } = server.address;
  await server.process.stop(); // Or the page would be served from memory.
  const file = path.join(trial.directory, "data", String(found.rows[0]?.[0]));
  const descriptor = fs.openSync(file, "r+");
  const [byte] = [Buffer.alloc(1)];
  fs.readSync(descriptor, byte, 0, 1, 8000);
  fs.writeSync(descriptor, Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, 8000);
  fs.closeSync(descriptor);
  await server.process.start(port);
  const damaged = await PostgresqlEngine.open(address);
  try {
    await assert.rejects(read(damaged, "a"), isCode("DAMAGED"));
    await assert.rejects(
      perform<void>((done) => damaged.write([put("b", "1")], done)),
      isCode("DAMAGED"),
    );
  } finally {
    await new Promise<void>((resolve) => damaged.close(resolve));
  }
});

test("what cannot be opened says why, and no password is told", { skip }, async () => {
  const address = await trial.database();
  const { host, port, user, password, database } = address;
  const good = `postgresql://${user}:${password}@${host}:${port}/${database}`;
  const engine = await PostgresqlEngine.open(good);
  await new Promise<void>((resolve) => engine.close(resolve));
  const rows: readonly (readonly [string, RegExp])[] = [
    [good.replace(password, "wrong"), /password authentication failed/],
    [good.replace(database, "nowhere"), /database "nowhere" does not exist/],
    [good.replace(`:${port}/`, ":1/"), /ECONNREFUSED/],
    ["mysql://host/database", /allowed is postgresql:/],
    ["nonsense", /allowed is postgresql:/],
  ];
  for (const [where, why] of rows) {
    await assert.rejects(PostgresqlEngine.open(where, { patienceMs: 50 }), (error) => {
      assert.ok(isCode("REFUSED")(error), String(error));
      assert.match((error as Error).message, why);
      assert.ok(!(error as Error).message.includes(password));
      return true;
    });
  }
});
