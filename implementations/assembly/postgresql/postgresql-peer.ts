/** A PostgreSQL server as a deployment needs it: its process, its clients' connections, and a look at what it holds. */

import { HarnessError } from "../../foundation/errors.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { PostgresqlPool } from "../../platform/node/postgresql-pool.ts";
import type { SqlEnd, SqlRow, SqlValue, Statement } from "../../platform/node/postgresql-pool.ts";
import { PostgresqlServer } from "../../platform/node/postgresql-server.ts";
import type { StorageState } from "../../storage/contract.ts";
import {
  countRecords,
  createTable,
  errorCodeOf,
  exchangeOf,
  pageOfRecords,
  readRecord,
  replyOf,
} from "../../storage/peers/postgresql.ts";
import type { Attempt } from "../../storage/peers/server-client.ts";
import { lookLimitMs, maxRecords } from "../single-server/peer-server.ts";
import type { PeerServer, PeerServerOptions } from "../single-server/peer-server.ts";
import type { PostgresqlSettings } from "./postgresql-settings.ts";

/** Statements of clients that wait for a connection; each client has one at a time. */
const maxWaiting = 10_000;

/** Makes the server's data, and does not start it yet. @throws HarnessError. */
export async function createPostgresqlPeer(
  binary: string,
  { connections }: PostgresqlSettings,
  options: PeerServerOptions,
): Promise<PeerServer> {
  const { name, directory, onExit, ward } = options;
  const server = await PostgresqlServer.create({ name, binary, directory, connections, onExit, ward });
  return new PostgresqlPeer(server, connections, options);
}

class PostgresqlPeer implements PeerServer {
  readonly #server: PostgresqlServer;
  readonly #connections: number;
  readonly #options: PeerServerOptions;
  #clients: PostgresqlPool | undefined;
  /** Past the link. */
  #look: PostgresqlPool | undefined;

  constructor(server: PostgresqlServer, connections: number, options: PeerServerOptions) {
    this.#server = server;
    this.#connections = connections;
    this.#options = options;
  }

  get process(): PeerServer["process"] {
    return this.#server.process;
  }

  async start(): ReturnType<PeerServer["start"]> {
    const port = await this.#server.start();
    if (port === undefined) return undefined;
    this.#look?.close();
    this.#look = new PostgresqlPool({
      address: this.#server.address,
      connections: 1,
      clock: nodeClock,
      maxWaiting: 10,
    });
    const created = await this.#ask(createTable, []);
    const counted = created.kind === "rows" ? await this.#ask(countRecords, []) : created;
    if (counted.kind === "rows") return { port, records: Number(counted.rows[0]?.[0]) };
    if (!this.process.running) return undefined;
    throw new HarnessError(`Cannot start ${this.#options.name}: it serves, and does not answer: ${reasonOf(counted)}`);
  }

  readonly attempt: Attempt = (request, timeoutMs, done) => {
    const { statement, values } = exchangeOf(request);
    this.#clients ??= new PostgresqlPool({
      address: { ...this.#server.address, ...this.#options.clientAddress },
      connections: this.#connections,
      clock: nodeClock,
      maxWaiting,
    });
    this.#clients.query(statement, values, timeoutMs, (end) => {
      switch (end.kind) {
        case "rows":
          return done(replyOf(request, end.rows));
        case "error":
          return done({ kind: "error", code: errorCodeOf(end.state) });
        case "unsent":
        case "lost":
        case "silence":
          return done(end);
      }
    });
  };

  async entries(): Promise<StorageState["entries"] | undefined> {
    const entries: StorageState["entries"][number][] = [];
    let after: SqlValue = Buffer.alloc(0); // No key is empty.
    for (;;) {
      const page = await this.#ask(pageOfRecords, [after]);
      if (page.kind !== "rows" || entries.length > maxRecords) return undefined;
      const last = page.rows.at(-1);
      if (last === undefined) return entries;
      entries.push(...page.rows.map(readRecord));
      after = lastKeyOf(last);
    }
  }

  async close(): Promise<void> {
    this.#clients?.close();
    this.#look?.close();
    await this.#server.close();
  }

  #ask(statement: Statement, values: readonly SqlValue[]): Promise<SqlEnd> {
    return new Promise((resolve) => {
      if (this.#look === undefined || !this.process.running) {
        return resolve({ kind: "unsent", reason: "it does not run", state: undefined });
      }
      this.#look.query(statement, values, lookLimitMs, resolve);
    });
  }
}

function lastKeyOf([key]: SqlRow): Buffer {
  return Buffer.isBuffer(key) ? key : Buffer.alloc(0);
}

function reasonOf(end: SqlEnd): string {
  if (end.kind === "unsent") return end.reason;
  return end.kind === "error" ? end.message : end.kind;
}
