/**
 * Appended bytes that are held back in memory until they are synced, per file.
 *
 * A process that is killed loses nothing that it wrote: the operating system still has it. Holding writes back makes a
 * killed process lose exactly what a power loss would have taken.
 */

export interface HeldWrite {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  /** It is to land over earlier bytes of the file instead of at its end. */
  readonly misdirected: boolean;
}

export class HeldWrites {
  readonly #byName = new Map<string, HeldWrite[]>();
  #totalBytes = 0;

  get totalBytes(): number {
    return this.#totalBytes;
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  bytesOf(name: string): number {
    return (this.#byName.get(name) ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  hold(name: string, chunks: readonly Uint8Array[], misdirected: boolean): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const write = { chunks, bytes, misdirected };
    const held = this.#byName.get(name);
    if (held === undefined) this.#byName.set(name, [write]);
    else held.push(write);
    this.#totalBytes += bytes;
  }

  /** Hands over what is held of `name`, in order; nothing is held of it afterwards. */
  take(name: string): readonly HeldWrite[] {
    const held = this.#byName.get(name);
    if (held === undefined) return [];
    this.#byName.delete(name);
    for (const { bytes } of held) this.#totalBytes -= bytes;
    return held;
  }

  /** @returns the bytes dropped. */
  dropAll(): number {
    const dropped = this.#totalBytes;
    this.#byName.clear();
    this.#totalBytes = 0;
    return dropped;
  }
}

export function joined(writes: readonly HeldWrite[]): Uint8Array {
  const bytes = new Uint8Array(writes.reduce((sum, write) => sum + write.bytes, 0));
  let at = 0;
  for (const { chunks } of writes) {
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return bytes;
}
