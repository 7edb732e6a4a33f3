/**
 * A disk with room for so many bytes, whichever files they are in. An append that does not fit adds nothing.
 *
 * It counts what its user has asked for: an operation that fails for another reason is counted as if it had not.
 */

import { DiskError } from "../../foundation/effects.ts";
import type { Completion, Disk } from "../../foundation/effects.ts";

export class LimitedDisk implements Disk {
  readonly #base: Disk;
  readonly #capacityBytes: number;
  readonly #sizes = new Map<string, number>();

  constructor(base: Disk, capacityBytes: number) {
    this.#base = base;
    this.#capacityBytes = capacityBytes;
  }

  list(done: Completion<readonly string[]>): void {
    this.#base.list(done);
  }

  read(name: string, done: Completion<Uint8Array>): void {
    this.#base.read(name, done);
  }

  append(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const used = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    if (used + bytes > this.#capacityBytes) {
      // Takes its turn among the others.
      return this.#base.list(() => done(new DiskError("FULL", `Cannot append to ${name}: no space left`)));
    }
    this.#sizes.set(name, (this.#sizes.get(name) ?? 0) + bytes);
    this.#base.append(name, chunks, done);
  }

  sync(name: string, done: Completion<void>): void {
    this.#base.sync(name, done);
  }

  truncate(name: string, lengthBytes: number, done: Completion<void>): void {
    this.#sizes.set(name, lengthBytes);
    this.#base.truncate(name, lengthBytes, done);
  }

  rename(from: string, to: string, done: Completion<void>): void {
    this.#sizes.set(to, this.#sizes.get(from) ?? 0);
    this.#sizes.delete(from);
    this.#base.rename(from, to, done);
  }

  remove(name: string, done: Completion<void>): void {
    this.#sizes.delete(name);
    this.#base.remove(name, done);
  }

  syncDirectory(done: Completion<void>): void {
    this.#base.syncDirectory(done);
  }
}
