/**
 * The engine on RocksDB, embedded: a directory of this machine, with synced writes and checksums on everything.
 *
 * RocksDB works on two threads of its own (`rocksdb-thread.ts`), because the binding blocks its caller while the disk
 * syncs; this side packs, posts and completes. Writes go out in groups (`rocksdb-writes.ts`), reads gather
 * (`rocksdb-reads.ts`), and each completes in the order of issue. Flipped bits in the log are found before RocksDB
 * would take them for a torn write (`rocksdb-log-check.ts`), those in tables by the checksum of the block that is read;
 * after either, everything answers DAMAGED.
 *
 * RocksDB compacts in the background, on as many threads as it is given, and the binding can neither start that nor
 * slow it down: `compact` waits until nothing is left to compact.
 *
 * @see O'Neil et al. 1996, "The log-structured merge-tree".
 */

import * as fs from "node:fs";
import { Worker } from "node:worker_threads";
import { EngineError } from "../../foundation/engine-error.ts";
import { HarnessError } from "../../foundation/errors.ts";
import type { Engine, EngineCompletion, EngineWrite, ScanResult } from "../../storage/engine.ts";
import { nodeClock } from "./clock.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { ReadLane } from "./rocksdb-reads.ts";
import { WriteLane } from "./rocksdb-writes.ts";
import type { Failure, RocksSettings, ThreadData, WriterReply } from "./rocksdb-messages.ts";

/** About 64 MiB in all: memtables may take half more than they are given while they are flushed. */
const defaults: RocksSettings = {
  memtableBytes: 24 * 1024 * 1024,
  cacheBytes: 28 * 1024 * 1024,
  compactionThreads: 1,
};

const restPollMs = 50;

export class RocksEngine implements Engine {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #writer: Worker;
  readonly #reader: Worker;
  readonly #writes: WriteLane;
  readonly #reads: ReadLane;
  #failure: EngineError | undefined;
  readonly #onClosed: (() => void)[] = [];
  #state: "open" | "closing" | "closed" = "open";
  #keysRead = 0;

  private constructor(directory: string, lock: DirectoryLock, writer: Worker, handle: bigint, group: number) {
    this.#directory = directory;
    this.#lock = lock;
    this.#writer = writer;
    this.#reader = startThread({ database: handle, settings: undefined });
    const toError = (action: string, failure: Failure): EngineError => this.#errorOf(action, failure);
    this.#reads = new ReadLane({
      post: (request, transfer) => this.#reader.postMessage(request, transfer),
      errorOf: toError,
    });
    this.#writes = new WriteLane({
      clock: nodeClock,
      group,
      post: (request, transfer) => this.#writer.postMessage(request, transfer),
      errorOf: toError,
      pauseReads: (idle) => this.#reads.pause(idle),
      resumeReads: () => this.#reads.resume(),
      onFailure: (error) => this.#fail(error),
    });
    this.#reader.on("message", (reply) => this.#reads.onReply(reply));
    this.#writer.on("message", (reply: WriterReply) => {
      if (reply.kind === "closed") void this.#end();
      else this.#writes.onReply(reply);
    });
    for (const thread of [this.#reader, this.#writer]) {
      thread.on("error", (cause) =>
        this.#fail(new EngineError("CLOSED", this.#text("use", "a thread died"), { cause })),
      );
    }
  }

  /**
   * Opens the database in `directory`, which is created when missing.
   *
   * @throws EngineError LOCKED when another process uses it; DAMAGED when its files are; FULL or IO when they cannot be
   *   written or read.
   */
  static async open(directory: string, settings: Partial<RocksSettings> = {}): Promise<RocksEngine> {
    const lock = acquire(directory);
    const writer = startThread({ database: directory, settings: { ...defaults, ...settings } });
    try {
      const { handle, group } = await opened(directory, writer);
      return new RocksEngine(directory, lock, writer, handle, group);
    } catch (error) {
      await writer.terminate();
      lock.release();
      throw error;
    }
  }

  get counters(): Readonly<Record<string, number>> {
    const { batches, groups, bytes, mendings } = this.#writes.counts;
    return {
      "batches written": batches,
      syncs: groups,
      "bytes written": bytes,
      "keys read": this.#keysRead,
      "reopened after failures": mendings,
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
    this.#reads.look((error, isAtRest) => {
      if (error !== undefined || isAtRest) return done(error, undefined);
      nodeClock.after(restPollMs, () => this.compact(done));
    });
  }

  clear(done: EngineCompletion<void>): void {
    if (!this.#refuses(done)) this.#writes.write(undefined, done);
  }

  close(done: () => void): void {
    if (this.#state === "closed") return void setImmediate(done);
    this.#onClosed.push(done);
    if (this.#state === "closing") return;
    this.#state = "closing";
    const error = new EngineError("CLOSED", this.#text("use", "it was closed"));
    this.#failure ??= error;
    const closeDatabase = (): void =>
      this.#reads.pause(() => {
        this.#reads.fail(error);
        this.#writer.postMessage({ kind: "close" }, []);
      });
    setImmediate(() => this.#writes.close(error, closeDatabase));
  }

  async #end(): Promise<void> {
    await Promise.all([this.#reader.terminate(), this.#writer.terminate()]);
    this.#lock.release();
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

  #errorOf(action: string, failure: Failure): EngineError {
    const error = errorOf(this.#directory, action, failure);
    if (failure.code === "DAMAGED") setImmediate(() => this.#fail(error));
    return error;
  }

  #fail(error: EngineError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#reads.fail(error);
    this.#writes.fail(error);
  }

  #text(action: string, why: string): string {
    return textOf(this.#directory, action, why);
  }
}

function startThread(workerData: ThreadData): Worker {
  return new Worker(new URL("./rocksdb-thread.ts", import.meta.url), { workerData, execArgv: [] });
}

/** @throws EngineError when the database cannot be opened. */
function opened(directory: string, writer: Worker): Promise<{ readonly handle: bigint; readonly group: number }> {
  return new Promise((resolve, reject) => {
    const died = (cause: unknown): void =>
      reject(new EngineError("DAMAGED", textOf(directory, "open", "its thread died of the files"), { cause }));
    writer.once("error", died);
    writer.once("exit", died);
    writer.once("message", (reply: WriterReply) => {
      writer.removeAllListeners("error");
      writer.removeAllListeners("exit");
      if (reply.kind === "opened") resolve(reply);
      else if (reply.kind === "failed") reject(errorOf(directory, "open", reply.failure));
    });
  });
}

function acquire(directory: string): DirectoryLock {
  try {
    fs.mkdirSync(directory, { recursive: true });
    return DirectoryLock.acquire(directory);
  } catch (cause) {
    const code = cause instanceof HarnessError ? "LOCKED" : "IO";
    throw new EngineError(code, textOf(directory, "open", (cause as Error).message), { cause });
  }
}

function errorOf(directory: string, action: string, { code, message }: Failure): EngineError {
  return new EngineError(code, textOf(directory, action, message));
}

function textOf(directory: string, action: string, why: string): string {
  return `Cannot ${action} in the RocksDB database in ${directory}: ${why}`;
}
