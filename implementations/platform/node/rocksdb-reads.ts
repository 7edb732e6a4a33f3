/**
 * The way to the thread that reads: one request under way at a time, in order, and reads that gather meanwhile become
 * one. It can be told to pause, while the database is closed and opened again.
 */

import type { EngineError } from "../../foundation/engine-error.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { EngineCompletion, EngineEntry, ScanResult } from "../../storage/engine.ts";
import { pack, recordPrefix, unpack } from "./rocksdb-messages.ts";
import type { Failure, ReaderReply, ReaderRequest } from "./rocksdb-messages.ts";

/** With values of 1 MiB, that many keys may bring 256 MiB. */
const maxKeys = 256;

type Values = readonly (Uint8Array | undefined)[];

interface Read {
  readonly kind: "read";
  readonly keys: readonly Uint8Array[];
  readonly done: EngineCompletion<Values>;
}
interface Scan {
  readonly kind: "scan";
  readonly request: ReaderRequest;
  readonly done: EngineCompletion<ScanResult>;
}
interface Look {
  readonly kind: "look";
  readonly done: EngineCompletion<boolean>;
}
type Waiting = Read | Scan | Look;

export interface ReadLaneOptions {
  readonly post: (request: ReaderRequest, transfer: ArrayBuffer[]) => void;
  readonly errorOf: (action: string, failure: Failure) => EngineError;
}

export class ReadLane {
  readonly #post: ReadLaneOptions["post"];
  readonly #errorOf: ReadLaneOptions["errorOf"];
  readonly #waiting = new Fifo<Waiting>();
  #underWay: readonly Waiting[] = [];
  #isScheduled = false;
  #onIdle: (() => void) | undefined;
  #isPaused = false;

  constructor({ post, errorOf }: ReadLaneOptions) {
    this.#post = post;
    this.#errorOf = errorOf;
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<Values>): void {
    this.#enqueue({ kind: "read", keys, done });
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    const end = to === undefined ? Uint8Array.of(recordPrefix + 1) : Uint8Array.of(recordPrefix, ...to);
    const request = { kind: "scan", from: Uint8Array.of(recordPrefix, ...from), to: end, maxBytes } as const;
    this.#enqueue({ kind: "scan", request, done });
  }

  /** Whether no flush or compaction runs or is due. */
  look(done: EngineCompletion<boolean>): void {
    this.#enqueue({ kind: "look", done });
  }

  /** Starts nothing more; `idle` is called when nothing is under way. */
  pause(idle: () => void): void {
    this.#isPaused = true;
    if (this.#underWay.length === 0) return idle();
    this.#onIdle = idle;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flush();
  }

  /** Ends everything that waits or is under way with `error`. */
  fail(error: EngineError): void {
    const failed = [...this.#underWay, ...this.#waiting];
    this.#underWay = [];
    this.#waiting.clear();
    for (const waiting of failed) failOne(waiting, error);
  }

  onReply(reply: ReaderReply): void {
    const underWay = this.#underWay;
    this.#underWay = [];
    const [first] = underWay;
    if (first !== undefined) this.#complete(underWay, first, reply);
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
    this.#flush();
  }

  #complete(underWay: readonly Waiting[], first: Waiting, reply: ReaderReply): void {
    if (reply.kind === "failed") {
      const error = this.#errorOf(first.kind === "look" ? "look at the compactions" : first.kind, reply.failure);
      for (const waiting of underWay) failOne(waiting, error);
    } else if (reply.kind === "values") {
      const values = unpack(reply.values);
      let at = 0;
      for (const waiting of underWay) {
        if (waiting.kind !== "read") continue;
        waiting.done(undefined, values.slice(at, at + waiting.keys.length));
        at += waiting.keys.length;
      }
    } else if (reply.kind === "entries" && first.kind === "scan") {
      first.done(undefined, scanResult(unpack(reply.entries), reply.finished));
    } else if (reply.kind === "rest" && first.kind === "look") {
      first.done(undefined, reply.isAtRest);
    }
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // What one turn asks for goes together.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isPaused || this.#underWay.length > 0) return;
    const first = this.#waiting.peek();
    if (first === undefined) return;
    if (first.kind === "read") return this.#startReads();
    this.#underWay = [first];
    this.#waiting.shift();
    this.#post(first.kind === "scan" ? first.request : { kind: "isAtRest" }, []);
  }

  #startReads(): void {
    const reads: Read[] = [];
    const keys: Uint8Array[] = [];
    for (let next = this.#waiting.peek(); next?.kind === "read"; next = this.#waiting.peek()) {
      if (reads.length > 0 && keys.length + next.keys.length > maxKeys) break;
      reads.push(next);
      keys.push(...next.keys);
      this.#waiting.shift();
    }
    this.#underWay = reads;
    const packed = pack(keys, "all");
    this.#post({ kind: "read", keys: packed }, [packed]);
  }
}

function failOne(waiting: Waiting, error: EngineError): void {
  waiting.done(error, undefined as never);
}

function scanResult(rows: readonly (Uint8Array | undefined)[], finished: boolean): ScanResult {
  const entries: EngineEntry[] = [];
  for (let index = 0; index < rows.length; index += 2) {
    const key = rows[index];
    const value = rows[index + 1];
    if (key !== undefined && value !== undefined) entries.push({ key: key.subarray(1), value });
  }
  const last = entries.at(-1)?.key;
  return { entries, next: finished || last === undefined ? undefined : Uint8Array.of(...last, 0) };
}
