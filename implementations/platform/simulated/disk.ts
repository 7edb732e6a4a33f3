/**
 * A disk in virtual time, which forgets on a power loss what a real one may forget.
 *
 * It outlives the node: `open` gives the node of one life its handle, `crash` ends that life. Operations queue up in
 * one line, as on one device; each takes effect when it completes. A crash leaves a random number of the queued ones
 * done. A power loss besides takes bytes that were not synced (all, none, or a torn rest), file by file, and undoes
 * changes to the name space that were not synced, latest first.
 *
 * Not modelled: sectors of one write that become durable out of order; the log format's own tests cover that.
 */

import { assert } from "../../foundation/assert.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Clock, Completion, Random } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { CorruptibleDisk } from "../corruptible-disk.ts";
import { SimulatedFile } from "./file.ts";

export interface SimulatedDiskOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Mean time of every operation but syncs; each takes between half of it and half more. */
  readonly appendLatencyMs?: Millis;
  /** Mean time of a sync, of a file or of the directory. */
  readonly syncLatencyMs?: Millis;
}

type NameSpace = Map<string, SimulatedFile>;

export class SimulatedDisk {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #appendLatencyMs: Millis;
  readonly #syncLatencyMs: Millis;
  #files: NameSpace = new Map();
  /** The name space as it was last synced, and what was done to it since. */
  #durable: NameSpace = new Map();
  #changes: ((files: NameSpace) => void)[] = [];
  #life: Life | undefined;

  constructor({ clock, random, appendLatencyMs = 0.05, syncLatencyMs = 1 }: SimulatedDiskOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#appendLatencyMs = appendLatencyMs;
    this.#syncLatencyMs = syncLatencyMs;
  }

  /**
   * A handle for one life of the node.
   *
   * @param clock the life's own clock, if it can be paused: completions then wait for the node to go on.
   */
  open(clock: Clock = this.#clock): CorruptibleDisk {
    assert(this.#life === undefined, "a disk serves one life at a time");
    this.#life = new Life(this, clock);
    return this.#life;
  }

  /** Ends the current life: nothing pending completes any more. Harmless without one. */
  crash({ powerLoss }: { readonly powerLoss: boolean }): { readonly bytesLost: number } {
    this.#life?.end(this.#random);
    this.#life = undefined;
    let bytesLost = 0;
    if (!powerLoss) return { bytesLost };
    const kept = this.#random.below(this.#changes.length + 1);
    for (const change of this.#changes.slice(0, kept)) change(this.#durable);
    this.#files = this.#durable;
    this.#syncNames();
    for (const file of this.#files.values()) bytesLost += file.losePower(this.#random);
    return { bytesLost };
  }

  /** Loses everything. @returns the bytes that were stored. */
  wipe(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.length;
    this.#files = new Map();
    this.#syncNames();
    return bytes;
  }

  /** The names of all files, sorted, as the node would see them. */
  names(): string[] {
    return [...this.#files.keys()].sort();
  }

  length(name: string): number {
    return this.#file(name).length;
  }

  read(name: string): Uint8Array {
    return this.#file(name).read();
  }

  append(name: string, chunks: readonly Uint8Array[]): void {
    this.#fileOrNew(name).append(chunks);
  }

  appendUnstorable(name: string, chunks: readonly Uint8Array[]): void {
    this.#fileOrNew(name).appendUnstorable(chunks);
  }

  sync(name: string): void {
    this.#file(name).sync();
  }

  truncate(name: string, lengthBytes: number): void {
    this.#file(name).truncate(lengthBytes);
  }

  rename(from: string, to: string): void {
    const file = this.#file(from);
    this.#change((files) => {
      files.delete(from);
      files.set(to, file);
    });
  }

  remove(name: string): void {
    this.#file(name);
    this.#change((files) => files.delete(name));
  }

  syncDirectory(): void {
    this.#syncNames();
  }

  /** Flips the bits `mask` of a stored byte: the medium decays, whether a node is up or not. */
  flipBit(name: string, offset: number, mask: number): void {
    this.#file(name).corrupt(offset, mask);
  }

  overwrite(name: string, offset: number, bytes: Uint8Array): void {
    this.#file(name).overwrite(offset, bytes);
  }

  latencyMs(isSync: boolean): Millis {
    return (isSync ? this.#syncLatencyMs : this.#appendLatencyMs) * (0.5 + this.#random.float());
  }

  #file(name: string): SimulatedFile {
    const file = this.#files.get(name);
    if (file === undefined) throw new DiskError("NOT_FOUND", `Cannot use ${name}: there is no such file`);
    return file;
  }

  #fileOrNew(name: string): SimulatedFile {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const created = new SimulatedFile();
    this.#change((files) => files.set(name, created));
    return created;
  }

  #change(change: (files: NameSpace) => void): void {
    change(this.#files);
    this.#changes.push(change);
  }

  #syncNames(): void {
    this.#durable = new Map(this.#files);
    this.#changes = [];
  }
}

interface Queued {
  /** Takes effect, and returns the call that completes the operation. */
  readonly perform: () => () => void;
}

/** The port of one life: a line of operations, one timer for each. */
class Life implements CorruptibleDisk {
  readonly #disk: SimulatedDisk;
  readonly #clock: Clock;
  #queue: Queued[] = [];
  #next = 0;
  #freeAtMs = 0;
  #ended = false;

  constructor(disk: SimulatedDisk, clock: Clock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  /** Stops completing; some of what is queued still takes effect. */
  end(random: Random): void {
    this.#ended = true;
    const queued = this.#queue.slice(this.#next);
    for (const { perform } of queued.slice(0, random.below(queued.length + 1))) perform();
    this.#queue = [];
  }

  list(done: Completion<readonly string[]>): void {
    this.#enqueue(false, () => this.#disk.names(), done);
  }

  read(name: string, done: Completion<Uint8Array>): void {
    this.#enqueue(false, () => this.#disk.read(name), done);
  }

  append(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.append(name, chunks), done);
  }

  sync(name: string, done: Completion<void>): void {
    this.#enqueue(true, () => this.#disk.sync(name), done);
  }

  truncate(name: string, lengthBytes: number, done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.truncate(name, lengthBytes), done);
  }

  rename(from: string, to: string, done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.rename(from, to), done);
  }

  remove(name: string, done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.remove(name), done);
  }

  syncDirectory(done: Completion<void>): void {
    this.#enqueue(true, () => this.#disk.syncDirectory(), done);
  }

  corrupt(name: string, offset: number, mask: number, done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.flipBit(name, offset, mask), done);
  }

  overwrite(name: string, offset: number, bytes: Uint8Array, done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.overwrite(name, offset, bytes), done);
  }

  appendUnstorable(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void {
    this.#enqueue(false, () => this.#disk.appendUnstorable(name, chunks), done);
  }

  #enqueue<T>(isSync: boolean, effect: () => T, done: Completion<T>): void {
    if (this.#ended) return;
    this.#queue.push({ perform: () => performed(effect, done) });
    const nowMs = this.#clock.nowMs();
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + this.#disk.latencyMs(isSync);
    this.#clock.after(this.#freeAtMs - nowMs, () => this.#completeNext());
  }

  #completeNext(): void {
    if (this.#ended) return;
    const queued = this.#queue[this.#next++];
    assert(queued !== undefined, "every timer has its operation");
    if (this.#next === this.#queue.length || this.#next >= 1024) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    queued.perform()();
  }
}

function performed<T>(effect: () => T, done: Completion<T>): () => void {
  try {
    const value = effect();
    return () => done(undefined, value);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return () => done(error, undefined as T);
  }
}
