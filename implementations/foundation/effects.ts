/**
 * The ports through which everything outside `platform/` touches the world.
 *
 * Nothing else reads a clock, draws randomness, sets a timer or touches disk or network. `platform/node/` implements
 * the ports on the real machine, `platform/simulated/` in virtual time from one seed, and one parity suite runs on
 * both. Completion callbacks rather than promises: a simulated run is one synchronous loop, so no interleaving can
 * depend on the order in which the host drains its microtasks.
 */

import type { Millis, NodeId } from "./units.ts";

/** Monotonic time and timers of one node. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; never decreases unless a clock fault says so. */
  nowMs(): Millis;
  /**
   * Calls `callback` once, at least `delayMs` (>= 0) from now on this clock. Timers due at the same instant fire in
   * the order in which they were set.
   */
  after(delayMs: Millis, callback: () => void): Timer;
}

export interface Timer {
  /** Prevents the callback if it has not run; harmless afterwards. */
  cancel(): void;
}

/** A stream of pseudorandom numbers. */
export interface Random {
  /** Uniform over [0, 2^32). */
  uint32(): number;
  /** Uniform over [0, 1), 53 bits. */
  float(): number;
  /** Uniform integer over [0, limit), limit in [1, 2^32], without modulo bias. */
  below(limit: number): number;
  /**
   * An independent stream that depends on this stream's seed and `label` only, not on how much was drawn: a new draw
   * in one place disturbs nothing elsewhere.
   */
  fork(label: string): Random;
}

/** Why a disk operation failed. `FULL` and `IO` may succeed later; `CLOSED` never. */
export type DiskErrorCode = "NOT_FOUND" | "FULL" | "IO" | "CLOSED";

/** An expected failure of a disk operation. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: DiskErrorCode;
  constructor(code: DiskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Called exactly once: with an error, or with `undefined` and the value. */
export type Completion<T> = (error: DiskError | undefined, value: T) => void;

/**
 * One node's directory: a flat name space of files that grow at their end.
 *
 * Operations take effect in the order in which they were issued and complete in that order. A completed `append` is
 * not durable; it is after a completed `sync` of that file. A name that appeared, vanished or changed (first append,
 * rename, remove) is durable after a completed `syncDirectory`.
 */
export interface Disk {
  /** Names of all files, sorted. */
  list(done: Completion<readonly string[]>): void;
  /** The whole file. @throws (as error) NOT_FOUND, IO. */
  read(name: string, done: Completion<Uint8Array>): void;
  /**
   * Adds `chunks`, in order, at the end of the file; creates it when missing. The caller must not modify them. One that
   * fails may have created the file, and added a strict prefix of the bytes.
   */
  append(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void;
  /** Makes everything appended to the file durable. After a failure nobody knows which bytes ever will be. */
  sync(name: string, done: Completion<void>): void;
  /** Shortens the file to `lengthBytes`; durable after `sync`. */
  truncate(name: string, lengthBytes: number, done: Completion<void>): void;
  /** Replaces `to` by `from` atomically. */
  rename(from: string, to: string, done: Completion<void>): void;
  remove(name: string, done: Completion<void>): void;
  /** Makes the name space durable. */
  syncDirectory(done: Completion<void>): void;
}

/**
 * One node's way to others: unreliable datagrams, as the protocols assume. A message arrives once or never unless a
 * fault says otherwise; messages of one link that arrive, arrive in order unless a fault says otherwise. `send`
 * never blocks and never fails: what cannot be sent within the transport's bounds is dropped.
 */
export interface Transport {
  /** `to` is a node of the cluster, or the id of a client connection that sent us something. */
  send(to: NodeId, bytes: Uint8Array): void;
  /** Sets the receiver; called once, before anything is sent. The receiver owns `bytes`. */
  onMessage(receive: (from: NodeId, bytes: Uint8Array) => void): void;
}
