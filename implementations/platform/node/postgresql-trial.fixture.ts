/** A PostgreSQL server for tests, started when it is first wanted, with a database for each engine. */

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { EngineSubstrate } from "../engines.fixture.ts";
import { nodeClock } from "./clock.ts";
import { findExecutable } from "./executable.ts";
import { PostgresqlEngine } from "./postgresql-engine.ts";
import type { PostgresqlEngineOptions } from "./postgresql-engine.ts";
import { PostgresqlPool } from "./postgresql-pool.ts";
import type { SqlEnd } from "./postgresql-pool.ts";
import { postgresqlProgram, PostgresqlServer } from "./postgresql-server.ts";
import type { PostgresqlAddress } from "./postgresql-server.ts";

export class PostgresqlTrial {
  readonly #binary = findExecutable(postgresqlProgram);
  readonly #directories: string[] = [];
  #starting: Promise<PostgresqlServer> | undefined;
  #databases = 0;

  /** Why nothing can be tested here. */
  get skip(): string | false {
    return this.#binary === undefined && "PostgreSQL is not installed: run `npm run peers`";
  }

  /** Of the server that was started. */
  get directory(): string {
    return this.#directories[0] ?? "";
  }

  server(): Promise<PostgresqlServer> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Returns the address of a new and empty database. */
  async database(): Promise<PostgresqlAddress> {
    const { address } = await this.server();
    const database = `trial${++this.#databases}`;
    const end = await this.ask(address, `CREATE DATABASE ${database}`);
    if (end.kind !== "rows") throw new Error(`no database: ${JSON.stringify(end)}`);
    return { ...address, database };
  }

  ask(address: PostgresqlAddress, text: string): Promise<SqlEnd> {
    const pool = new PostgresqlPool({ address, connections: 1, clock: nodeClock, maxWaiting: 1 });
    return new Promise((resolve) => {
      pool.query({ name: "trial", text }, [], 20_000, (end) => {
        pool.close();
        resolve(end);
      });
    });
  }

  engine(options: PostgresqlEngineOptions = {}): EngineSubstrate {
    const address = this.database();
    let engine: PostgresqlEngine | undefined;
    const close = async (): Promise<void> => {
      const before = engine;
      if (before !== undefined) await new Promise<void>((resolve) => before.close(resolve));
    };
    return {
      open: async () => {
        await close();
        engine = await PostgresqlEngine.open(await address, options);
        return engine;
      },
      openBeside: async () => PostgresqlEngine.open(await address, { patienceMs: 0 }),
      wait: (start) => new Promise((resolve) => start(resolve)),
      end: close,
    };
  }

  async end(): Promise<void> {
    const server = await this.#starting;
    await server?.close();
    for (const directory of this.#directories) fs.rmSync(directory, { recursive: true });
  }

  async #start(): Promise<PostgresqlServer> {
    this.#directories.push(fs.mkdtempSync(path.join(os.tmpdir(), "grey-postgresql-")));
    const server = await PostgresqlServer.create({
      name: "postgresql trial",
      binary: this.#binary ?? "",
      directory: this.directory,
      connections: 50,
      onExit: () => undefined,
      ward: () => undefined, // execa ends it with us.
    });
    await server.start();
    return server;
  }
}
