/**
 * One file of a simulated disk: what programs see, and what is durable.
 *
 * Appended chunks are kept as they were handed over, so an append costs the same however long the file is. Bytes up to
 * the synced length are durable; a shortening or an overwriting that is not synced yet keeps the old chunks beside the
 * new ones, because a power loss may bring them back.
 *
 * Some bytes can be marked as ones that no sync will store, though every read shows them: what a failed fsync leaves
 * behind in the page cache of some systems.
 *
 * @see Rebello et al. 2020, "Can applications recover from fsync failures?", section 3.
 */

import type { Random } from "../../foundation/effects.ts";

/** Bytes [from, to) of a file. */
interface Span {
  readonly from: number;
  readonly to: number;
}

export class SimulatedFile {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Everything up to here is durable, unless `#before` holds what is durable instead. */
  #syncedLength = 0;
  #before:
    | { readonly chunks: readonly Uint8Array[]; readonly length: number; readonly unstorable: readonly Span[] }
    | undefined;
  /** Bytes that reads show and no sync stores, in ascending order. */
  #unstorable: readonly Span[] = [];

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

  /** Adds bytes that every read shows until the power is lost, and that no sync stores. */
  appendUnstorable(chunks: readonly Uint8Array[]): void {
    const from = this.#length;
    this.append(chunks);
    if (this.#length > from) this.#unstorable = [...this.#unstorable, { from, to: this.#length }];
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
    this.#unstorable = without(this.#unstorable, { from: length, to: Infinity });
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
    this.#unstorable = without(this.#unstorable, { from: offset, to: offset + bytes.length });
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
      this.#unstorable = before.unstorable;
      this.#syncedLength = before.length;
    } else {
      const unsynced = this.unsyncedBytes;
      const fate = random.below(4);
      const kept = fate === 0 ? 0 : fate === 1 ? unsynced : random.below(unsynced + 1);
      this.#cutTo(this.#length - unsynced + kept);
    }
    this.#loseUnstorable(random);
    this.sync();
    return Math.max(0, lengthBefore - this.#length);
  }

  /** At the file's end the new length was stored, and zeros stand for the bytes, or it was not. */
  #loseUnstorable(random: Random): void {
    for (const { from, to } of this.#unstorable.toReversed()) {
      if (from >= this.#length) continue;
      if (to >= this.#length && random.below(2) === 0) this.#cutTo(from);
      else {
        const whole = this.read();
        whole.fill(0, from, to);
        this.#chunks = [whole];
      }
    }
    this.#unstorable = [];
  }

  #keepDurable(changedFrom: number): void {
    if (this.#before !== undefined || changedFrom >= this.#syncedLength) return;
    const live = { chunks: this.#chunks, length: this.#length };
    this.#chunks = [...this.#chunks];
    this.#cutTo(this.#syncedLength);
    const unstorable = without(this.#unstorable, { from: this.#length, to: Infinity });
    this.#before = { chunks: this.#chunks, length: this.#length, unstorable };
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

/** Returns `spans` but for what lies in `removed`. */
function without(spans: readonly Span[], removed: Span): readonly Span[] {
  return spans.flatMap(({ from, to }) =>
    [
      { from, to: Math.min(to, removed.from) },
      { from: Math.max(from, removed.to), to },
    ].filter((span) => span.from < span.to),
  );
}
