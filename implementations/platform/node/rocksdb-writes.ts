/**
 * The way to the thread that writes: group commit, and what to do when a write fails.
 *
 * Batches that are issued while a group is being written gather and become the next group, one atomic write under one
 * sync. After a failed write nobody knows what RocksDB holds in memory and in its log, and it refuses further writes.
 * So the database is closed and opened again, which recovers it from its files, stores what it found anew, and tells
 * by the group's number whether the write is there. If it is, it was done; if not, it never will be, and is tried
 * again or answered with its error. Where the database cannot be opened again for a while, the group waits.
 */

import { EngineError } from "../../foundation/engine-error.ts";
import type { Clock } from "../../foundation/effects.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { EngineCompletion, EngineWrite } from "../../storage/engine.ts";
import { pack } from "./rocksdb-messages.ts";
import type { Failure, WriterReply, WriterRequest } from "./rocksdb-messages.ts";

const groupBytes = 4 * 1024 * 1024;
const writeAttempts = 3;
const reopenAttempts = 40;
const reopenPauseMs = 250;

interface Waiting {
  /** undefined: everything is to be removed. */
  readonly batch: readonly EngineWrite[] | undefined;
  readonly bytes: number;
  readonly done: EngineCompletion<void>;
}

export interface WriteLaneOptions {
  readonly clock: Clock;
  /** The last group that the database holds. */
  readonly group: number;
  readonly post: (request: WriterRequest, transfer: ArrayBuffer[]) => void;
  readonly errorOf: (action: string, failure: Failure) => EngineError;
  /** The database is about to be closed: calls back when nobody uses it. */
  readonly pauseReads: (idle: () => void) => void;
  readonly resumeReads: () => void;
  /** Nothing works any more. */
  readonly onFailure: (error: EngineError) => void;
}

export class WriteLane {
  readonly #options: WriteLaneOptions;
  readonly #waiting = new Fifo<Waiting>();
  #underWay: readonly Waiting[] = [];
  #group: number;
  #attempts = 0;
  #reopens = 0;
  #failure: Failure | undefined;
  #onIdle: (() => void) | undefined;
  readonly counts = { batches: 0, groups: 0, bytes: 0, mendings: 0 };

  constructor(options: WriteLaneOptions) {
    this.#options = options;
    this.#group = options.group;
  }

  write(batch: readonly EngineWrite[] | undefined, done: EngineCompletion<void>): void {
    let bytes = 0;
    for (const { key, value } of batch ?? []) bytes += key.length + (value?.length ?? 0);
    this.#waiting.push({ batch, bytes, done });
    this.#flush();
  }

  /** Ends what waits with `error`; `idle` is called when nothing is under way. */
  close(error: EngineError, idle: () => void): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { done } of waiting) done(error, undefined);
    if (this.#underWay.length === 0) return idle();
    this.#onIdle = idle;
  }

  /** Ends what is under way or waits with `error`. */
  fail(error: EngineError): void {
    const failed = [...this.#underWay, ...this.#waiting];
    this.#underWay = [];
    this.#waiting.clear();
    for (const { done } of failed) done(error, undefined);
    this.#becomeIdle();
  }

  onReply(reply: WriterReply): void {
    if (this.#underWay.length === 0) return; // It has failed for good meanwhile.
    if (reply.kind === "written") this.#onWritten(reply.failure);
    else if (reply.kind === "opened") this.#onReopened(reply.group);
    else if (reply.kind === "failed") this.#onReopenFailed(reply.failure);
  }

  #flush(): void {
    if (this.#underWay.length > 0) return;
    const group: Waiting[] = [];
    let bytes = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const isAlone = next.batch === undefined || bytes + next.bytes > groupBytes;
      if (group.length > 0 && isAlone) break;
      group.push(next);
      bytes += next.bytes;
      this.#waiting.shift();
      if (next.batch === undefined) break;
    }
    if (group.length === 0) return this.#becomeIdle();
    this.#underWay = group;
    this.#group++;
    this.#attempts = 0;
    this.#post();
  }

  #post(): void {
    this.#attempts++;
    const group = this.#group;
    if (this.#underWay[0]?.batch === undefined) return this.#options.post({ kind: "clear", group }, []);
    const elements: (Uint8Array | undefined)[] = [];
    for (const { batch } of this.#underWay) for (const { key, value } of batch ?? []) elements.push(key, value);
    const writes = pack(elements, "keys");
    this.counts.bytes += writes.byteLength;
    this.#options.post({ kind: "write", group, writes }, [writes]);
  }

  #onWritten(failure: Failure | undefined): void {
    if (failure === undefined) return this.#complete(undefined);
    const error = this.#options.errorOf("write", failure);
    if (failure.code === "DAMAGED") return this.#options.onFailure(error);
    this.counts.mendings++;
    this.#failure = failure;
    this.#reopens = 0;
    this.#options.pauseReads(() => this.#reopen());
  }

  #reopen(): void {
    this.#reopens++;
    this.#options.post({ kind: "reopen" }, []);
  }

  #onReopened(lastGroup: number): void {
    this.#options.resumeReads();
    if (lastGroup >= this.#group) return this.#complete(undefined);
    const failure = this.#failure;
    if (failure === undefined || (failure.code !== "FULL" && this.#attempts < writeAttempts)) return this.#post();
    this.#complete(this.#options.errorOf("write", failure));
  }

  #onReopenFailed(failure: Failure): void {
    const error = this.#options.errorOf("open again after a failed write", failure);
    if (failure.code === "DAMAGED") return this.#options.onFailure(error);
    if (this.#reopens < reopenAttempts) {
      this.#options.clock.after(reopenPauseMs, () => this.#underWay.length > 0 && this.#reopen());
      return;
    }
    this.#options.onFailure(
      new EngineError("CLOSED", `${error.message}; close it, and open it again`, { cause: error }),
    );
  }

  #complete(error: EngineError | undefined): void {
    const group = this.#underWay;
    this.#underWay = [];
    if (error === undefined) {
      this.counts.groups++;
      this.counts.batches += group.length;
    }
    for (const { done } of group) done(error, undefined);
    this.#flush();
  }

  #becomeIdle(): void {
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}
