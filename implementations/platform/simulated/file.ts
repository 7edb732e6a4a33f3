/**
 * One file of a simulated disk: what programs see, and what is durable.
 *
 * Appended chunks are kept as they were handed over, so an append costs the same however long the file is. Bytes up to
 * the synced length are durable; a shortening or an overwriting that is not synced yet keeps the old chunks beside the
 * new ones, because a power loss may bring them back.
 */

import type { Random } from "../../foundation/effects.ts";

export class SimulatedFile {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Everything up to here is durable, unless `#before` holds what is durable instead. */
  #syncedLength = 0;
  #before: { readonly chunks: readonly Uint8Array[]; readonly length: number } | undefined;

  get length(): number {
    return this.#length;
  }

  /** Bytes that a power loss can take. */
  get unsyncedBytes(): number {
    return this.#length - Math.min(this.#syncedLength, this.#length);
  }

  append(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    }
  }

  read(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#keepDurable(length);
    this.#cutTo(length);
    this.#syncedLength = Math.min(this.#syncedLength, length);
  }

  overwrite(offset: number, bytes: Uint8Array): void {
    this.#keepDurable(offset);
    const whole = this.read();
    const spoiled = new Uint8Array(Math.max(whole.length, offset + bytes.length));
    spoiled.set(whole);
    spoiled.set(bytes, offset);
    this.#chunks = [spoiled];
    this.#length = spoiled.length;
    this.#syncedLength = Math.min(this.#syncedLength, offset);
  }

  /** Flips bits in place, as decay does: durable at once. Chunks belong to whoever wrote them, so one is copied. */
  corrupt(offset: number, mask: number): void {
    let start = 0;
    for (const [index, chunk] of this.#chunks.entries()) {
      if (offset < start + chunk.length) {
        const copy = Uint8Array.from(chunk); // Not slice: that of a Buffer shares its memory.
        copy[offset - start] = (copy[offset - start] ?? 0) ^ mask;
        this.#chunks[index] = copy;
        return;
      }
      start += chunk.length;
    }
  }

  sync(): void {
    this.#syncedLength = this.#length;
    this.#before = undefined;
  }

  /**
   * Keeps what survives a power loss: all that is durable and a random prefix of the rest, often torn inside a chunk.
   *
   * @returns the bytes lost.
   */
  losePower(random: Random): number {
    const lengthBefore = this.#length;
    const before = this.#before;
    if (before !== undefined && random.below(2) === 0) {
      this.#chunks = [...before.chunks];
      this.#length = before.length;
      this.#syncedLength = before.length;
    } else {
      const unsynced = this.unsyncedBytes;
      const fate = random.below(4);
      const kept = fate === 0 ? 0 : fate === 1 ? unsynced : random.below(unsynced + 1);
      this.#cutTo(this.#length - unsynced + kept);
    }
    this.sync();
    return Math.max(0, lengthBefore - this.#length);
  }

  #keepDurable(changedFrom: number): void {
    if (this.#before !== undefined || changedFrom >= this.#syncedLength) return;
    const live = { chunks: this.#chunks, length: this.#length };
    this.#chunks = [...this.#chunks];
    this.#cutTo(this.#syncedLength);
    this.#before = { chunks: this.#chunks, length: this.#length };
    this.#chunks = [...live.chunks];
    this.#length = live.length;
  }

  #cutTo(length: number): void {
    while (this.#length > length) {
      const last = this.#chunks.pop();
      if (last === undefined) return;
      this.#length -= last.length;
      if (this.#length < length) {
        this.#chunks.push(last.subarray(0, length - this.#length));
        this.#length = length;
      }
    }
  }
}
