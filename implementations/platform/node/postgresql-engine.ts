/**
 * The engine on a PostgreSQL server, which is given by its address and may be shared: each engine has a database of its
 * own there.
 *
 * Writes go out in groups, each one transaction on one connection (`postgresql-writes.ts`); reads gather on another
 * (`postgresql-reads.ts`). Connections are plain TCP: the server is meant to stand beside the node. A server that is
 * gone is waited for, then its absence is REFUSED; what the server's checksums do not like is DAMAGED, and nothing more
 * is served. What was acknowledged is as durable as the server's own commits, so one that does not sync is refused.
 *
 * An advisory lock keeps a second node off the data, and should a node lose it with its connection, the owner's name
 * beside the data makes every later write of it fail.
 */

import { randomBytes } from "node:crypto";
import { EngineError } from "../../foundation/engine-error.ts";
import type { Millis } from "../../foundation/units.ts";
import type { Engine, EngineCompletion, EngineWrite, ScanResult } from "../../storage/engine.ts";
import { nodeClock } from "./clock.ts";
import {
  createTables,
  describeServer,
  engineCodeOf,
  isFinalRefusal,
  takeLock,
  takeOver,
  vacuum,
} from "./postgresql-engine-sql.ts";
import { greetingRefused, PostgresqlPool } from "./postgresql-pool.ts";
import type { SqlRow, SqlValue, Statement } from "./postgresql-pool.ts";
import { PostgresqlReads } from "./postgresql-reads.ts";
import type { PostgresqlAddress } from "./postgresql-server.ts";
import { PostgresqlWrites } from "./postgresql-writes.ts";

export interface PostgresqlEngineOptions {
  /** How long a server that is gone is waited for. */
  readonly patienceMs?: Millis;
}

const oldestVersion = 130_000;
const defaultPatienceMs: Millis = 10_000;
/** Another engine's lock goes with its connection, which takes a moment to end. */
const lockPatienceMs: Millis = 1000;
const retryPauseMs: Millis = 50;
const statementLimitMs: Millis = 30_000;
const vacuumLimitMs: Millis = 3_600_000;
const maxWaiting = 10;

export class PostgresqlEngine implements Engine {
  readonly #where: string;
  readonly #pools: readonly PostgresqlPool[];
  readonly #writes: PostgresqlWrites;
  readonly #reads: PostgresqlReads;
  readonly #upkeep: PostgresqlPool;
  #failure: EngineError | undefined;
  readonly #onClosed: (() => void)[] = [];
  #state: "open" | "closing" | "closed" = "open";
  #keysRead = 0;

