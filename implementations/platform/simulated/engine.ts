/**
 * An engine on any disk of the project: everything in memory, and a log of checksummed batches to recover it from.
 *
 * Batches that are issued while a group is being written gather and become the next one: one append, one sync. They
 * can be read when they are durable, and not before. Compaction writes all entries to a base, in slices beside the
 * writes, and then removes the log before it. It runs on the simulated disk, for which it is made, and on a real one.
 *
 * It does not bound what waits or what is kept: its owner does. It compacts only when it is told to.
 *
 * @see Sheehy & Smith 2010, "Bitcask: a log-structured hash table for fast key/value data" (everything findable from
 *   memory, one append per write).
 */

import type { Clock, Disk, DiskError } from "../../foundation/effects.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Engine, EngineCompletion, EngineWrite, ScanResult } from "../../storage/engine.ts";
import { writeBase } from "./engine-base.ts";
import { EngineLog } from "./engine-log.ts";
import type { LogFailure } from "./engine-log.ts";
import { baseName, batchBytes } from "./engine-records.ts";
import { recoverEngine } from "./engine-recovery.ts";
import type { RecoveredEngine } from "./engine-recovery.ts";
import { SortedEntries } from "./sorted-entries.ts";

export interface SimulatedEngineOptions {
  /** Answers come by it, in a later turn. */
  readonly clock: Clock;
  /** A segment of the log that has reached this size is followed by another; default 4 MiB. */
  readonly segmentBytes?: number;
  /** What compaction writes at a time; default 64 KiB. */
  readonly sliceBytes?: number;
}

const groupBytes = 4 * 1024 * 1024;
const syncAttempts = 5;

type Done = EngineCompletion<void>;
type Job =
  | { readonly kind: "write"; readonly batch: readonly EngineWrite[]; readonly bytes: number; readonly done: Done }
  | { readonly kind: "compact" | "clear"; readonly done: Done };

export class SimulatedEngine implements Engine {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #sliceBytes: number;
  readonly #log: EngineLog;
  readonly #entries: SortedEntries;
  #base: number;
  readonly #jobs = new Fifo<Job>();
  #isWriting = false;
  #compacting: Done[] = [];
  #failure: EngineError | undefined;
  #onIdle: (() => void)[] = [];
  readonly #counts = { keysRead: 0, bases: 0, filesRemoved: 0 };

  private constructor(disk: Disk, options: SimulatedEngineOptions, recovered: RecoveredEngine) {
    const { clock, segmentBytes = 4 * 1024 * 1024, sliceBytes = 64 * 1024 } = options;
    this.#disk = disk;
    this.#clock = clock;
    this.#sliceBytes = sliceBytes;
    this.#log = new EngineLog(disk, segmentBytes, recovered.segments, recovered.nextSequence);
    this.#entries = recovered.entries;
    this.#base = recovered.base;
  }

  /** Recovers what `disk` holds. Errors: DAMAGED; FULL, IO, CLOSED of the disk. */
  static open(
    disk: Disk,
    options: SimulatedEngineOptions,
    done: (error: EngineError | undefined, engine?: SimulatedEngine) => void,
  ): void {
    recoverEngine(disk, (error, recovered) => {
      if (recovered === undefined) return done(error);
      done(undefined, new SimulatedEngine(disk, options, recovered));
    });
  }

  get counters(): Readonly<Record<string, number>> {
    const { groups, batches, bytes, retries } = this.#log.counts;
    return {
      "batches written": batches,
      syncs: groups,
      "bytes written": bytes,
      "keys read": this.#counts.keysRead,
      "writes tried again": retries,
      "bases written": this.#counts.bases,
      "files removed": this.#counts.filesRemoved,
      "log segments": this.#log.segmentCount,
    };
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<readonly (Uint8Array | undefined)[]>): void {
    this.#answer(done, () => {
      this.#counts.keysRead += keys.length;
      return keys.map((key) => copyOf(this.#entries.get(key)));
    });
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    this.#answer(done, () => this.#entries.scan(from, to, maxBytes));
  }

  write(batch: readonly EngineWrite[], done: Done): void {
    this.#enqueue({ kind: "write", batch, bytes: batchBytes(batch), done });
  }

  compact(done: Done): void {
    this.#enqueue({ kind: "compact", done });
  }

  clear(done: Done): void {
    this.#enqueue({ kind: "clear", done });
  }

  close(done: () => void): void {
    this.#failure ??= new EngineError("CLOSED", "Cannot use the engine: it was closed");
    this.#onIdle.push(done);
    this.#later(() => this.#endIfIdle());
  }

