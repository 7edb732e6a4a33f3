/**
 * The open files of one directory, for the disk thread: synchronous system calls, since the thread has nothing else to
 * do.
 *
 * Descriptors stay open from one append to the next; the least recently used is closed when there are many. Appends go
 * to a position that is tracked here: after a failed write the next one overwrites what was left of it.
 */

import * as fs from "node:fs";
import * as path from "node:path";

const maxOpenFiles = 32;
const maxReadBytes = 1 << 30;

interface OpenFile {
  readonly descriptor: number;
  size: number;
}

export class OpenFiles {
  readonly #directory: string;
  /** In order of use, the latest last. */
  readonly #open = new Map<string, OpenFile>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  read(name: string): ArrayBuffer {
    const { descriptor, size } = this.#file(name, false);
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const count = fs.readSync(descriptor, bytes, at, Math.min(size - at, maxReadBytes), at);
      if (count === 0) throw Object.assign(new Error(`file ended at ${at} of ${size} bytes`), { code: "EIO" });
      at += count;
    }
    return bytes.buffer;
  }

  append(name: string, chunks: readonly Uint8Array[]): void {
    const file = this.#file(name, true);
    const sizeBefore = file.size;
    try {
      file.size += writeAll(file.descriptor, chunks, sizeBefore);
    } catch (error) {
      this.#tryTruncate(file.descriptor, sizeBefore);
      throw error;
    }
  }

  sync(name: string): void {
    fs.fdatasyncSync(this.#file(name, false).descriptor);
  }

  truncate(name: string, length: number): void {
    const file = this.#file(name, false);
    if (length >= file.size) return;
    fs.ftruncateSync(file.descriptor, length);
    file.size = length;
  }

  rename(from: string, to: string): void {
    fs.renameSync(this.#path(from), this.#path(to));
    this.#close(to);
    const file = this.#open.get(from);
    this.#open.delete(from);
    if (file !== undefined) this.#open.set(to, file);
  }

  remove(name: string): void {
    fs.unlinkSync(this.#path(name));
    this.#close(name);
  }

  overwrite(name: string, offset: number, bytes: Uint8Array): void {
    const file = this.#file(name, false);
    writeAll(file.descriptor, [bytes], offset);
    file.size = Math.max(file.size, offset + bytes.length);
  }

  corrupt(name: string, offset: number, mask: number): void {
    const { descriptor } = this.#file(name, false);
    const byte = new Uint8Array(1);
    if (fs.readSync(descriptor, byte, 0, 1, offset) === 0) return;
    byte[0] = (byte[0] ?? 0) ^ mask;
    fs.writeSync(descriptor, byte, 0, 1, offset);
    fs.fdatasyncSync(descriptor);
  }

  closeAll(): void {
    for (const name of [...this.#open.keys()]) this.#close(name);
  }

  #path(name: string): string {
    return path.join(this.#directory, name);
  }

  #file(name: string, create: boolean): OpenFile {
    const known = this.#open.get(name);
    if (known !== undefined) {
      this.#open.delete(name);
      this.#open.set(name, known);
      return known;
    }
    const flags = fs.constants.O_RDWR | (create ? fs.constants.O_CREAT : 0);
    const descriptor = fs.openSync(this.#path(name), flags, 0o644);
    const file = { descriptor, size: fs.fstatSync(descriptor).size };
    this.#open.set(name, file);
    const [oldest] = this.#open.keys();
    if (this.#open.size > maxOpenFiles && oldest !== undefined) this.#close(oldest);
    return file;
  }

  #close(name: string): void {
    const file = this.#open.get(name);
    if (file === undefined) return;
    this.#open.delete(name);
    fs.closeSync(file.descriptor);
  }

  #tryTruncate(descriptor: number, length: number): void {
    try {
      fs.ftruncateSync(descriptor, length);
    } catch {
      // The write's own error is what the caller must see; a remainder past the tracked size is overwritten or cut
      // later.
    }
  }
}

/** @returns the bytes written: all. */
function writeAll(descriptor: number, chunks: readonly Uint8Array[], position: number): number {
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let written = 0;
  let rest = chunks;
  while (written < total) {
    let count = fs.writevSync(descriptor, rest, position + written);
    written += count;
    // The system may take less than it was offered.
    rest = rest.flatMap((chunk) => {
      const taken = Math.min(count, chunk.length);
      count -= taken;
      return taken === chunk.length ? [] : [chunk.subarray(taken)];
    });
  }
  return written;
}
