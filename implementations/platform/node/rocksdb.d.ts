/**
 * The part of @nxtedition/rocksdb 12.2.12 that the engine uses: the native binding below the package's own classes,
 * which would put an object, a promise and a turn of the event loop around every record. The package has no
 * declarations. Everything here blocks the calling thread but `db_open` and `db_close`; everything throws errors that
 * carry a `code`.
 */
declare module "@nxtedition/rocksdb/binding.js" {
  /** A database, opened or not; a batch; an iterator. */
  interface Database {
    readonly kind: unique symbol;
  }
  interface Batch {
    readonly kind: unique symbol;
  }
  interface Iterator {
    readonly kind: unique symbol;
  }
  interface OpenOptions {
    readonly createIfMissing: boolean;
    /** Threads for compactions; flushes have one of their own. */
    readonly parallelism: number;
    readonly memtableMemoryBudget: number;
    readonly cacheSize: number;
    readonly compaction: "level";
    readonly compression: boolean;
    readonly walCompression: boolean;
  }
  type NodeCallback = (error: (Error & { readonly code?: string }) | null) => void;

  const binding: {
    /** By directory, or by the handle of a database that another thread of this process has opened. */
    db_init(directory: string | bigint): Database;
    db_open(database: Database, options: OpenOptions, done: NodeCallback): void;
    db_close(database: Database, done: NodeCallback): void;
    db_get_handle(database: Database): bigint;
    db_get_property(database: Database, name: string): string;
    /** Not synced. */
    db_clear(database: Database, range: { readonly gte: Uint8Array; readonly lt: Uint8Array }): void;
    db_get_many_sync(
      database: Database,
      keys: readonly Uint8Array[],
      options: { readonly fillCache: boolean },
    ): (Uint8Array | undefined)[];
    batch_init(): Batch;
    batch_put(batch: Batch, key: Uint8Array, value: Uint8Array, options: undefined): void;
    batch_del(batch: Batch, key: Uint8Array, options: undefined): void;
    batch_write(database: Database, batch: Batch, options: { readonly sync: boolean }): void;
    batch_clear(batch: Batch): void;
    iterator_init(
      database: Database,
      options: {
        readonly gte: Uint8Array;
        readonly lt: Uint8Array;
        readonly highWaterMarkBytes: number;
        readonly keyEncoding: "buffer";
        readonly valueEncoding: "buffer";
      },
    ): Iterator;
    /** Keys and values in turn. */
    iterator_nextv_sync(iterator: Iterator, count: number): { readonly rows: Uint8Array[]; readonly finished: boolean };
    iterator_close(iterator: Iterator): void;
  };
  export type { Database };
  export default binding;
}
