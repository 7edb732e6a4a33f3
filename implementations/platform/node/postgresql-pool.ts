/**
 * Connections to one PostgreSQL server, through `pg`: each performs one statement at a time, and statements wait for
 * one that is free, in order and up to a bound.
 *
 * It tells apart what `pg` does not: whether a statement was never sent, or nobody knows what became of it. A statement
 * that is given up takes its connection with it. A connection that ended is made anew when it is needed, at most every
 * `reconnectPauseMs`. Statements are prepared on each connection once, by their names. What comes back
 * is text, bytes in hexadecimal, as `pg` reads nothing else right: its binary mode turns every column into a string.
 */

import pg from "pg";
import type { Clock, Timer } from "../../foundation/effects.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import type { PostgresqlAddress } from "./postgresql-server.ts";

export interface Statement {
  /** Under which it is prepared; the same text for a name, always. */
  readonly name: string;
  readonly text: string;
}

export type SqlValue = string | number | null | Buffer;
/** Columns that are bytes come as Buffers, integers of 64 bits as text, null as null. */
export type SqlRow = readonly unknown[];

export type SqlEnd =
  | { readonly kind: "rows"; readonly rows: readonly SqlRow[] }
  /** The server answered with an error, and nothing of the statement took effect. */
  | { readonly kind: "error"; readonly state: string; readonly message: string }
  /** It was never sent: why, and the SQLSTATE if it was the server that turned us away. */
  | { readonly kind: "unsent"; readonly reason: string; readonly state: string | undefined }
  /** The connection ended, or the time did, with the statement under way. */
  | { readonly kind: "lost" | "silence" };

export interface PostgresqlPoolOptions {
  readonly address: PostgresqlAddress;
  readonly connections: number;
  readonly clock: Clock;
  /** How many statements may wait. */
  readonly maxWaiting: number;
  /** Said first on every connection; one on which the first column is not true is of no use. */
  readonly greeting?: Statement;
}

interface Asked {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
  readonly done: (end: SqlEnd) => void;
  limit: Timer | undefined;
  ended: boolean;
}

/** The state of what was never sent because the greeting was not answered with true; not one of PostgreSQL's. */
export const greetingRefused = "refused";

const reconnectPauseMs: Millis = 50;
const connectLimitMs: Millis = 5000;

export class PostgresqlPool {
  readonly #options: PostgresqlPoolOptions;
  readonly #connections: Connection[];
  readonly #waiting = new Fifo<Asked>();
  #closed = false;

  constructor(options: PostgresqlPoolOptions) {
    this.#options = options;
    const onFree = (connection: Connection): void => this.#serve(connection);
    const onDown = (connection: Connection): void => this.#wentDown(connection);
    this.#connections = Array.from({ length: options.connections }, () => new Connection(options, onFree, onDown));
    for (const connection of this.#connections) connection.open();
  }

  /** Performs `statement`; `done` is called once, no later than `timeoutMs` from now. */
  query(statement: Statement, values: readonly SqlValue[], timeoutMs: Millis, done: (end: SqlEnd) => void): void {
    if (this.#closed) return done({ kind: "unsent", reason: "it was closed", state: undefined });
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return done({ kind: "unsent", reason: "too many statements wait", state: undefined });
    }
    const asked: Asked = { statement, values, done, limit: undefined, ended: false };
    const free = this.#connections.find((each) => each.isFree);
    asked.limit = this.#options.clock.after(timeoutMs, () => this.#giveUp(asked));
    if (free !== undefined) return free.perform(asked);
    for (const each of this.#connections) each.open();
    if (!this.#connections.some((each) => each.isUsed)) return endAsked(asked, this.#unsent());
    this.#waiting.push(asked);
  }

  /** Ends the connections, and what is under way on them. */
  close(): void {
    this.#closed = true;
    for (const each of this.#connections) each.close();
    this.#refuseWaiting();
  }

  #serve(connection: Connection): void {
    while (connection.isFree) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      if (!asked.ended) connection.perform(asked);
    }
  }

  #wentDown(connection: Connection): void {
    if (this.#closed) return;
    if (this.#waiting.length > 0) connection.open();
    if (!this.#connections.some((each) => each.isUsed)) this.#refuseWaiting();
  }

  #giveUp(asked: Asked): void {
    const connection = this.#connections.find((each) => each.performs(asked));
    if (connection !== undefined) return connection.fail({ kind: "silence" });
    endAsked(asked, { kind: "unsent", reason: "no connection was free in time", state: undefined });
  }

  #refuseWaiting(): void {
    for (let asked = this.#waiting.shift(); asked !== undefined; asked = this.#waiting.shift()) {
      endAsked(asked, this.#unsent());
    }
  }

  #unsent(): SqlEnd {
    const { reason, state } = this.#connections.find((each) => each.refusal !== undefined)?.refusal ?? {
      reason: "there is no connection",
      state: undefined,
    };
    return { kind: "unsent", reason, state };
  }
}

function endAsked(asked: Asked, end: SqlEnd): void {
  if (asked.ended) return;
  asked.ended = true;
  asked.limit?.cancel();
  asked.done(end);
}

/** One seat of the pool: a connection, when there is one. */
class Connection {
  readonly #options: PostgresqlPoolOptions;
  readonly #onFree: (connection: Connection) => void;
  readonly #onDown: (connection: Connection) => void;
  #client: pg.Client | undefined;
  #state: "down" | "connecting" | "up" = "down";
  #asked: Asked | undefined;
  #nextConnectMs = 0;
  #closed = false;
  /** Why the last attempt to connect failed. */
  refusal: { readonly reason: string; readonly state: string | undefined } | undefined;

