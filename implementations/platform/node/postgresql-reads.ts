/**
 * The engine's reads from PostgreSQL: one statement at a time, so that they complete in the order of issue; reads that
 * are issued meanwhile gather and become one statement.
 */

import type { EngineError } from "../../foundation/engine-error.ts";
import type { Clock } from "../../foundation/effects.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import type { EngineCompletion, ScanResult } from "../../storage/engine.ts";
import {
  byteaArray,
  bytesOf,
  engineCodeOf,
  isFinalRefusal,
  readKeys,
  scanOn,
  scanTo,
  sliceRows,
} from "./postgresql-engine-sql.ts";
import type { PostgresqlPool, SqlEnd, SqlRow, SqlValue, Statement } from "./postgresql-pool.ts";

const keysTogether = 1000;
const statementLimitMs: Millis = 30_000;
const retryPauseMs: Millis = 50;

type Values = readonly (Uint8Array | undefined)[];

interface Read {
  readonly kind: "read";
  readonly keys: readonly Uint8Array[];
  readonly done: EngineCompletion<Values>;
}
interface Scan {
  readonly kind: "scan";
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  readonly maxBytes: number;
  readonly done: EngineCompletion<ScanResult>;
}

/** What is under way: some reads, or one scan. */
interface UnderWay {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
  readonly complete: (rows: readonly SqlRow[]) => void;
  readonly refuse: (error: EngineError) => void;
  patienceEndMs: Millis | undefined;
}

export interface PostgresqlReadsOptions {
  readonly pool: PostgresqlPool;
  readonly clock: Clock;
  readonly patienceMs: Millis;
  readonly errorOf: (code: EngineError["code"], action: string, why: string) => EngineError;
  /** Nothing works any more. */
  readonly onFailure: (error: EngineError) => void;
}

export class PostgresqlReads {
  readonly #options: PostgresqlReadsOptions;
  readonly #waiting = new Fifo<Read | Scan>();
  #underWay: UnderWay | undefined;
  #isScheduled = false;
  #onIdle: (() => void) | undefined;

  constructor(options: PostgresqlReadsOptions) {
    this.#options = options;
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<Values>): void {
    this.#waiting.push({ kind: "read", keys, done });
    this.#schedule();
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    this.#waiting.push({ kind: "scan", from, to, maxBytes, done });
    this.#schedule();
  }

  /** Ends what waits with `error`; `idle` is called when nothing is under way. */
  close(error: EngineError, idle: () => void): void {
    this.#endWaiting(error);
    if (this.#underWay === undefined) return idle();
    this.#onIdle = idle;
    this.#underWay.patienceEndMs ??= this.#options.clock.nowMs();
  }

  /** Ends what is under way or waits with `error`. */
  fail(error: EngineError): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.refuse(error);
    this.#endWaiting(error);
    this.#becomeIdle();
  }

  #endWaiting(error: EngineError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const each of waiting) refuse(each, error);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#underWay !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#underWay !== undefined) return;
    const first = this.#waiting.shift();
    if (first === undefined) return this.#becomeIdle();
    this.#underWay = first.kind === "scan" ? scanning(first) : reading(this.#readsWith(first));
    this.#send(this.#underWay);
  }

  #readsWith(first: Read): readonly Read[] {
    const reads = [first];
    let keys = first.keys.length;
    for (let next = this.#waiting.peek(); next?.kind === "read"; next = this.#waiting.peek()) {
      if (keys + next.keys.length > keysTogether) break;
      keys += next.keys.length;
      reads.push(next);
      this.#waiting.shift();
    }
    return reads;
  }

  #send(underWay: UnderWay): void {
    this.#options.pool.query(underWay.statement, underWay.values, statementLimitMs, (end) => {
      if (this.#underWay === underWay) this.#ended(underWay, end);
    });
  }

  #ended(underWay: UnderWay, end: SqlEnd): void {
    const { clock, errorOf, patienceMs, onFailure } = this.#options;
    if (end.kind === "rows") return this.#next(() => underWay.complete(end.rows));
    if (end.kind === "error") {
      const error = errorOf(engineCodeOf(end.state), "read", end.message);
      return error.code === "DAMAGED" ? onFailure(error) : this.#next(() => underWay.refuse(error));
    }
    const [why, state] = end.kind === "unsent" ? [end.reason, end.state] : ["the connection was lost", undefined];
    underWay.patienceEndMs ??= clock.nowMs() + patienceMs;
    if (clock.nowMs() >= underWay.patienceEndMs || isFinalRefusal(state)) {
      return this.#next(() => underWay.refuse(errorOf("REFUSED", "read", why)));
    }
    clock.after(retryPauseMs, () => this.#underWay === underWay && this.#send(underWay));
  }

  #next(end: () => void): void {
    this.#underWay = undefined;
    end();
    this.#flush();
  }

  #becomeIdle(): void {
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}

function refuse(each: Read | Scan, error: EngineError): void {
  if (each.kind === "read") each.done(error, []);
  else each.done(error, { entries: [], next: undefined });
}

function reading(reads: readonly Read[]): UnderWay {
  return {
    statement: readKeys,
    values: [byteaArray(reads.flatMap(({ keys }) => keys))],
    complete: (rows) => {
      const found = new Map(rows.map((row) => [textOf(bytesOf(row, 0)), bytesOf(row, 1)]));
      for (const { keys, done } of reads) {
        done(
          undefined,
          keys.map((key) => found.get(textOf(key))),
        );
      }
    },
    refuse: (error) => {
      for (const each of reads) refuse(each, error);
    },
    patienceEndMs: undefined,
  };
}

function scanning(scan: Scan): UnderWay {
  const { from, to, maxBytes, done } = scan;
  const values = [Buffer.from(from), maxBytes];
  return {
    statement: to === undefined ? scanOn : scanTo,
    values: to === undefined ? values : [...values, Buffer.from(to)],
    complete: (rows) => {
      const entries = rows.map((row) => ({ key: bytesOf(row, 0), value: bytesOf(row, 1) }));
      done(undefined, { entries, next: nextOf(rows) });
    },
    refuse: (error) => refuse(scan, error),
    patienceEndMs: undefined,
  };
}

/** The third column says how many entries the slice was cut from; nothing follows a short and whole one. */
function nextOf(rows: readonly SqlRow[]): Uint8Array | undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const looked = Number(last[2]);
  if (rows.length === looked && looked < sliceRows) return undefined;
  return Buffer.concat([bytesOf(last, 0), Buffer.alloc(1)]); // No key lies between a key and itself with a zero.
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