  private constructor(address: PostgresqlAddress, writer: PostgresqlPool, opened: Opened, patienceMs: Millis) {
    this.#where = nameOf(address);
    const [reader, upkeep] = [poolOf(address), poolOf(address)];
    this.#pools = [writer, reader, upkeep];
    this.#upkeep = upkeep;
    const common = {
      clock: nodeClock,
      patienceMs,
      errorOf: (code: EngineError["code"], action: string, why: string) => errorOf(this.#where, code, action, why),
      onFailure: (error: EngineError) => this.#fail(error),
    };
    this.#writes = new PostgresqlWrites({ ...common, ...opened, pool: writer });
    this.#reads = new PostgresqlReads({ ...common, pool: reader });
  }

  /**
   * Opens the engine in the database at `where`: an address, or "postgresql://USER:PASSWORD@HOST:PORT/DATABASE".
   *
   * @throws EngineError LOCKED when another engine uses it; REFUSED when the server does not answer or turns us away,
   *   is older than version 13, or does not sync; DAMAGED, FULL or IO as the server says.
   */
  static async open(
    where: PostgresqlAddress | string,
    options: PostgresqlEngineOptions = {},
  ): Promise<PostgresqlEngine> {
    const address = typeof where === "string" ? parseAddress(where) : where;
    const { patienceMs = defaultPatienceMs } = options;
    const writer = poolOf(address, takeLock);
    try {
      return new PostgresqlEngine(address, writer, await prepare(writer, nameOf(address), patienceMs), patienceMs);
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  get counters(): Readonly<Record<string, number>> {
    const { batches, groups, bytes, retries } = this.#writes.counts;
    return {
      "batches written": batches,
      syncs: groups,
      "bytes written": bytes,
      "keys read": this.#keysRead,
      "retries of writes": retries,
    };
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<readonly (Uint8Array | undefined)[]>): void {
    if (this.#refuses(done)) return;
    this.#keysRead += keys.length;
    this.#reads.read(keys, done);
  }

  write(batch: readonly EngineWrite[], done: EngineCompletion<void>): void {
    if (!this.#refuses(done)) this.#writes.write(batch, done);
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    if (!this.#refuses(done)) this.#reads.scan(from, to, maxBytes, done);
  }

  compact(done: EngineCompletion<void>): void {
    if (this.#refuses(done)) return;
    setImmediate(() =>
      this.#upkeep.query(vacuum, [], vacuumLimitMs, (end) => {
        if (end.kind === "rows") return done(undefined, undefined);
        if (this.#failure !== undefined) return done(this.#failure, undefined);
        if (end.kind !== "error") return done(this.#errorOf("REFUSED", "compact", "the server is gone"), undefined);
        const error = this.#errorOf(engineCodeOf(end.state), "compact", end.message);
        if (error.code === "DAMAGED") this.#fail(error);
        done(error, undefined);
      }),
    );
  }

  clear(done: EngineCompletion<void>): void {
    if (!this.#refuses(done)) this.#writes.write(undefined, done);
  }

  close(done: () => void): void {
    if (this.#state === "closed") return void setImmediate(done);
    this.#onClosed.push(done);
    if (this.#state === "closing") return;
    this.#state = "closing";
    const error = this.#errorOf("CLOSED", "use", "it was closed");
    this.#failure ??= error;
    setImmediate(() => this.#writes.close(error, () => this.#reads.close(error, () => this.#end())));
  }

  #end(): void {
    for (const pool of this.#pools) pool.close();
    this.#state = "closed";
    for (const done of this.#onClosed) done();
  }

  /** @returns whether nothing more is done; `done` then learns why, in a later turn. */
  #refuses<T>(done: EngineCompletion<T>): boolean {
    const failure = this.#failure;
    if (failure === undefined) return false;
    setImmediate(() => done(failure, undefined as T));
    return true;
  }

  #fail(error: EngineError): void {
    this.#failure ??= error;
    this.#writes.fail(error);
    this.#reads.fail(error);
  }

  #errorOf(code: EngineError["code"], action: string, why: string): EngineError {
    return errorOf(this.#where, code, action, why);
  }
}

/** What a later write must name, and follow. */
interface Opened {
  readonly owner: string;
  readonly groups: number;
}

async function prepare(pool: PostgresqlPool, where: string, patienceMs: Millis): Promise<Opened> {
  const ask = (statement: Statement, values: readonly SqlValue[]): Promise<readonly SqlRow[]> =>
    answerOf(pool, where, statement, values, patienceMs);
  const [version, ...promises] = (await ask(describeServer, []))[0] ?? [];
  if (Number(version) < oldestVersion) {
    const why = `the server has version ${Number(version) / 10_000}; 13 or later is needed`;
    throw errorOf(where, "REFUSED", "open", why);
  }
  if (promises.some((setting) => setting !== "on")) {
    throw errorOf(where, "REFUSED", "open", "the server must have fsync and full_page_writes on");
  }
  for (const statement of createTables) await ask(statement, []);
  const owner = randomBytes(16).toString("hex");
  const [row] = await ask(takeOver, [owner]);
  return { owner, groups: Number(row?.[0]) };
}

/** Asks until there is an answer; every statement of `prepare` may be asked twice. */
async function answerOf(
  pool: PostgresqlPool,
  where: string,
  statement: Statement,
  values: readonly SqlValue[],
  patienceMs: Millis,
): Promise<readonly SqlRow[]> {
  const startMs = nodeClock.nowMs();
  for (;;) {
    const end = await new Promise<Parameters<Parameters<PostgresqlPool["query"]>[3]>[0]>((resolve) => {
      pool.query(statement, values, statementLimitMs, resolve);
    });
    if (end.kind === "rows") return end.rows;
    if (end.kind === "error") throw errorOf(where, engineCodeOf(end.state), "open", end.message);
    const [why, state] = end.kind === "unsent" ? [end.reason, end.state] : ["the connection was lost", undefined];
    const waitedMs = nodeClock.nowMs() - startMs;
    if (state === greetingRefused && waitedMs >= Math.min(lockPatienceMs, patienceMs)) {
      throw errorOf(where, "LOCKED", "open", why);
    }
    if (isFinalRefusal(state) || waitedMs >= patienceMs) throw errorOf(where, "REFUSED", "open", why);
    await new Promise<void>((resolve) => nodeClock.after(retryPauseMs, resolve));
  }
}

function poolOf(address: PostgresqlAddress, greeting?: Statement): PostgresqlPool {
  const common = { address, connections: 1, clock: nodeClock, maxWaiting };
  return new PostgresqlPool(greeting === undefined ? common : { ...common, greeting });
}

/** @throws EngineError REFUSED: `text` is no address. */
export function parseAddress(text: string): PostgresqlAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["postgres:", "postgresql:"].includes(url.protocol) || url.hostname === "") {
    const wanted = "allowed is postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
    throw new EngineError(
      "REFUSED",
      `Cannot open the PostgreSQL database at ${url?.host ?? "what is no address"}: ${wanted}`,
    );
  }
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent);
  return {
    host: url.hostname,
    port: url.port === "" ? 5432 : Number(url.port),
    user: user ?? "",
    password: password ?? "",
    database: database || user || "",
  };
}

/** Without the password. */
function nameOf({ host, port, database }: PostgresqlAddress): string {
  return `${host}:${port}/${database}`;
}

function errorOf(where: string, code: EngineError["code"], action: string, why: string): EngineError {
  return new EngineError(code, `Cannot ${action} in the PostgreSQL database at ${where}: ${why}`);
}
