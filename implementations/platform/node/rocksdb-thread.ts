/**
 * A thread that works on RocksDB: the one that opens the database and writes to it, or the one that reads from it.
 *
 * Two, because every call of the binding that matters blocks its thread: a write as long as the disk takes to sync, a
 * read as long as it takes to fetch a block. (The binding's asynchronous reads were not taken: on a damaged block they
 * never call back, and end the process.)
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import binding from "@nxtedition/rocksdb/binding.js";
import type { Database } from "@nxtedition/rocksdb/binding.js";
import { assert, unreachable } from "../../foundation/assert.ts";
import type { EngineErrorCode } from "../../foundation/engine-error.ts";
import { beginKey, decodeGroup, encodeGroup, endKey, findLogDamage, findManifestDamage } from "./rocksdb-log-check.ts";
import type { LogFile } from "./rocksdb-log-check.ts";
import { pack, recordPrefix, unpack } from "./rocksdb-messages.ts";
import type {
  Failure,
  ReaderReply,
  ReaderRequest,
  RocksSettings,
  ThreadData,
  WriterReply,
  WriterRequest,
} from "./rocksdb-messages.ts";

/** A slice of a scan ends after so many entries, however small they are. */
const maxScanEntries = 4096;

const restProperties = [
  "rocksdb.mem-table-flush-pending",
  "rocksdb.compaction-pending",
  "rocksdb.num-running-flushes",
  "rocksdb.num-running-compactions",
] as const;

class Writer {
  readonly #directory: string;
  readonly #settings: RocksSettings;
  readonly #database: Database;
  readonly #post: (reply: WriterReply) => void;
  /** Whether the files were looked at: once in the life of a node; what it wrote itself since is not decayed. */
  #isChecked = false;

  constructor(directory: string, settings: RocksSettings, post: (reply: WriterReply) => void) {
    this.#directory = directory;
    this.#settings = settings;
    this.#database = binding.db_init(directory);
    this.#post = post;
  }