  /** @param find what to answer; asked in the later turn. */
  #answer<T>(done: EngineCompletion<T>, find: () => T): void {
    this.#later(() => {
      if (this.#failure !== undefined) done(this.#failure, undefined as T);
      else done(undefined, find());
    });
  }

  #enqueue(job: Job): void {
    if (this.#failure !== undefined) return this.#answer(job.done, () => undefined);
    this.#jobs.push(job);
    if (this.#isWriting) return;
    // What one turn issues goes together; and a disk may complete before its call returns, an engine may not.
    this.#isWriting = true;
    this.#later(() => this.#next());
  }

  #later(callback: () => void): void {
    this.#clock.after(0, callback);
  }

  #next(): void {
    this.#isWriting = false;
    const job = this.#jobs.peek();
    if (job === undefined || this.#failure !== undefined) return this.#endIfIdle();
    if (job.kind === "write") return this.#writeGroup();
    // What is removed must not come back with a base that was begun before.
    if (job.kind === "clear" && this.#compacting.length > 0) return;
    this.#jobs.shift();
    if (job.kind === "clear") return this.#clear(job.done);
    this.#compacting.push(job.done);
    if (this.#compacting.length === 1) this.#compact();
    this.#next();
  }

  #writeGroup(): void {
    const batches: (readonly EngineWrite[])[] = [];
    const dones: Done[] = [];
    let bytes = 0;
    for (let job = this.#jobs.peek(); job?.kind === "write"; job = this.#jobs.peek()) {
      if (batches.length > 0 && bytes + job.bytes > groupBytes) break;
      batches.push(job.batch);
      dones.push(job.done);
      bytes += job.bytes;
      this.#jobs.shift();
    }
    this.#isWriting = true;
    this.#log.write(batches, (failure) => this.#onWritten(batches, dones, failure));
  }

  #onWritten(
    batches: readonly (readonly EngineWrite[])[],
    dones: readonly Done[],
    failure: LogFailure | undefined,
  ): void {
    const error = failure === undefined ? undefined : this.#errorOf("write", failure);
    if (error === undefined) {
      for (const batch of batches) for (const { key, value } of batch) this.#entries.set(key, value);
    }
    for (const done of dones) done(error, undefined);
    this.#next();
  }

  #errorOf(action: string, { code, cause }: LogFailure): EngineError {
    const error = new EngineError(code, `Cannot ${action}: ${cause.message}`, { cause });
    if (code === "CLOSED") this.#fail(error);
    return error;
  }

  #compact(): void {
    this.#log.roll();
    const sequence = this.#log.nextSequence;
    if (sequence === this.#base) return this.#later(() => this.#endCompaction(undefined));
    const options = {
      sequence,
      entries: this.#entries,
      sliceBytes: this.#sliceBytes,
      isAbandoned: () => this.#failure !== undefined,
    };
    writeBase(this.#disk, options, (error, isThere) => {
      if (error !== undefined || !isThere) return this.#endCompaction(error);
      this.#disk.syncDirectory((failure) => {
        if (failure === undefined) this.#replaceBefore(sequence);
        this.#endCompaction(failure);
      });
    });
  }

  #endCompaction(cause: DiskError | undefined): void {
    const dones = this.#compacting;
    this.#compacting = [];
    const error = this.#failure ?? (cause && this.#errorOf("compact", { code: codeOf(cause), cause }));
    for (const done of dones) done(error, undefined);
    if (!this.#isWriting) this.#next();
  }

  /** An empty base. Writes wait: were they to follow one that is not durable, a crash could undo it beneath them. */
  #clear(done: Done): void {
    this.#isWriting = true;
    this.#log.roll();
    const sequence = this.#log.nextSequence;
    const nothing = new SortedEntries();
    const finish = (error: EngineError | undefined): void => {
      if (error === undefined) {
        this.#entries.clear();
        this.#replaceBefore(sequence);
      }
      done(error, undefined);
      this.#next();
    };
    if (sequence === this.#base && this.#entries.size === 0) return this.#later(() => finish(undefined));
    const options = { sequence, entries: nothing, sliceBytes: this.#sliceBytes, isAbandoned: () => false };
    writeBase(this.#disk, options, (cause, isThere) => {
      if (cause !== undefined) return finish(this.#errorOf("clear", { code: codeOf(cause), cause }));
      if (isThere) this.#syncDirectory(1, finish);
    });
  }

  /** With the base in its place there is no way back: it is made durable, or the engine has failed. */
  #syncDirectory(attempt: number, done: (error: EngineError | undefined) => void): void {
    this.#disk.syncDirectory((cause) => {
      if (cause === undefined) return done(undefined);
      if (attempt < syncAttempts) return this.#syncDirectory(attempt + 1, done);
      done(this.#errorOf("clear", { code: "CLOSED", cause }));
    });
  }

  /** Removes what the base of `sequence` replaces; what cannot be removed, recovery will. */
  #replaceBefore(sequence: number): void {
    const names = this.#log.takeBefore(sequence);
    if (this.#base > 0 && this.#base < sequence) names.push(baseName(this.#base));
    this.#base = sequence;
    this.#counts.bases++;
    for (const name of names) {
      this.#disk.remove(name, (error) => {
        if (error === undefined) this.#counts.filesRemoved++;
      });
    }
  }

  #fail(error: EngineError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#later(() => this.#failWaiting());
  }

  #failWaiting(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    const jobs = [...this.#jobs];
    this.#jobs.clear();
    for (const { done } of jobs) done(failure, undefined);
  }

  #endIfIdle(): void {
    this.#failWaiting();
    if (this.#isWriting || this.#compacting.length > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = [];
    for (const done of onIdle) done();
  }
}

function codeOf({ code }: DiskError): "FULL" | "IO" | "CLOSED" {
  return code === "NOT_FOUND" ? "IO" : code;
}

function copyOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : Uint8Array.from(bytes);
}