  constructor(
    options: PostgresqlPoolOptions,
    onFree: (connection: Connection) => void,
    onDown: (connection: Connection) => void,
  ) {
    this.#options = options;
    this.#onFree = onFree;
    this.#onDown = onDown;
  }

  get isFree(): boolean {
    return this.#state === "up" && this.#asked === undefined;
  }

  /** It is connected, or tries to be. */
  get isUsed(): boolean {
    return this.#state !== "down";
  }

  performs(asked: Asked): boolean {
    return this.#asked === asked;
  }

  open(): void {
    if (this.#closed || this.#state !== "down" || this.#options.clock.nowMs() < this.#nextConnectMs) return;
    this.#state = "connecting";
    this.#nextConnectMs = this.#options.clock.nowMs() + reconnectPauseMs;
    const client = new pg.Client({
      ...this.#options.address,
      ssl: false,
      connectionTimeoutMillis: connectLimitMs,
      keepAlive: true,
      options: "-c synchronous_commit=on",
    });
    this.#client = client;
    client.on("error", () => this.#lose(client, { kind: "lost" }));
    client.on("end", () => this.#lose(client, { kind: "lost" }));
    client.connect((error: Error | null | undefined) => this.#connected(client, error));
  }

  perform(asked: Asked): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#asked = asked;
    client.query(
      { ...asked.statement, values: [...asked.values], rowMode: "array" },
      (error: Error | null, result: pg.QueryArrayResult) => this.#performed(client, asked, error, result),
    );
  }

  fail(end: SqlEnd): void {
    if (this.#client !== undefined) this.#lose(this.#client, end);
  }

  close(): void {
    this.#closed = true;
    this.fail({ kind: "lost" });
  }

  #connected(client: pg.Client, error: Error | null | undefined): void {
    if (this.#client !== client) return;
    if (error instanceof Error) return this.#refused(client, error.message, stateOf(error));
    const { greeting, clock } = this.#options;
    if (greeting === undefined) return this.#rise();
    const limit = clock.after(connectLimitMs, () => this.#refused(client, "it does not answer", undefined));
    client.query({ ...greeting, rowMode: "array" }, (failure: Error | null, result: pg.QueryArrayResult) => {
      limit.cancel();
      if (this.#client !== client) return;
      if (failure instanceof Error) return this.#refused(client, failure.message, stateOf(failure));
      const [answer] = (result.rows as SqlRow[])[0] ?? [];
      if (answer !== true) return this.#refused(client, "somebody else uses it", greetingRefused);
      this.#rise();
    });
  }

  #rise(): void {
    this.refusal = undefined;
    this.#state = "up";
    this.#onFree(this);
  }

  #refused(client: pg.Client, reason: string, state: string | undefined): void {
    this.refusal = { reason, state };
    this.#lose(client, { kind: "lost" });
  }

  #performed(client: pg.Client, asked: Asked, error: Error | null, result: pg.QueryArrayResult): void {
    if (this.#client !== client || this.#asked !== asked) return;
    const state = error instanceof Error ? stateOf(error) : undefined;
    if (error instanceof Error && (state === undefined || endsConnection(state)))
      return this.#lose(client, { kind: "lost" });
    this.#asked = undefined;
    endAsked(
      asked,
      error instanceof Error
        ? { kind: "error", state: state ?? "", message: error.message }
        : { kind: "rows", rows: result.rows },
    );
    this.#onFree(this);
  }

  #lose(client: pg.Client, end: SqlEnd): void {
    // `end` would wait for an answer to what is under way.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#state = "down";
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked !== undefined) endAsked(asked, end);
    this.#onDown(this);
  }
}

/** Class 57P: the server ends, and may have done so after it committed. */
function endsConnection(state: string): boolean {
  return state.startsWith("57P");
}

function stateOf(error: Error): string | undefined {
  // Other errors of pg and of sockets have codes too: "ECONNREFUSED".
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}
