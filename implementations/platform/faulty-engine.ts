/**
 * An engine that fails its user as disks do: any engine, wrapped, for engines whose disk cannot be reached otherwise
 * (RocksDB and PostgreSQL write through the operating system).
 *
 * It can refuse reads and writes, be full, and be slow. An operation that is to fail goes to the engine as an empty one
 * and fails when that one has completed: so it takes its turn, and nothing of it is applied. A slow engine holds what
 * it is asked for a time and then passes on all that has gathered, since engines that commit in groups would be slowed
 * by the group and not by the batch.
 *
 * What it cannot do: tear, lose, misplace. A flipped bit of a closed database is `node/rocksdb-damage.ts`.
 */

import type { Clock, Random } from "../foundation/effects.ts";
import { EngineError } from "../foundation/engine-error.ts";
import type { DiskFault, FaultHandle } from "../foundation/faults.ts";
import type { Engine, EngineCompletion, EngineWrite, ScanResult } from "../storage/engine.ts";
import { ActiveDiskFaults } from "./active-disk-faults.ts";

/** The disk faults that an engine can be subjected to from outside. */
export type EngineFault = Extract<DiskFault, { readonly kind: "read-error" | "write-error" | "full" | "slow" }>;

export interface FaultyEngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Faults that were there before the engine. */
  readonly faults?: ActiveDiskFaults;
}

export class FaultyEngine implements Engine {
  readonly #base: Engine;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: ActiveDiskFaults;
  /** Held by a slow engine; undefined: it holds nothing at the moment. */
  #held: (() => void)[] | undefined;

  constructor(base: Engine, { clock, random, faults = new ActiveDiskFaults() }: FaultyEngineOptions) {
    this.#base = base;
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#base.counters;
  }

  inject(fault: EngineFault): FaultHandle {
    return this.#faults.add(fault).handle;
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<readonly (Uint8Array | undefined)[]>): void {
    const failure = this.#readFailure();
    this.#pass(() => {
      if (failure === undefined) this.#base.read(keys, done);
      else this.#base.read([], (error) => done(error ?? failure, []));
    });
  }

  write(batch: readonly EngineWrite[], done: EngineCompletion<void>): void {
    const failure = this.#writeFailure();
    this.#pass(() => {
      if (failure === undefined) this.#base.write(batch, done);
      else this.#base.write([], (error) => done(error ?? failure, undefined));
    });
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    const failure = this.#readFailure();
    this.#pass(() => {
      if (failure === undefined) this.#base.scan(from, to, maxBytes, done);
      else this.#base.read([], (error) => done(error ?? failure, { entries: [], next: undefined }));
    });
  }

  compact(done: EngineCompletion<void>): void {
    this.#change((completion) => this.#base.compact(completion), done);
  }

  clear(done: EngineCompletion<void>): void {
    this.#change((completion) => this.#base.clear(completion), done);
  }

  close(done: () => void): void {
    this.#release();
    this.#base.close(done);
  }

  #change(operation: (done: EngineCompletion<void>) => void, done: EngineCompletion<void>): void {
    const failure = this.#writeFailure();
    this.#pass(() => {
      if (failure === undefined) operation(done);
      else this.#base.write([], (error) => done(error ?? failure, undefined));
    });
  }

  #readFailure(): EngineError | undefined {
    if (!this.#faults.strikes("read-error", this.#random)) return undefined;
    return new EngineError("IO", "Cannot read from the engine: injected I/O error");
  }

  #writeFailure(): EngineError | undefined {
    const full = this.#faults.first("full");
    if (full !== undefined) {
      full.count++;
      return new EngineError("FULL", "Cannot write to the engine: injected full disk, no space left");
    }
    if (!this.#faults.strikes("write-error", this.#random)) return undefined;
    return new EngineError("IO", "Cannot write to the engine: injected I/O error");
  }

  #pass(operation: () => void): void {
    const extraMs = this.#faults.extraMs();
    if (this.#held !== undefined) {
      this.#held.push(operation);
    } else if (extraMs > 0) {
      this.#held = [operation];
      this.#clock.after(extraMs, () => this.#release());
    } else {
      operation();
    }
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const operation of held) operation();
  }
}
