/**
 * The port behind which a node keeps its records: an ordered map of bytes whose writes are atomic and durable.
 *
 * Three engines implement it, and one suite judges them all: RocksDB embedded in the node, a PostgreSQL server, and a
 * simulated one on a disk that tears, forgets and flips bits.
 */

import type { EngineError } from "../foundation/engine-error.ts";

export { EngineError } from "../foundation/engine-error.ts";

/**
 * Called exactly once, never before the call that was given it returned: with an error, or `undefined` and the value.
 */
export type EngineCompletion<T> = (error: EngineError | undefined, value: T) => void;

/** Sets `key`, or removes it where `value` is undefined. */
export interface EngineWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface EngineEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface ScanResult {
  /** In the order of their keys, byte by byte. */
  readonly entries: readonly EngineEntry[];
  /** Where to go on; undefined: the range is exhausted. */
  readonly next: Uint8Array | undefined;
}

export interface Engine {
  /** The values of `keys`, undefined where there is none. @throws (as error) IO, DAMAGED, REFUSED, CLOSED. */
  read(keys: readonly Uint8Array[], done: EngineCompletion<readonly (Uint8Array | undefined)[]>): void;
  /**
   * Applies all of `batch` or nothing, durably. Batches take effect in the order in which they were issued; the bytes
   * must not be modified until `done`. @throws (as error) FULL, IO, DAMAGED, REFUSED, CLOSED.
   */
  write(batch: readonly EngineWrite[], done: EngineCompletion<void>): void;
  /**
   * Entries from `from` (inclusive) to `to` (exclusive; undefined: to the end), ending after `maxBytes` of them.
   *
   * @throws (as error) IO, DAMAGED, REFUSED, CLOSED.
   */
  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void;
  /** Reclaims the room of what was overwritten and removed, in the background; `done` when it is through. */
  compact(done: EngineCompletion<void>): void;
  /** Removes everything, durably: for a node that joins again with nothing. */
  clear(done: EngineCompletion<void>): void;
  /** Named counters: "bytes written", "syncs", ... */
  readonly counters: Readonly<Record<string, number>>;
  /** Ends it; what is under way is completed or fails with CLOSED. */
  close(done: () => void): void;
}