  take(request: WriterRequest): void {
    switch (request.kind) {
      case "write":
        return this.#attempt(() => this.#write(request.group, request.writes));
      case "clear":
        return this.#attempt(() => this.#clear(request.group));
      case "reopen":
        return binding.db_close(this.#database, () => this.open());
      case "close":
        return binding.db_close(this.#database, () => this.#post({ kind: "closed" }));
      default:
        return unreachable(request);
    }
  }

  open(): void {
    const { memtableBytes, cacheBytes, compactionThreads } = this.#settings;
    const damage = this.#isChecked ? undefined : damageOf(this.#directory);
    if (damage !== undefined) {
      return this.#post({ kind: "failed", failure: { code: "DAMAGED", message: damage } });
    }
    this.#isChecked = true;
    const options = {
      createIfMissing: true,
      parallelism: compactionThreads,
      memtableMemoryBudget: memtableBytes,
      cacheSize: cacheBytes,
      compaction: "level",
      compression: false,
      walCompression: false,
    } as const;
    binding.db_open(this.#database, options, (error) => {
      if (error !== null) return this.#post({ kind: "failed", failure: failureOf(error, "DAMAGED") });
      const handle = binding.db_get_handle(this.#database);
      try {
        const [last] = binding.db_get_many_sync(this.#database, [beginKey], { fillCache: true });
        this.#post({ kind: "opened", handle, group: decodeGroup(last) });
      } catch (cause) {
        this.#post({ kind: "failed", failure: failureOf(cause as Error, "IO") });
      }
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
      this.#post({ kind: "written", failure: undefined });
    } catch (error) {
      this.#post({ kind: "written", failure: failureOf(error as Error, "IO") });
    }
  }

  #write(group: number, writes: ArrayBuffer): void {
    const elements = unpack(writes);
    const batch = binding.batch_init();
    binding.batch_put(batch, beginKey, encodeGroup(group), undefined);
    for (let index = 0; index < elements.length; index += 2) {
      const key = elements[index];
      const value = elements[index + 1];
      assert(key !== undefined, "every write has a key");
      if (value === undefined) binding.batch_del(batch, key, undefined);
      else binding.batch_put(batch, key, value, undefined);
    }
    binding.batch_write(this.#database, batch, { sync: false });
    this.#end(group);
    binding.batch_clear(batch);
  }

  /** The records go first: a group that is noted as there is there as a whole. */
  #clear(group: number): void {
    binding.db_clear(this.#database, { gte: Uint8Array.of(recordPrefix), lt: Uint8Array.of(recordPrefix + 1) });
    this.#write(group, pack([]));
  }

  /** What makes the group durable: a sync covers everything that was written to the log before. */
  #end(group: number): void {
    const note = binding.batch_init();
    binding.batch_put(note, endKey, encodeGroup(group), undefined);
    binding.batch_write(this.#database, note, { sync: true });
    binding.batch_clear(note);
  }
}

class Reader {
  readonly #database: Database;
  readonly #post: (reply: ReaderReply, transfer: ArrayBuffer[]) => void;

  constructor(handle: bigint, post: (reply: ReaderReply, transfer: ArrayBuffer[]) => void) {
    this.#database = binding.db_init(handle);
    this.#post = post;
  }

  take(request: ReaderRequest): void {
    try {
      const { reply, transfer } = this.#answer(request);
      this.#post(reply, transfer);
    } catch (error) {
      this.#post({ kind: "failed", failure: failureOf(error as Error, "IO") }, []);
    }
  }

  #answer(request: ReaderRequest): { readonly reply: ReaderReply; readonly transfer: ArrayBuffer[] } {
    switch (request.kind) {
      case "read": {
        const keys = unpack(request.keys) as Uint8Array[];
        const values = pack(binding.db_get_many_sync(this.#database, keys, { fillCache: true }));
        return { reply: { kind: "values", values }, transfer: [values] };
      }
      case "scan":
        return this.#scan(request.from, request.to, request.maxBytes);
      case "isAtRest": {
        const isAtRest = restProperties.every((name) => binding.db_get_property(this.#database, name) === "0");
        return { reply: { kind: "rest", isAtRest }, transfer: [] };
      }
      default:
        return unreachable(request);
    }
  }

  #scan(from: Uint8Array, to: Uint8Array, maxBytes: number): { reply: ReaderReply; transfer: ArrayBuffer[] } {
    const encodings = { keyEncoding: "buffer", valueEncoding: "buffer" } as const;
    const range = { gte: from, lt: to, highWaterMarkBytes: maxBytes, ...encodings };
    const iterator = binding.iterator_init(this.#database, range);
    try {
      const { rows, finished } = binding.iterator_nextv_sync(iterator, maxScanEntries);
      const entries = pack(rows);
      return { reply: { kind: "entries", entries, finished }, transfer: [entries] };
    } finally {
      binding.iterator_close(iterator);
    }
  }
}

/** Returns what is wrong with the files of a database that nobody uses, in words. */
function damageOf(directory: string): string | undefined {
  const names = fs.readdirSync(directory).toSorted();
  const manifestName = names.includes("CURRENT")
    ? fs.readFileSync(path.join(directory, "CURRENT"), "latin1").trimEnd()
    : undefined;
  const logs = names.filter((name) => /^\d+\.log$/.test(name)).map((name) => readLog(directory, name));
  if (manifestName === undefined) {
    const isUsed =
      names.some((name) => /^(\d+\.sst|MANIFEST-\d+)$/.test(name)) || logs.some(({ bytes }) => bytes.length > 0);
    // RocksDB writes its first manifest before CURRENT; cut short there it begins anew, and there is no table yet.
    const isBeginning = !names.some((name) => name.endsWith(".sst")) && logs.length === 0;
    return isUsed && !isBeginning ? "CURRENT is missing while data are there" : undefined;
  }
  if (!names.includes(manifestName)) return "CURRENT is damaged at byte 0: it names a file that is not there";
  return findLogDamage(logs) ?? findManifestDamage(readLog(directory, manifestName));
}

function readLog(directory: string, name: string): LogFile {
  return { name, bytes: fs.readFileSync(path.join(directory, name)) };
}

/** @param otherwise what an error is that RocksDB does not classify. */
function failureOf(error: Error & { readonly code?: string }, otherwise: EngineErrorCode): Failure {
  return { code: codeOf(error.code, error.message, otherwise), message: error.message };
}

function codeOf(code: string | undefined, message: string, otherwise: EngineErrorCode): EngineErrorCode {
  if (/No space left|Disk quota exceeded/.test(message)) return "FULL";
  if (code === "LEVEL_CORRUPTION") return "DAMAGED";
  if (code === "LEVEL_LOCKED") return "LOCKED";
  if (code === "LEVEL_IO_ERROR") return /No such file/.test(message) ? otherwise : "IO";
  return otherwise;
}

assert(parentPort !== null, "this file runs as a thread");
const port = parentPort;
const { database, settings } = workerData as ThreadData;
if (typeof database === "string") {
  assert(settings !== undefined, "whoever opens a database has settings for it");
  const writer = new Writer(database, settings, (reply) => port.postMessage(reply));
  port.on("message", (request: WriterRequest) => writer.take(request));
  writer.open();
} else {
  const reader = new Reader(database, (reply, transfer) => port.postMessage(reply, transfer));
  port.on("message", (request: ReaderRequest) => reader.take(request));
}
